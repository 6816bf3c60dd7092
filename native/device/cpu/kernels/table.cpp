// Every kernel of this build, by name. The order is the same in all builds, so a kernel's number is too.
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

const Kernel kKernels[] = {
    {"none", 0, nullptr, nullptr},
};

}  // namespace

extern const KernelTable kernelTable;
const KernelTable kernelTable = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
