// SPDX-License-Identifier: Apache-2.0
// Shares one loop among threads.
#include "runtime/ThreadPool.h"

#include "runtime/Log.h"
#include "weft/Runtime.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <pthread.h>
#include <sched.h>
#include <string>
#include <thread>

namespace weft::runtime {
namespace {

// More pieces than threads, so that a thread the system delays holds up the
// others by a quarter of its share at most.
constexpr int64_t kPiecesPerThread = 4;
constexpr int kMaxThreads = 1024;

/// One parallelFor: lives on its caller's stack.
struct Job {
  void (*body)(void *, int64_t, int64_t);
  void *context;
  int64_t extent;
  int64_t piece;
  std::atomic<uint64_t> next{0}; // unsigned: runs past `extent`, never over
  int maxHelpers;                // how many workers may join
  int joined = 0;                // how many have; guarded by the pool's mutex
  int inside = 0; // how many have not left; guarded by the pool's mutex
  Job *nextJob = nullptr;
  std::condition_variable left;

  bool exhausted() const {
    return next.load(std::memory_order_relaxed) >= uint64_t(extent);
  }

  void work() {
    while (true) {
      uint64_t taken = next.fetch_add(piece, std::memory_order_relaxed);
      if (taken >= uint64_t(extent))
        return;
      auto begin = static_cast<int64_t>(taken);
      body(context, begin, begin + std::min(piece, extent - begin));
    }
  }
};

thread_local bool insideBody = false;

/// On a thread that is not inside a body yet.
void workInside(void *job) {
  insideBody = true;
  static_cast<Job *>(job)->work();
  insideBody = false;
}

/// A team's threads read what its caller has written, and the other way round.
/// OpenMP sees to that in ways that the thread sanitizer does not. It is no
/// part of the job, whose memory held something else before, for all that is
/// known.
struct HandOver {
  std::atomic<unsigned> times{0};
  Job *job = nullptr;

  void operator()() { times.fetch_add(1, std::memory_order_acq_rel); }
};

constinit thread_local HandOver handOver; // of the caller

void workInTeam(void *caller) {
  HandOver &handOver = *static_cast<HandOver *>(caller);
  handOver();
  workInside(handOver.job);
  handOver();
}

/// On as many threads every time: OpenMP ends those that one loop has no use
/// for, and the next would start them anew.
void runOn(Team *team, Job &job) {
  handOver.job = &job;
  handOver();
  team(workInTeam, &handOver, static_cast<unsigned>(num_threads()), 0);
  handOver();
}

/// A loop that waits for a whole team has work for more than a quarter of it.
bool isForTeam(int64_t threads) { return threads * 4 > num_threads(); }

class Pool {
public:
  void run(Job &job) {
    bool wakesAll;
    {
      std::lock_guard lock(mutex_);
      startWorkers(job.maxHelpers);
      wakesAll = workers_ <= job.maxHelpers;
      job.nextJob = jobs_;
      jobs_ = &job;
    }
    if (wakesAll)
      wake_.notify_all();
    else
      for (int i = 0; i < job.maxHelpers; ++i)
        wake_.notify_one();
    workInside(&job);
    std::unique_lock lock(mutex_);
    remove(job);
    job.left.wait(lock, [&] { return job.inside == 0; });
  }

private:
  // Detached and never joined: a program may call exit() at any moment, also
  // while other threads are inside a loop.
  void startWorkers(int wanted) {
    for (; workers_ < wanted; ++workers_) {
      pthread_t thread;
      auto entry = [](void *pool) -> void * {
        static_cast<Pool *>(pool)->workerLoop();
        return nullptr;
      };
      // The callers do the work themselves if the system gives no thread.
      if (pthread_create(&thread, nullptr, entry, this))
        return;
      pthread_detach(thread);
    }
  }

  void workerLoop() {
    insideBody = true;
    std::unique_lock lock(mutex_);
    while (true) {
      Job *job = nullptr;
      wake_.wait(lock, [&] { return (job = openJob()); });
      ++job->joined;
      ++job->inside;
      lock.unlock();
      job->work();
      lock.lock();
      // Notified under the lock: the job is gone once its caller sees 0.
      if (--job->inside == 0)
        job->left.notify_one();
    }
  }

  Job *openJob() {
    for (Job *job = jobs_; job; job = job->nextJob)
      if (job->joined < job->maxHelpers && !job->exhausted())
        return job;
    return nullptr;
  }

  void remove(Job &job) {
    Job **link = &jobs_;
    while (*link != &job)
      link = &(*link)->nextJob;
    *link = job.nextJob;
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  Job *jobs_ = nullptr;
  int workers_ = 0;
};

std::atomic<Pool *> currentPool{nullptr};

Pool &pool() {
  // A child process has none of its parent's threads: it starts a new pool.
  static const bool registered = [] {
    pthread_atfork(nullptr, nullptr, [] { currentPool = nullptr; });
    return true;
  }();
  (void)registered;
  Pool *current = currentPool.load(std::memory_order_acquire);
  if (current)
    return *current;
  Pool *fresh = new Pool; // leaked: its threads never end
  if (currentPool.compare_exchange_strong(current, fresh))
    return *fresh;
  delete fresh;
  return *current;
}

int defaultThreads() {
  static const int count = [] {
    if (const char *text = std::getenv("WEFT_NUM_THREADS"); text && *text) {
      char *end = nullptr;
      long wanted = std::strtol(text, &end, 10);
      if (*end == '\0' && wanted > 0)
        return static_cast<int>(std::min<long>(wanted, kMaxThreads));
      log(LogLevel::warning, std::string("WEFT_NUM_THREADS: got \"") + text +
                                 "\", expected a number above 0");
    }
    // The cores this process may use, not those of the machine.
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
      return std::min(CPU_COUNT(&set), kMaxThreads);
    return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1,
                      kMaxThreads);
  }();
  return count;
}

std::atomic<int> wantedThreads{0};

} // namespace

void parallelFor(int64_t extent, int64_t grain,
                 void (*body)(void *, int64_t, int64_t), void *context,
                 Team *team) {
  if (extent <= 0)
    return;
  grain = std::max<int64_t>(grain, 1);
  int64_t threads =
      std::min<int64_t>(usableThreads(), (extent - 1) / grain + 1);
  if (threads == 1 || team == callerAlone) {
    body(context, 0, extent);
    return;
  }
  int64_t pieces = threads * kPiecesPerThread;
  Job job{.body = body,
          .context = context,
          .extent = extent,
          .piece = std::max(grain, (extent - 1) / pieces + 1),
          .maxHelpers = static_cast<int>(threads - 1)};
  // The pool wakes no more threads than the loop has pieces, and waits for none
  // that has not begun.
  if (team && isForTeam(threads))
    runOn(team, job);
  else
    pool().run(job);
}

void callerAlone(void (*body)(void *), void *context, unsigned, unsigned) {
  body(context);
}

int usableThreads() { return insideBody ? 1 : num_threads(); }

} // namespace weft::runtime

namespace weft {

Status set_num_threads(int count) {
  if (count < 0)
    return invalid_argument_error(
        "set_num_threads: must not be negative: got " + std::to_string(count));
  runtime::wantedThreads = std::min(count, runtime::kMaxThreads);
  return {};
}

int num_threads() {
  int wanted = runtime::wantedThreads.load(std::memory_order_relaxed);
  return wanted ? wanted : runtime::defaultThreads();
}

} // namespace weft
