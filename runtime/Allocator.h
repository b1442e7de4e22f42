// SPDX-License-Identifier: Apache-2.0
// Memory that is kept for the next request instead of being given back: one
// pool for each device.
#pragma once

#include "runtime/Storage.h"
#include "weft/Core/Status.h"
#include "weft/Runtime.h"

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

namespace weft::runtime {

/// Where a pool's memory comes from, and how it is ordered with the work of
/// streams. The CPU has no streams: its uses are empty.
class MemorySource {
public:
  virtual void *allocate(int64_t bytes) = 0; // null: there is none
  virtual void release(void *data, int64_t bytes) = 0;
  /// Whether what is enqueued on `stream` from now on runs after `uses`.
  virtual bool isOrdered(const std::vector<Use> &uses, CudaStream stream) = 0;
  /// Makes it so; `uses` is empty afterwards.
  virtual Status order(std::vector<Use> &uses, CudaStream stream) = 0;
  /// Waits on this thread until `uses` are over; `uses` is empty afterwards.
  virtual void finish(std::vector<Use> &uses) = 0;

protected:
  ~MemorySource() = default;
};

/// Sizes are rounded up to one of 32 steps an octave, of at least 64 bytes, and
/// a block serves requests down to half its size.
class Pool {
public:
  struct Block {
    void *data = nullptr;
    int64_t capacity = 0;
    std::vector<Use> uses;
  };

  Pool(Device device, MemorySource &source)
      : device_(device), source_(source) {}

  /// Memory that `stream` may use at once. Errors: a negative size; out of
  /// memory, after all pooled memory was given back.
  StatusOr<Block> allocate(int64_t bytes, CudaStream stream = nullptr);
  /// Takes a block back; its memory may still be in use by `block.uses`.
  void free(Block block);

  void trim();
  void setLimit(int64_t bytes);
  MemoryStats stats();
  void resetPeak();

  /// What a request of `bytes` takes from the device.
  static int64_t roundUp(int64_t bytes);

private:
  static constexpr int kSteps = 32; // classes an octave
  static constexpr int kClasses = 54 * kSteps;
  static int classOf(int64_t capacity);

  bool take(int64_t capacity, CudaStream stream, bool wait, Block &block);
  bool makeFresh(int64_t capacity, Block &block);
  void trimLocked();

  const Device device_;
  MemorySource &source_;
  std::mutex mutex_;
  MemoryStats stats_;
  std::array<std::vector<Block>, kClasses> free_;
};

/// The pool of the machine's own memory.
Pool &cpuPool();

} // namespace weft::runtime
