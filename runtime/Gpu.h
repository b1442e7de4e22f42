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
  /// The capture it is in, or 0: in a graph, which runs when its owner launches
  /// it.
  uint64_t capture() const { return capture_.load(std::memory_order_acquire); }

private:
  friend class Gpu;
  enum class State { open, closing, recorded, over };

  State state() const { return state_.load(std::memory_order_acquire); }

  const uint64_t number_;
  std::atomic<State> state_{State::open};
  std::atomic<uint64_t> capture_{0}; // set before the state
  std::mutex mutex_;                 // of who records or asks
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
  /// No other context has or had it, unlike the handle.
  uint64_t contextId() const { return contextId_; }
  CudaStream stream() const { return stream_; }
  uint64_t streamId() const { return streamId_; } // see idOf
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
  /// No other stream has or had it; of those in a capture, no other in there. A
  /// handle may mean another stream in each thread, and comes back once its
  /// stream was destroyed.
  StatusOr<uint64_t> idOf(CudaStream stream) const;

  /// Whether what is enqueued on `stream` goes into a graph of its owner's.
  bool isCaptured(CudaStream stream) const { return captureOf(stream).id != 0; }
  /// If so, `what` is held until the graph, what was made of it and their
  /// launches are gone; a thread of Weft's lets go of it.
  Status holdForGraph(CudaStream stream, std::shared_ptr<void> what) const;

  /// To be called before work is enqueued on `stream`: while the host copies,
  /// marks so far end before it. Others bring their streams only for as long as
  /// a call lasts, and their marks are recorded at once.
  Status begin(CudaStream stream);
  /// Marks the end of what is on `stream` now.
  StatusOr<Use> useOf(CudaStream stream);
  /// Makes `stream` wait for the end of `use`, of any context. A graph and
  /// what is outside of it cannot wait for each other: what the graph needs is
  /// waited for on this thread, and its owner orders what it does.
  Status wait(CudaStream stream, const Use &use) const;
  static bool isOver(const Use &use);
  static bool isInGraph(const Use &use);
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
  Gpu(const Driver &driver, int index, CudaContext context, uint64_t contextId);
  static StatusOr<Gpu *> make(const Driver &driver, int index,
                              CudaContext context, uint64_t contextId);
  Status makeStreams();
  /// Comes back to `events_` with its last owner.
  StatusOr<std::shared_ptr<CUevent_st>> newEvent();
  /// The event of `mark`, which is of `stream` and may be open.
  StatusOr<CudaEvent> eventOf(Mark &mark, CudaStream stream);
  static StatusOr<CudaEvent> eventOf(const Use &use);
  /// Whether `stream` comes after `use` as it is.
  bool isBehind(CudaStream stream, const Use &use) const;

  /// What records the work of a stream.
  struct Capture {
    uint64_t id = 0; // 0: nothing
    CudaGraph graph = nullptr;
  };
  Capture captureOf(CudaStream stream) const;

  void *allocate(int64_t bytes) override;
  void release(void *data, int64_t bytes) override;
  bool isOrdered(const std::vector<Use> &uses, CudaStream stream) override;
  Status order(std::vector<Use> &uses, CudaStream stream) override;
  void finish(std::vector<Use> &uses) override;

  const Driver &driver_;
  const int index_;
  const CudaContext context_;
  const uint64_t contextId_;
  CudaStream stream_ = nullptr, uploads_ = nullptr, downloads_ = nullptr;
  uint64_t streamId_ = 0;
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

/// What tells apart the contexts that the calling thread may work in on
/// `device`: 0 on the CPU, and where no GPU can be used.
uint64_t contextOf(Device device);

/// All contexts used so far.
std::vector<Gpu *> knownGpus();

/// Who allocates, asks the device or waits for it ends a capture in global
/// mode, be it another thread's, unless his own mode is relaxed.
class RelaxedCapture {
public:
  explicit RelaxedCapture(const Driver &driver) : driver_(driver) {
    exchange();
  }
  RelaxedCapture(const RelaxedCapture &) = delete;
  RelaxedCapture &operator=(const RelaxedCapture &) = delete;
  ~RelaxedCapture() { exchange(); }

private:
  void exchange() { (void)driver_.threadExchangeStreamCaptureMode(&mode_); }

  const Driver &driver_;
  int mode_ = cuda::captureRelaxed;
};

/// Makes a context current for the length of a scope.
class ScopedContext {
public:
  explicit ScopedContext(const Gpu &gpu);
  ScopedContext(const ScopedContext &) = delete;
  ScopedContext &operator=(const ScopedContext &) = delete;
  ~ScopedContext();

private:
  const Driver &driver_;
  RelaxedCapture relaxed_;
  bool pushed_ = false;
};

} // namespace weft::runtime
