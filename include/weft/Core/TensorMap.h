// SPDX-License-Identifier: Apache-2.0
// How the tensor memory accelerator of a GPU reads a buffer of a kernel.
#pragma once

#include "weft/Core/DType.h"

#include <cstdint>
#include <vector>

namespace weft {

/// What a CUtensorMap is made of, but for the address. Dims are counted from
/// the innermost, whose elements are neighbours in memory. Elements outside are
/// read as zeros.
///
/// A copy brings a box of the tensor or, of windows, for one tap `pixels`
/// positions of the window and `channels` elements of each: positions count
/// through all dims but the first, from `lower` in steps of `steps`.
///
/// Floats arrive in lines of 128 bytes, whose pieces are permuted as tensor
/// cores want them (128-byte swizzle). int64 stands for any bits, and
/// arrives as it lies in memory.
struct TensorMap {
  int32_t argument = 0; // of the kernel: the buffer
  DType dtype = DType::float16;
  int64_t offset = 0;           // of the first element, in bytes
  std::vector<int64_t> sizes;   // of the tensor, in elements
  std::vector<int64_t> strides; // in bytes; of all dims but the innermost
  std::vector<int32_t> box;     // of windows: channels, pixels
  // Of windows, for the dims between the innermost and the outermost.
  std::vector<int32_t> lower, upper; // first position; last one, from the end
  std::vector<int32_t> steps;

  bool isWindow() const { return !lower.empty(); }
  bool isSwizzled() const { return dtype != DType::int64; }
};

} // namespace weft
