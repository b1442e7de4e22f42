// SPDX-License-Identifier: Apache-2.0
// Shares one loop among threads. Nothing runs before the first use and nothing
// spins when idle.
#pragma once

#include <cstdint>

namespace weft::runtime {

/// Threads other than the pool's, as OpenMP's `GOMP_parallel` has them: calls
/// `body(context)` once on each of up to `count`, this one among them, and
/// returns when all have returned. `flags` are 0.
using Team = void(void (*body)(void *context), void *context, unsigned count,
                  unsigned flags);

/// The team that has no thread but the caller.
void callerAlone(void (*body)(void *context), void *context, unsigned count,
                 unsigned flags);

/// Splits [0, extent) into pieces of at least `grain` (but for the last) and
/// calls `body(context, begin, end)` once for each, on this thread and those of
/// `team` or, without one or for few pieces, of the pool. Returns when all have
/// returned. Safe from several threads at once; called from inside a body it
/// runs on that thread alone.
void parallelFor(int64_t extent, int64_t grain,
                 void (*body)(void *context, int64_t begin, int64_t end),
                 void *context, Team *team = nullptr);

/// The same for a lambda `void(int64_t begin, int64_t end)`.
template <typename Body>
void parallelFor(int64_t extent, int64_t grain, Body &&body,
                 Team *team = nullptr) {
  auto call = [](void *context, int64_t begin, int64_t end) {
    (*static_cast<Body *>(context))(begin, end);
  };
  parallelFor(extent, grain, +call,
              const_cast<void *>(static_cast<const void *>(&body)), team);
}

/// How many threads may share what runs next on this one: inside a body, one.
int usableThreads();

} // namespace weft::runtime
