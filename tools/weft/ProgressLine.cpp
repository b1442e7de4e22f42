// SPDX-License-Identifier: Apache-2.0
#include "ProgressLine.h"

#include "weft/Compiler/Compiler.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>
#include <unistd.h>

namespace weft::tools {
namespace {

/// A thread of its own shows the line: a single kernel may take seconds, too.
class ProgressLine {
public:
  void update(compiler::Activity activity, int64_t done, int64_t total) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (done == 0 && !isRunning_) {
      done_ = 0;
      total_ = total;
      activity_ = activity;
      isRunning_ = true;
      thread_ = std::thread([this] { show(); });
    }
    // Threads may be late to tell what was done before the end.
    done_ = std::max(done_, done);
    if (done < total || !isRunning_)
      return;
    isRunning_ = false;
    ended_.notify_all();
    std::thread thread = std::move(thread_);
    lock.unlock();
    thread.join();
  }

private:
  void show() {
    std::unique_lock<std::mutex> lock(mutex_);
    auto next = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    bool isShown = false;
    while (!ended_.wait_until(lock, next, [&] { return !isRunning_; })) {
      std::fprintf(stderr, "\r\033[Kweft: %s %lld of %lld",
                   activity_ == compiler::Activity::tuning
                       ? "tuning: tile"
                       : "compiling: kernel",
                   static_cast<long long>(std::min(done_ + 1, total_)),
                   static_cast<long long>(total_));
      isShown = true;
      next += std::chrono::milliseconds(100);
    }
    if (isShown)
      std::fputs("\r\033[K", stderr);
  }

  std::mutex mutex_;
  std::condition_variable ended_;
  std::thread thread_;
  compiler::Activity activity_ = compiler::Activity::compiling;
  int64_t done_ = 0, total_ = 0;
  bool isRunning_ = false;
};

} // namespace

void showProgress() {
  if (!isatty(STDERR_FILENO))
    return;
  static ProgressLine line;
  compiler::setProgress(
      [](compiler::Activity activity, int64_t done, int64_t total) {
        line.update(activity, done, total);
      });
}

} // namespace weft::tools
