// SPDX-License-Identifier: Apache-2.0
// One CUDA context: its stream, its events, its memory.
#pragma once

#include "runtime/Allocator.h"
#include "runtime/Driver.h"
#include "weft/Core/Status.h"

#include <mutex>
#include <string>
#include <vector>

namespace weft::runtime {

/// A context Weft works in. Work goes to Weft's own stream of the context
/// unless a caller brings one. Objects live as long as the process.
class Gpu final : private MemorySource {
public:
  /// The context for work on GPU `index`: the calling thread's current one if
  /// that belongs to this GPU, else the GPU's primary one, which is retained.
  /// Errors: those of `Driver::get`; `gpu:7: no such device: the driver
  /// reports 1`.
  static StatusOr<Gpu *> get(int index);

  const Driver &driver() const { return driver_; }
  int index() const { return index_; }
  CudaContext context() const { return context_; }
  CudaStream stream() const { return stream_; }
  Pool &pool() { return pool_; }
  const std::string &name() const { return name_; }
  int multiprocessors() const { return multiprocessors_; }
  int64_t l2Bytes() const { return l2Bytes_; }
  /// 90 for compute capability 9.0.
  int capability() const { return capability_; }
  /// What to compile for: `sm_80`, `sm_90a`; the suffix, which opens the
  /// instructions of exactly this device, starts at 9.0.
  std::string arch() const;

  /// `stream`, or Weft's own if it is null. Errors: `run: stream belongs to
  /// another context`.
  StatusOr<CudaStream> resolve(CudaStream stream) const;

  /// Marks the end of what is on `stream` now: an event, or, for Weft's own
  /// stream, none (see Use).
  StatusOr<Use> useOf(CudaStream stream);
  /// Makes `stream`, of any context, wait for the end of `use`.
  static Status wait(CudaStream stream, Use &use);
  static bool isOver(const Use &use);
  /// Waits on this thread.
  static Status finish(Use &use);
  Status synchronize();

private:
  Gpu(const Driver &driver, int index, CudaContext context);
  static StatusOr<Gpu *> make(const Driver &driver, int index,
                              CudaContext context);
  /// Comes back to `events_` with its last owner.
  StatusOr<std::shared_ptr<CUevent_st>> newEvent();

  void *allocate(int64_t bytes) override;
  void release(void *data, int64_t bytes) override;
  bool isOrdered(const std::vector<Use> &uses, CudaStream stream) override;
  Status order(std::vector<Use> &uses, CudaStream stream) override;
  void finish(std::vector<Use> &uses) override;

  const Driver &driver_;
  const int index_;
  const CudaContext context_;
  CudaStream stream_ = nullptr;
  std::string name_;
  int capability_ = 0;
  int multiprocessors_ = 0;
  int64_t l2Bytes_ = 0;
  std::mutex eventsMutex_;
  std::vector<CudaEvent> events_; // not in use
  Pool pool_;
};

/// All contexts used so far.
std::vector<Gpu *> knownGpus();

/// Makes a context current for the length of a scope.
class ScopedContext {
public:
  explicit ScopedContext(const Gpu &gpu);
  ScopedContext(const ScopedContext &) = delete;
  ScopedContext &operator=(const ScopedContext &) = delete;
  ~ScopedContext();

private:
  const Driver &driver_;
  bool pushed_ = false;
};

} // namespace weft::runtime
