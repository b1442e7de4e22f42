// SPDX-License-Identifier: Apache-2.0
// Shares one loop among threads. Nothing runs before the first use and nothing
// spins when idle.
#pragma once

#include <cstdint>

namespace weft::runtime {

/// Splits [0, extent) into pieces of at least `grain` (but for the last) and
/// calls `body(context, begin, end)` once for each, on this thread and the
/// pool's. Returns when all have returned. Safe from several threads at once;
/// called from inside a body it runs on that thread alone.
void parallelFor(int64_t extent, int64_t grain,
                 void (*body)(void *context, int64_t begin, int64_t end),
                 void *context);

/// The same for a lambda `void(int64_t begin, int64_t end)`.
template <typename Body>
void parallelFor(int64_t extent, int64_t grain, Body &&body) {
  auto call = [](void *context, int64_t begin, int64_t end) {
    (*static_cast<Body *>(context))(begin, end);
  };
  parallelFor(extent, grain, +call,
              const_cast<void *>(static_cast<const void *>(&body)));
}

/// How many threads may share what runs next on this one: inside a body, one.
int usableThreads();

} // namespace weft::runtime
