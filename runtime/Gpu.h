// SPDX-License-Identifier: Apache-2.0
// One CUDA context: its stream, its events, its memory.
#pragma once

#include "runtime/Allocator.h"
#include "runtime/Driver.h"
#include "weft/Core/Status.h"

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

namespace weft::runtime {

/// The end of the work that was on a stream when the mark was made. Its event
/// is recorded once somebody waits for it, or more work is about to follow that
/// it shall not include.
class Mark {
public:
  Mark();

  /// Of two marks of one stream, the later one includes the work before the
  /// other.
  bool isLaterThan(const Mark &other) const { return number_ > other.number_; }

private:
  friend class Gpu;
  /// Captured: in a graph, which runs when its owner launches it.
  enum class State { open, recorded, captured, over };

  State state() const;

  const uint64_t number_;
  mutable std::mutex mutex_;
  State state_ = State::open;
  std::shared_ptr<CUevent_st> event_;
};

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

  /// Whether what is enqueued on `stream` goes into a graph of its owner's.
  bool isCaptured(CudaStream stream) const;

  /// To be called before work is enqueued on `stream`: while the host copies,
  /// marks so far end before it. Others bring their streams only for as long as
  /// a call lasts, and their marks are recorded at once.
  Status begin(CudaStream stream);
  /// Marks the end of what is on `stream` now.
  StatusOr<Use> useOf(CudaStream stream);
  /// Makes `stream`, of any context, wait for the end of `use`. A graph and
  /// what is outside of it cannot wait for each other: what the graph needs is
  /// waited for on this thread, and its owner orders what it does.
  static Status wait(CudaStream stream, const Use &use);
  static bool isOver(const Use &use);
  /// Waits on this thread.
  static Status finish(const Use &use);
  Status synchronize();

  /// The stream for copies from the host to new memory: Weft's own, or, while
  /// that is busy, one beside it.
  CudaStream uploads();
  /// The stream for copies to the host of what `writer` wrote: Weft's own while
  /// its mark there is open, else one beside it.
  CudaStream downloads(const Use &writer);

private:
  Gpu(const Driver &driver, int index, CudaContext context);
  static StatusOr<Gpu *> make(const Driver &driver, int index,
                              CudaContext context);
  /// Comes back to `events_` with its last owner.
  StatusOr<std::shared_ptr<CUevent_st>> newEvent();
  /// The event of `mark`, which is of `stream`.
  StatusOr<CudaEvent> eventOf(Mark &mark, CudaStream stream);

  void *allocate(int64_t bytes) override;
  void release(void *data, int64_t bytes) override;
  bool isOrdered(const std::vector<Use> &uses, CudaStream stream) override;
  Status order(std::vector<Use> &uses, CudaStream stream) override;
  void finish(std::vector<Use> &uses) override;

  const Driver &driver_;
  const int index_;
  const CudaContext context_;
  CudaStream stream_ = nullptr, uploads_ = nullptr, downloads_ = nullptr;
  std::string name_;
  int capability_ = 0;
  int multiprocessors_ = 0;
  int64_t l2Bytes_ = 0;
  std::mutex markMutex_;
  std::shared_ptr<Mark> mark_; // of Weft's own stream, open
  /// An event costs a microsecond. What a copy of the host passes is the work
  /// before it and, once more follows, the work after it.
  static constexpr int kMarksOfCopy = 2;
  std::atomic<int> marksToRecord_ = 0;
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
