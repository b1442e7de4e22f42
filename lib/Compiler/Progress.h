// SPDX-License-Identifier: Apache-2.0
// How far a compilation is, for who waits for it.
#pragma once

#include "weft/Compiler/Compiler.h"

#include <atomic>
#include <cstdint>

namespace weft::compiler {

/// Counts what is done and tells the callback of `setProgress`. Threads share
/// one.
class ProgressCount {
public:
  ProgressCount(Activity activity, int64_t total);
  ~ProgressCount();
  void addDone();

private:
  const Activity activity_;
  const int64_t total_;
  std::atomic<int64_t> done_{0};
};

} // namespace weft::compiler
