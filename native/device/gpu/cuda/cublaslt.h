// Matrix products by NVIDIA's cuBLASLt, where it is found at run time; the types are those of its stable C
// interface.
#pragma once

#include <array>
#include <map>
#include <string>

#include "../backend.h"
#include "library.h"

namespace descent::gpu::cuda {

// "cuBLASLt 13.1", or nothing where it is not installed; DESCENT_CUBLASLT_LIBRARY names another file, or
// "none".
const std::string& cublasLtName();

// Of one card: plans for the products that were asked for, and the library's work space.
class CublasLt {
 public:
  CublasLt(const Library& cuda, int capability) : cuda_(cuda), capability_(capability) {}
  // In the stream, with the card's context current. False: it cannot be done by this library.
  bool multiply(const LibraryProduct& product, StreamHandle stream);

 private:
  struct Plan {
    void* operation = nullptr;
    void* layouts[3] = {};  // of the left and right factor and the result, by columns
    uint64_t algorithm[8] = {};
    bool isFound = false;
  };
  using Key = std::array<int64_t, 14>;

  bool start();
  Plan planFor(const LibraryProduct& product);
  void forget();

  const Library& cuda_;
  int capability_;
  void* handle_ = nullptr;
  bool isRefused_ = false;
  Address workspace_ = 0;
  size_t workspaceBytes_ = 0;
  std::map<Key, Plan> plans_;
};

}  // namespace descent::gpu::cuda
