// SPDX-License-Identifier: Apache-2.0
// Contractions with a short k: many rows pass by a small matrix.
#pragma once

#include "Contraction.h"
#include "KernelPrinter.h"

namespace weft::cuda {

/// How such a contraction is cut.
struct ThinTile {
  static constexpr int64_t kSharing = 4; // lanes that share a row

  int64_t lanes;  // columns that a lane has of a group
  int64_t piece;  // of k, that a lane has at once
  int64_t pieces; // of k, that a lane has
  int64_t groups; // of columns, that a warp has
  int64_t parts;  // warps that share rows

  int64_t columns() const { return kSharing * lanes; } // of a group
  int64_t depth() const { return kSharing * piece; }   // of a piece
  int64_t words() const { return piece / 2; }
  int64_t products() const { return lanes / 2; } // for a group
  int64_t registersOfGroup() const { return pieces * products() * words(); }
};

class ThinSchedule {
public:
  static constexpr llvm::StringLiteral kTile = "thin"; // the only one

  /// Nothing where k is long, elements are no neighbours along k, or `arch` has
  /// no tensor cores.
  static std::optional<ThinSchedule>
  match(ir::GroupOp group, const LoopNest &nest, const CudaTarget &target);

  /// Whether it should take less time than a tile of any other schedule.
  bool comesFirst() const;
  CudaKernel emit() const;

private:
  ThinSchedule(ir::GroupOp group, const LoopNest &nest, Contraction contraction,
               ThinTile tile, int64_t multiprocessors)
      : group_(group), nest_(&nest), contraction_(std::move(contraction)),
        tile_(tile), multiprocessors_(multiprocessors) {}

  ir::GroupOp group_;
  const LoopNest *nest_;
  Contraction contraction_;
  ThinTile tile_;
  int64_t multiprocessors_;
};

} // namespace weft::cuda
