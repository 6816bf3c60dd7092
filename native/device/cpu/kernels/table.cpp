// Every kernel of this build. A file of kernels adds its table here.
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

extern const KernelTable unaryRows;
extern const KernelTable binaryRows;
extern const KernelTable ternaryRows;
extern const KernelTable copyKernels;
extern const KernelTable reduceKernels;
extern const KernelTable matmulKernels;
extern const KernelTable softmaxKernels;
extern const KernelTable lossKernels;
extern const KernelTable normKernels;
extern const KernelTable rowNormKernels;
extern const KernelTable attentionKernels;
extern const KernelTable embeddingKernels;
extern const KernelTable randomKernels;
extern const KernelTable indexKernels;
extern const KernelTable optimizerKernels;
extern const KernelTable scanKernels;
extern const KernelTable recurrentKernels;
extern const KernelTable sortKernels;
extern const KernelTable convolutionKernels;
extern const KernelTable poolKernels;
extern const KernelTable resampleKernels;
extern const KernelTable summaryKernels;
extern const KernelTable cellsKernels;
extern const KernelTable magnitudeKernels;

extern const KernelTable* const kernelTables[];
// One a line.
// clang-format off
const KernelTable* const kernelTables[] = {
    &unaryRows,
    &binaryRows,
    &ternaryRows,
    &copyKernels,
    &reduceKernels,
    &matmulKernels,
    &softmaxKernels,
    &lossKernels,
    &normKernels,
    &rowNormKernels,
    &attentionKernels,
    &embeddingKernels,
    &randomKernels,
    &indexKernels,
    &optimizerKernels,
    &scanKernels,
    &recurrentKernels,
    &sortKernels,
    &convolutionKernels,
    &poolKernels,
    &resampleKernels,
    &summaryKernels,
    &cellsKernels,
    &magnitudeKernels,
    nullptr,
};
// clang-format on

}  // namespace descent::cpu::DESCENT_CAPABILITY
