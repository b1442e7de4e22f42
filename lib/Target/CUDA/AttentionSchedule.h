// SPDX-License-Identifier: Apache-2.0
// Attention on tensor cores, without its scores in memory.
#pragma once

#include "KernelPrinter.h"

namespace weft::cuda {

/// What a block works on: every warp has its own rows and goes through the keys
/// a tile at a time.
struct AttentionTile {
  int64_t rows = 64; // of a block
  int64_t keys = 64; // of a step
  int64_t warps = 4;
  bool warpGroups = false; // four warps multiply 64 rows together: wgmma

  int64_t threads() const { return 32 * warps; }
  int64_t warpRows() const { return rows / warps; }
};

/// The kernel of a group that holds weft.attention; nothing where the
/// architecture has no tensor cores or the op's sizes do not suit them. `tile`
/// is for measurements; else one is chosen.
std::optional<CudaKernel>
emitAttention(ir::GroupOp group, const LoopNest &nest, const CudaTarget &target,
              std::optional<AttentionTile> tile = std::nullopt);

} // namespace weft::cuda
