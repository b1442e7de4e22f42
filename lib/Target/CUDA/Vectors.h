// SPDX-License-Identifier: Apache-2.0
// Which statements a thread can compute for several neighbouring points at
// once, and how their elements are reached.
#pragma once

#include "weft/Target/LoopNest.h"

#include <vector>

namespace weft::cuda {

inline constexpr int64_t kWidestAccess = 16; // bytes that one thread can move

/// How a statement varies along the lanes of a vector.
enum class Access : uint8_t {
  uniform, // not at all: computed once
  vector,  // a load of neighbouring, aligned elements
  lane,    // otherwise: computed for each lane
};

/// Whether `expr` steps by 1 along `dim` within vectors of `lanes` elements,
/// and these start at multiples of what one access of elements of `bytes` bytes
/// holds. Vectors start at multiples of `lanes` along `dim`.
bool isVectorAccess(mlir::AffineExpr expr, unsigned dim, int64_t lanes,
                    int64_t bytes);

/// The access of every statement for vectors of `lanes` elements along `dim`;
/// `reduced` is that of the results of reductions.
std::vector<Access> classifyAccesses(const LoopNest &nest, unsigned dim,
                                     int64_t lanes,
                                     Access reduced = Access::uniform);

} // namespace weft::cuda
