// SPDX-License-Identifier: Apache-2.0
// Releases that nobody waits for.
#include "runtime/Reaper.h"

#include "runtime/Gpu.h"

#include <condition_variable>
#include <deque>
#include <thread>
#include <utility>

namespace weft::runtime {
namespace {

/// Calls releases that have to wait for the device, so that nobody else does:
/// one thread, started by the first of them.
class Reaper {
public:
  void add(std::vector<Use> uses, std::function<void()> release) {
    std::lock_guard lock(mutex_);
    if (!started_) {
      started_ = true;
      // Never joined: it sleeps when the program ends.
      std::thread([this] { loop(); }).detach();
    }
    queue_.emplace_back(std::move(uses), std::move(release));
    added_.notify_one();
  }

private:
  void loop() {
    std::unique_lock lock(mutex_);
    while (true) {
      added_.wait(lock, [&] { return !queue_.empty(); });
      auto [uses, release] = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      for (Use &use : uses)
        (void)Gpu::finish(use);
      uses.clear();
      release();
      release = nullptr;
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable added_;
  std::deque<std::pair<std::vector<Use>, std::function<void()>>> queue_;
  bool started_ = false;
};

Reaper &reaper() {
  static Reaper &instance = *new Reaper;
  return instance;
}

} // namespace

void releaseAfter(std::vector<Use> uses, std::function<void()> release) {
  reaper().add(std::move(uses), std::move(release));
}

} // namespace weft::runtime
