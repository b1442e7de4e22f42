// SPDX-License-Identifier: Apache-2.0
#include "ProgressLine.h"

#include "weft/Compiler/Compiler.h"

#include <chrono>
#include <cstdio>
#include <mutex>
#include <unistd.h>

namespace weft::tools {
namespace {

class ProgressLine {
public:
  void update(int64_t done, int64_t total) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto now = std::chrono::steady_clock::now();
    if (done == 0) {
      start_ = now;
      isRunning_ = true;
    }
    // Threads may be late to tell what was done before the end.
    if (!isRunning_)
      return;
    isRunning_ = done < total;
    if (!isRunning_ && isShown_)
      std::fputs("\r\033[K", stderr);
    isShown_ = isRunning_ && now - start_ > std::chrono::seconds(1);
    if (isShown_)
      std::fprintf(stderr, "\r\033[Kweft: compiling %lld of %lld kernels",
                   static_cast<long long>(done + 1),
                   static_cast<long long>(total));
  }

private:
  std::mutex mutex_;
  std::chrono::steady_clock::time_point start_;
  bool isRunning_ = false, isShown_ = false;
};

} // namespace

void showProgress() {
  if (!isatty(STDERR_FILENO))
    return;
  static ProgressLine line;
  compiler::setProgress(
      [](int64_t done, int64_t total) { line.update(done, total); });
}

} // namespace weft::tools
