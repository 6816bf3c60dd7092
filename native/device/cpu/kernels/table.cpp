// Every kernel of this build. A file of kernels adds its table here.
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

extern const KernelTable unaryRows;
extern const KernelTable binaryRows;
extern const KernelTable ternaryRows;
extern const KernelTable copyKernels;
extern const KernelTable matmulKernels;

extern const KernelTable* const kernelTables[];
const KernelTable* const kernelTables[] = {&unaryRows, &binaryRows, &ternaryRows, &copyKernels, &matmulKernels, nullptr};

}  // namespace descent::cpu::DESCENT_CAPABILITY
