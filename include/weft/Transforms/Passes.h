// SPDX-License-Identifier: Apache-2.0
// Weft's passes for C++; what each does is in Passes.td.
#pragma once

#include "weft/IR/Dialect.h"
#include "weft/Transforms/LibraryWork.h"

#include "mlir/Pass/Pass.h"

namespace weft {

#define GEN_PASS_DECL
#include "weft/Transforms/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "weft/Transforms/Passes.h.inc"

} // namespace weft
