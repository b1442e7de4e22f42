// SPDX-License-Identifier: Apache-2.0
// The order of work on memory across streams, and copies between devices.
//
// Before a stream reads or writes memory it waits for what others enqueued on
// it; behind its own work it leaves a mark that others wait for:
//
//   Accesses accesses{device, stream, {&input}, {&output}};
//   accesses.wait();
//   ... enqueue ...
//   accesses.mark();
//
// Reads of several streams are not ordered with each other. On the CPU all of
// this does nothing. A null stream is Weft's own of the device.
#pragma once

#include "runtime/Storage.h"
#include "weft/Core/Status.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace weft::runtime {

/// What a piece of work on `device` reads and writes.
struct Accesses {
  Device device;
  CudaStream stream = nullptr;
  std::vector<Storage *> reads, writes;
  /// What `device` means to this thread, if the caller knows.
  Gpu *gpu = nullptr;

  /// Makes `stream` wait for the last write to each memory, and for all reads
  /// since of those that are written.
  Status wait() const;
  /// What has been enqueued on `stream` is this work.
  Status mark() const;
};

/// Waits on this thread for the last write to `storage`, and reports what went
/// wrong on the device until then.
Status waitOnHost(Storage &storage);

/// Copies `bytes` bytes, from CPU or GPU to CPU or GPU; the copy's size must
/// not exceed either. Copies between GPU memories are only enqueued, on
/// `stream` or on Weft's own of the target's device; those that touch host
/// memory are complete on return.
///
/// Errors: `copy: larger than its memory: 8 bytes, from 4, to 8`; what the
/// device reports.
Status copy(Storage &to, Storage &from, int64_t bytes,
            CudaStream stream = nullptr);

/// The same for plain host memory.
Status copyFromHost(Storage &to, const void *from, int64_t bytes);
Status copyToHost(void *to, Storage &from, int64_t bytes);

/// The elements of `storage` on `device`, in new memory. What goes to or from
/// the host waits for no other work.
StatusOr<std::shared_ptr<Storage>> copyTo(Storage &storage, Device device);

} // namespace weft::runtime
