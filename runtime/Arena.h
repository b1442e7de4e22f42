// SPDX-License-Identifier: Apache-2.0
// Memory of one run.
#pragma once

#include "runtime/Allocator.h"

namespace weft::runtime {

class Gpu;

/// What a run needs beside its inputs and outputs: intermediate values, or what
/// a primitive works in. Goes back to the pool behind the work of the run, or
/// with the graph that its owner has the run captured into.
class Arena {
public:
  /// On the CPU, or on `gpu`, for work on `stream`.
  Arena() = default;
  Arena(Gpu *gpu, CudaStream stream) : gpu_(gpu), stream_(stream) {}
  Arena(const Arena &) = delete;
  Arena &operator=(const Arena &) = delete;
  ~Arena();

  Status allocate(int64_t bytes);
  /// Null if nothing was allocated.
  std::byte *data() const { return static_cast<std::byte *>(block_.data); }

private:
  Pool &pool() const;

  Gpu *gpu_ = nullptr;
  CudaStream stream_ = nullptr;
  Pool::Block block_;
  bool isHeld_ = false; // by a graph
};

} // namespace weft::runtime
