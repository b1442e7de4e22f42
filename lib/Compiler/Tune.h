// SPDX-License-Identifier: Apache-2.0
// Chooses the tiles of a program's kernels by timing them on the GPU.
#pragma once

#include "Codegen.h"

#include "weft/IR/Dialect.h"

#include "llvm/ADT/ArrayRef.h"

#include <string>
#include <unordered_map>

namespace weft::compiler {

/// Tiles by the groupText of their kernels. Kernels that are not there have the
/// model's choice.
using KernelTiles = std::unordered_map<std::string, std::string>;

/// The fastest tiles for `groups`, as far as `target.tuning` goes: known from
/// before, in memory or on disk, or timed now. Whatever fails leaves the
/// model's choice.
KernelTiles tune(llvm::ArrayRef<ir::GroupOp> groups, const Target &target);

} // namespace weft::compiler
