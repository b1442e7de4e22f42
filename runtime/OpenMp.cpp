// SPDX-License-Identifier: Apache-2.0
// OpenMP, which a library brings with it.
#include "runtime/OpenMp.h"

#include "absl/strings/str_cat.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <dlfcn.h>
#include <list>
#include <mutex>
#include <string>
#include <vector>

extern char **environ;

namespace weft::runtime {
namespace {

/// What GNU's OpenMP does in a turn of the loop in which it waits awake: it
/// looks, and pauses where the processor is an x86.
bool hasChanged(const std::atomic<int> &watched) {
  if (watched.load(std::memory_order_relaxed))
    return true;
#ifdef __x86_64__
  __builtin_ia32_pause();
#else
  asm volatile("" : : : "memory");
#endif
  return false;
}

/// How many turns of that loop take as long as waking a thread. A pause takes
/// 24 ns on one x86 and 50 on another, which is 4000 or 2000 turns; without one
/// a turn takes a cycle or two.
int turnsOfWaking() {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::duration<double> kWaking =
      std::chrono::microseconds(100);
  // At most, where a turn takes a quarter of a nanosecond. At least as many as
  // are timed, since `least` begins with the time of waking.
  constexpr int kTurns = 500, kRounds = 4, kMost = 400'000;
  const std::atomic<int> watched{0};
  std::chrono::duration<double> least = kWaking;
  for (int round = 0; round < kRounds; ++round) {
    const Clock::time_point begin = Clock::now();
    for (int turn = 0; turn < kTurns && !hasChanged(watched); ++turn) {
    }
    least =
        std::min<std::chrono::duration<double>>(least, Clock::now() - begin);
  }
  return static_cast<int>(
      std::min<double>(kTurns * kWaking.count() / least.count(), kMost));
}

/// Threads of OpenMP spin for milliseconds after every loop unless it is told
/// otherwise in the environment, which it reads once, when it is loaded: while
/// this lives. Other threads may be reading the environment too: they see one
/// list or the other, each of which lives for good.
class BriefWaiting {
public:
  BriefWaiting() : lock_(mutex_) {
    if (std::getenv("OMP_WAIT_POLICY") || std::getenv("GOMP_SPINCOUNT"))
      return;
    // Takes its time: the list is read and replaced behind it, at once.
    static auto *brief = new std::string( // GNU's alone knows it
        absl::StrCat("GOMP_SPINCOUNT=", turnsOfWaking()));
    static char passive[] = "OMP_WAIT_POLICY=passive";
    static auto *lists = new std::list<std::vector<char *>>; // never destroyed
    std::vector<char *> &list = lists->emplace_back();
    for (char **entry = environ; entry && *entry; ++entry)
      list.push_back(*entry);
    list.push_back(policy_ = passive);
    list.push_back(count_ = brief->data());
    list.push_back(nullptr);
    environ = list.data();
  }

  /// What others have put into the environment meanwhile, or taken out, stays
  /// so: the list, or their copy of it, loses what is said here.
  ~BriefWaiting() {
    char **kept = environ;
    for (char **entry = environ; policy_ && entry && *entry; ++entry)
      if (*entry != policy_ && *entry != count_)
        *kept++ = *entry;
    if (policy_ && kept)
      *kept = nullptr;
  }

private:
  static std::mutex mutex_;
  std::lock_guard<std::mutex> lock_;
  char *policy_ = nullptr, *count_ = nullptr; // what is said
};

std::mutex BriefWaiting::mutex_;

} // namespace

void *openWithOpenMp(const char *library) {
  BriefWaiting waiting;
  // Never closed: its threads do not end.
  return dlopen(library, RTLD_NOW | RTLD_LOCAL);
}

} // namespace weft::runtime
