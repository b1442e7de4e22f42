// SPDX-License-Identifier: Apache-2.0
// Convolutions of few channels on tensor cores.
#pragma once

#include "KernelPrinter.h"

namespace weft::cuda {

/// The kernel of a convolution of float16 or bfloat16 whose neighbouring
/// windows start 16 bytes apart, as ImageOperand.h says, for architectures with
/// wgmma; nothing for other nests.
std::optional<CudaKernel> emitImage(ir::GroupOp group, const LoopNest &nest,
                                    const CudaTarget &target);

/// Whether it has a kernel for the nest.
bool takesImage(ir::GroupOp group, const LoopNest &nest,
                const CudaTarget &target);

} // namespace weft::cuda
