// SPDX-License-Identifier: Apache-2.0
// How the loops of a nest run on the CPU: which dim fills the lanes of vectors,
// which points are computed together, and what threads share.
#pragma once

#include "Elements.h"
#include "Lanes.h"
#include "weft/Target/LoopNest.h"

namespace weft::cpu {

struct Schedule {
  LoopNest nest; // merged further than buildLoopNest may
  Features features;

  /// The dim that lanes run along; `lanes.count` 1 for scalar code. A parallel
  /// dim: every lane is a point of its own. The last inner dim: the lanes of an
  /// accumulator are combined after the loop.
  Lanes lanes;
  bool lanesAreInner() const {
    return lanes.count > 1 && lanes.dim >= nest.numParallel;
  }
  /// Points along each parallel dim (vectors along the lanes' dim) whose values
  /// are in registers at once.
  llvm::SmallVector<int64_t> tile;
  /// The two vectors of a tile are read and written as pairs of bfloat16 in one
  /// vector of words: elements beside each other are a lane of either, which
  /// takes no moving between lanes. For nests that do not care which lane an
  /// element is in.
  bool pairs = false;
  /// The parallel dim that results lie side by side along, where operands do
  /// along the lanes' dim, as in a transpose; -1: there is none. A tile has as
  /// many points along it as there are lanes, and is turned in registers before
  /// it is stored.
  int turnedDim = -1;
  /// Vectors along an inner lanes' dim, each with accumulators of its own.
  int64_t unroll = 1;
  /// Order of the inner loops, outermost first.
  llvm::SmallVector<unsigned> innerOrder;

  /// A piece of work is one tile step along each of the first `unitDims` dims
  /// and `chunk` points of the next one.
  unsigned unitDims = 0;
  int64_t chunk = 0;
  int64_t extent = 0, grain = 1;
  /// By result: too large to be found in the cache again.
  llvm::SmallVector<bool> bypassesCache;

  int64_t numChunks() const;
  int64_t stepOf(unsigned dim) const { // points of a tile along a parallel dim
    return tile[dim] * (dim == lanes.dim ? lanes.count : 1);
  }
  /// Dims that the value of each statement varies with, as bits.
  llvm::SmallVector<uint64_t> varies;
};

/// `inPlace`: as weft.in_place has it, or empty.
Schedule chooseSchedule(LoopNest nest, const Features &features,
                        int64_t cacheBytes, llvm::ArrayRef<int64_t> inPlace);

} // namespace weft::cpu
