// SPDX-License-Identifier: Apache-2.0
// What the driver alone takes of the host's time of a call.
#pragma once

#include "BenchTimer.h"

namespace weft::tools {

/// Host time of launching a CUDA graph of `kernels` kernels that do nothing,
/// one after the other. The device is waited for outside of the time.
StatusOr<Times> timeEmptyKernels(runtime::Gpu &gpu, int64_t kernels,
                                 bool quick);

} // namespace weft::tools
