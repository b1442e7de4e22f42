// SPDX-License-Identifier: Apache-2.0
// The elements of one tensor: memory on a device, and who gives it back.
#pragma once

#include "weft/Core/Device.h"
#include "weft/Core/Status.h"

#include <cstdint>
#include <functional>
#include <memory>

namespace weft::runtime {

/// Opaque handles of the CUDA driver.
using CudaStream = struct CUstream_st *;
using CudaEvent = struct CUevent_st *;

/// Memory of a tensor, row-major and dense unless the leaf says otherwise.
/// Counted by shared_ptr; `id()` is unique in the process and never reused, so
/// that it can identify a set of weights.
class Storage {
public:
  /// `release` is called once, when nobody needs the memory any more and the
  /// device has finished with it.
  Storage(Device device, void *data, int64_t bytes,
          std::function<void()> release);
  Storage(const Storage &) = delete;
  Storage &operator=(const Storage &) = delete;
  ~Storage();

  /// Memory from the device's pool: uninitialised, 64-byte (CPU) or 256-byte
  /// (GPU) aligned, ordered after `stream`'s work on a GPU.
  static StatusOr<std::shared_ptr<Storage>>
  allocate(Device device, int64_t bytes, CudaStream stream = nullptr);

  Device device() const { return device_; }
  void *data() const { return data_; }
  int64_t bytes() const { return bytes_; }
  uint64_t id() const { return id_; }

  /// The stream of the last work enqueued on this memory, and an event behind
  /// it; null on the CPU. Set by whoever enqueues.
  CudaStream stream = nullptr;
  CudaEvent ready = nullptr;

private:
  std::function<void()> release_;
  void *data_;
  int64_t bytes_;
  uint64_t id_;
  Device device_;
};

} // namespace weft::runtime
