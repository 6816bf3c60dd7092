// Finds cuBLASLt and makes plans with it. It stores matrices by columns: y = a b by rows is yᵀ = bᵀ aᵀ by
// columns, so that its left factor is b and its right one a.
#include "cublaslt.h"

#include <algorithm>
#include <cstdlib>

#include "../shared_library.h"

namespace descent::gpu::cuda {

namespace {

struct Heuristic {
  uint64_t algorithm[8];
  size_t workspaceBytes;
  int32_t status;
  float waves;
  int32_t reserved[4];
};

struct Functions {
#define DESCENT_CUBLASLT_FUNCTIONS(FUNCTION)                                                                 \
  FUNCTION(Create, (void**))                                                                                 \
  FUNCTION(MatmulDescCreate, (void**, int32_t, int32_t))                                                     \
  FUNCTION(MatmulDescSetAttribute, (void*, int32_t, const void*, size_t))                                    \
  FUNCTION(MatmulDescDestroy, (void*))                                                                       \
  FUNCTION(MatrixLayoutCreate, (void**, int32_t, uint64_t, uint64_t, int64_t))                               \
  FUNCTION(MatrixLayoutSetAttribute, (void*, int32_t, const void*, size_t))                                  \
  FUNCTION(MatrixLayoutDestroy, (void*))                                                                     \
  FUNCTION(MatmulPreferenceCreate, (void**))                                                                 \
  FUNCTION(MatmulPreferenceSetAttribute, (void*, int32_t, const void*, size_t))                              \
  FUNCTION(MatmulPreferenceDestroy, (void*))                                                                 \
  FUNCTION(MatmulAlgoGetHeuristic, (void*, void*, void*, void*, void*, void*, void*, int, Heuristic*, int*)) \
  FUNCTION(Matmul, (void*, void*, const void*, const void*, void*, const void*, void*, const void*,          \
                    const void*, void*, void*, void*, const void*, void*, size_t, StreamHandle))
#define FUNCTION(name, PARAMETERS) int32_t(*name) PARAMETERS = nullptr;
  DESCENT_CUBLASLT_FUNCTIONS(FUNCTION)
#undef FUNCTION
  size_t (*GetVersion)() = nullptr;
};

const Functions* functions() {
  static const Functions* const loaded = []() -> const Functions* {
    std::string problem;
    void* library = openLibrary(std::getenv("DESCENT_CUBLASLT_LIBRARY"),
                                {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so.11",
                                 "/usr/local/cuda/lib64/libcublasLt.so", "libcublasLt.so"},
                                problem);
    if (!library) return nullptr;
    static Functions made;
    bool isWhole = true;
#define FUNCTION(name, PARAMETERS)                                                            \
  made.name = reinterpret_cast<int32_t(*) PARAMETERS>(findSymbol(library, "cublasLt" #name)); \
  isWhole = isWhole && made.name;
    DESCENT_CUBLASLT_FUNCTIONS(FUNCTION)
#undef FUNCTION
    made.GetVersion = reinterpret_cast<size_t (*)()>(findSymbol(library, "cublasLtGetVersion"));
    return isWhole && made.GetVersion ? &made : nullptr;
  }();
  return loaded;
}

// Of its enumerations, those that are used.
enum : int32_t {
  kNumberFloat32 = 0,
  kNumberFloat16 = 2,
  kNumberBfloat16 = 14,
  kComputeFloat32 = 68,
  kComputeTf32 = 77,
  kOperationLeft = 3,
  kOperationRight = 4,
  kOperationEpilogue = 7,
  kOperationBias = 8,
  kLayoutBatches = 5,
  kLayoutBatchStep = 6,
  kPreferenceWorkspace = 1,
  kPreferenceAlignment = 5,  // of the left factor; the right one, the addend and the result follow
};
constexpr uint32_t kEpilogueBias = 4;
constexpr size_t kMostPlans = 4096;

Address addressOf(const Memory& memory) { return reinterpret_cast<Address>(memory.handle) + memory.offset; }
const void* pointerTo(const Memory& memory) { return reinterpret_cast<const void*>(addressOf(memory)); }

uint32_t alignmentOf(const Memory& memory) {
  uint32_t alignment = 256;
  while (addressOf(memory) % alignment != 0) alignment /= 2;
  return alignment;
}

// A factor by columns: `rows` by `columns`, `step` from one column to the next; turned where the product
// wants it the other way.
struct Factor {
  int64_t rows, columns, step;
  bool isTurned;
};

// Of a matrix by rows, of `lines` lines of `count`; false where neither dim is contiguous, or lines overlap.
bool factorOf(int64_t lines, int64_t count, int64_t lineStep, int64_t step, Factor& factor) {
  if (step == 1 || count == 1) {
    factor = {count, lines, lines == 1 ? count : lineStep, false};
  } else if (lineStep == 1 || lines == 1) {
    factor = {lines, count, step, true};
  } else {
    return false;
  }
  return factor.step >= factor.rows;
}

}  // namespace

const std::string& cublasLtName() {
  static const std::string name = [] {
    const Functions* lt = functions();
    if (!lt) return std::string();
    const size_t version = lt->GetVersion();
    return "cuBLASLt " + std::to_string(version / 10000) + "." + std::to_string(version % 10000 / 100);
  }();
  return name;
}

bool CublasLt::start() {
  if (isRefused_ || handle_) return handle_ != nullptr;
  const Functions* lt = functions();
  workspaceBytes_ = size_t{capability_ >= 90 ? 32u : 8u} << 20;
  isRefused_ = !lt || lt->Create(&handle_) != 0 || cuda_.MemAlloc(&workspace_, workspaceBytes_) != kSuccess;
  if (isRefused_) handle_ = nullptr;
  return !isRefused_;
}

CublasLt::Plan CublasLt::planFor(const LibraryProduct& p) {
  Plan plan;
  Factor left{}, right{}, result{};
  if (!factorOf(p.k, p.n, p.bRow, p.bColumn, left) || !factorOf(p.m, p.k, p.aRow, p.aColumn, right) ||
      !factorOf(p.m, p.n, p.yRow, 1, result))
    return plan;
  const Functions& lt = *functions();
  const int32_t number = p.number == MatrixNumber::float32   ? kNumberFloat32
                         : p.number == MatrixNumber::float16 ? kNumberFloat16
                                                             : kNumberBfloat16;
  const bool isTf32 = p.number == MatrixNumber::float32 && p.allowsTf32;
  if (lt.MatmulDescCreate(&plan.operation, isTf32 ? kComputeTf32 : kComputeFloat32, kNumberFloat32) != 0)
    return plan;
  bool isRight = true;
  const auto set = [&](auto function, void* object, int32_t what, auto value) {
    isRight = isRight && function(object, what, &value, sizeof value) == 0;
  };
  set(lt.MatmulDescSetAttribute, plan.operation, kOperationLeft, int32_t{left.isTurned});
  set(lt.MatmulDescSetAttribute, plan.operation, kOperationRight, int32_t{right.isTurned});
  if (p.hasBias) {
    set(lt.MatmulDescSetAttribute, plan.operation, kOperationEpilogue, kEpilogueBias);
    set(lt.MatmulDescSetAttribute, plan.operation, kOperationBias, pointerTo(p.bias));
  }
  const Factor* factors[] = {&left, &right, &result};
  const int64_t steps[] = {p.bBatch, p.aBatch, p.yBatch};
  for (int k = 0; k < 3 && isRight; ++k) {
    isRight = lt.MatrixLayoutCreate(&plan.layouts[k], number, static_cast<uint64_t>(factors[k]->rows),
                                    static_cast<uint64_t>(factors[k]->columns), factors[k]->step) == 0;
    if (!isRight || p.batches == 1) continue;
    set(lt.MatrixLayoutSetAttribute, plan.layouts[k], kLayoutBatches, static_cast<int32_t>(p.batches));
    set(lt.MatrixLayoutSetAttribute, plan.layouts[k], kLayoutBatchStep, steps[k]);
  }
  void* preference = nullptr;
  if (!isRight || lt.MatmulPreferenceCreate(&preference) != 0) return plan;
  set(lt.MatmulPreferenceSetAttribute, preference, kPreferenceWorkspace, uint64_t{workspaceBytes_});
  const uint32_t alignments[] = {alignmentOf(p.b), alignmentOf(p.a), alignmentOf(p.y), alignmentOf(p.y)};
  for (int k = 0; k < 4; ++k)
    set(lt.MatmulPreferenceSetAttribute, preference, kPreferenceAlignment + k, alignments[k]);
  Heuristic found{};
  int count = 0;
  plan.isFound =
      isRight &&
      lt.MatmulAlgoGetHeuristic(handle_, plan.operation, plan.layouts[0], plan.layouts[1], plan.layouts[2],
                                plan.layouts[2], preference, 1, &found, &count) == 0 &&
      count > 0 && found.status == 0;
  std::copy(found.algorithm, found.algorithm + 8, plan.algorithm);
  lt.MatmulPreferenceDestroy(preference);
  return plan;
}

void CublasLt::forget() {
  const Functions& lt = *functions();
  for (auto& [key, plan] : plans_) {
    if (plan.operation) lt.MatmulDescDestroy(plan.operation);
    for (void* layout : plan.layouts)
      if (layout) lt.MatrixLayoutDestroy(layout);
  }
  plans_.clear();
}

bool CublasLt::multiply(const LibraryProduct& p, StreamHandle stream) {
  // Its bias was added wrongly on cards before 8.0.
  if ((p.hasBias && capability_ < 80) || p.batches > 0x7fffffff || !start()) return false;
  const Functions& lt = *functions();
  const int64_t flags =
      static_cast<int64_t>(p.number) | p.allowsTf32 << 4 | p.accumulates << 5 | p.hasBias << 6;
  const int64_t alignments = alignmentOf(p.y) | alignmentOf(p.a) << 9 | int64_t{alignmentOf(p.b)} << 18 |
                             (p.hasBias ? int64_t{alignmentOf(p.bias)} << 27 : 0);
  const Key key = {flags,  alignments, p.batches, p.m,       p.n,      p.k,      p.yRow,
                   p.aRow, p.aColumn,  p.bRow,    p.bColumn, p.yBatch, p.aBatch, p.bBatch};
  auto place = plans_.find(key);
  if (place == plans_.end()) {
    if (plans_.size() >= kMostPlans) forget();
    place = plans_.emplace(key, planFor(p)).first;
  }
  Plan& plan = place->second;
  if (!plan.isFound) return false;
  const void* bias = pointerTo(p.bias);
  if (p.hasBias && lt.MatmulDescSetAttribute(plan.operation, kOperationBias, &bias, sizeof bias) != 0)
    return false;
  const float one = 1, share = p.accumulates ? 1 : 0;
  void* y = const_cast<void*>(pointerTo(p.y));
  const int32_t status =
      lt.Matmul(handle_, plan.operation, &one, pointerTo(p.b), plan.layouts[0], pointerTo(p.a),
                plan.layouts[1], &share, y, plan.layouts[2], y, plan.layouts[2], plan.algorithm,
                reinterpret_cast<void*>(workspace_), workspaceBytes_, stream);
  plan.isFound = status == 0;
  return plan.isFound;
}

}  // namespace descent::gpu::cuda
