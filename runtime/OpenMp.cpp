// SPDX-License-Identifier: Apache-2.0
// OpenMP, which a library brings with it.
#include "runtime/OpenMp.h"

#include "runtime/Log.h"

#include "absl/strings/str_cat.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <dlfcn.h>
#include <fstream>
#include <link.h>
#include <list>
#include <mutex>
#include <pthread.h>
#include <sstream>
#include <string>
#include <vector>

extern char **environ;

namespace weft::runtime {
namespace {

// ---- how long its threads wait awake ----------------------------------------

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

// ---- whose threads they are -------------------------------------------------

/// Whether this process is a copy of another and has begun no program since:
/// only the kernel knows of a fork before this library was loaded.
bool isForked() {
  std::ifstream file("/proc/self/stat");
  std::string line, field;
  std::getline(file, line);
  const size_t name = line.rfind(')'); // which may hold anything
  if (name == std::string::npos)
    return false;
  std::istringstream fields(line.substr(name + 1));
  for (int i = 0; i < 6; ++i) // the state, five ids
    fields >> field;
  constexpr unsigned kForkedNoProgram = 0x40; // PF_FORKNOEXEC
  unsigned flags = 0;
  fields >> flags;
  return flags & kForkedNoProgram;
}

/// Where the program and its libraries are loaded.
std::vector<ElfW(Addr)> loadedLibraries() {
  std::vector<ElfW(Addr)> libraries;
  auto add = [](dl_phdr_info *library, size_t, void *list) {
    static_cast<std::vector<ElfW(Addr)> *>(list)->push_back(library->dlpi_addr);
    return 0;
  };
  dl_iterate_phdr(add, &libraries);
  return libraries;
}

bool isIn(const std::vector<ElfW(Addr)> &libraries, void *function) {
  Dl_info info;
  link_map *library = nullptr;
  return dladdr1(function, &info, reinterpret_cast<void **>(&library),
                 RTLD_DL_LINKMAP) &&
         std::find(libraries.begin(), libraries.end(), library->l_addr) !=
             libraries.end();
}

std::atomic<bool> isOfParent{false};

constexpr char kFunction[] = "omp_get_max_threads"; // that all have

} // namespace

void *openWithOpenMp(const char *library) {
  const std::vector<ElfW(Addr)> before = loadedLibraries();
  void *handle;
  {
    BriefWaiting waiting;
    // Never closed: its threads do not end.
    handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  }
  if (!handle)
    return nullptr;
  void *function = dlsym(openMpOf(handle), kFunction);
  // It may have been used before the fork, which nobody can ask it.
  if (function && isIn(before, function) && isForked() &&
      !isOfParent.exchange(true))
    log(LogLevel::info, "oneDNN: runs on one thread in a forked process that "
                        "had OpenMP before");
  static const bool registered = [] {
    pthread_atfork(nullptr, nullptr, [] { isOfParent = true; });
    return true;
  }();
  (void)registered;
  return handle;
}

void *openMpOf(void *library) {
  return dlsym(RTLD_DEFAULT, kFunction) ? RTLD_DEFAULT : library;
}

bool isOpenMpOfParent() { return isOfParent; }

} // namespace weft::runtime
