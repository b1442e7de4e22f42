// SPDX-License-Identifier: Apache-2.0
// The elements of one tensor: memory on a device, and who gives it back.
#pragma once

#include "weft/Core/Device.h"
#include "weft/Core/Status.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace weft::runtime {

/// Opaque handles of the CUDA driver.
using CudaStream = struct CUstream_st *;
using CudaEvent = struct CUevent_st *;

class Gpu;
class Mark;
class Pool;

/// Work on some memory that a stream may still be at, up to a mark. Several
/// memories may share one.
struct Use {
  Gpu *gpu = nullptr;
  uint64_t stream = 0; // see Gpu::idOf
  std::shared_ptr<Mark> mark;
};

/// What was computed from some memory and kept: of no use without it.
class Derived {
public:
  virtual ~Derived() = default;
  /// The memory is gone. May be called by any thread, more than once.
  virtual void release() = 0;
};

/// Memory of a tensor, row-major and dense unless the leaf says otherwise.
/// Counted by shared_ptr; `id()` is unique in the process and never reused, so
/// that it can identify a set of weights. Who enqueues work on it says so with
/// the functions of StreamOrder.h.
class Storage : public std::enable_shared_from_this<Storage> {
public:
  /// `release` is called once, when nobody needs the memory any more and the
  /// device has finished with it: by the last owner's thread, or by a thread of
  /// Weft's if the device was not done by then.
  Storage(Device device, void *data, int64_t bytes,
          std::function<void()> release);
  Storage(const Storage &) = delete;
  Storage &operator=(const Storage &) = delete;
  ~Storage();

  /// Memory from the device's pool: uninitialised, 64-byte (CPU) or 256-byte
  /// (GPU) aligned, ordered after `stream`'s work on a GPU. A null stream is
  /// Weft's own.
  static StatusOr<std::shared_ptr<Storage>>
  allocate(Device device, int64_t bytes, CudaStream stream = nullptr);

  Device device() const { return device_; }
  void *data() const { return data_; }
  int64_t bytes() const { return bytes_; }
  uint64_t id() const { return id_; }

  /// Says that the elements stay what they are from now on: something is kept
  /// that was computed from them.
  void freeze();
  /// Whether the memory is frozen, under this owner or another that borrowed
  /// it.
  bool isFrozen() const;
  /// Releases `derived`, if it is still there, when this memory goes.
  void addDerived(std::weak_ptr<Derived> derived);

private:
  friend struct StreamOrder;

  std::function<void()> release_;
  void *data_;
  int64_t bytes_;
  uint64_t id_;
  Pool *pool_ = nullptr; // where the memory goes back to, if it came from one
  int64_t capacity_ = 0; // what the pool gave
  Device device_;
  std::atomic<bool> frozen_ = false;

  /// What a run asks of every weight, without the lock: the stream of the
  /// last write if that is Weft's own, 0 if there is none to wait for, else
  /// kOtherStream; and a mark that is among the readers, or null.
  static constexpr uint64_t kOtherStream = ~uint64_t(0);
  std::atomic<uint64_t> writerStream_{0};
  std::atomic<const Mark *> lastReader_{nullptr};

  std::mutex mutex_;         // guards what follows
  Use writer_;               // of the last write
  std::vector<Use> readers_; // since then, one a stream
  std::vector<std::weak_ptr<Derived>> derived_;
};

} // namespace weft::runtime
