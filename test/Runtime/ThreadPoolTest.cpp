// SPDX-License-Identifier: Apache-2.0
// Loops shared among threads: every index once, from any thread, at any time.
#include "runtime/ThreadPool.h"
#include "weft/Runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <set>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace weft {
namespace {

using runtime::parallelFor;

class ThreadPool : public testing::Test {
protected:
  void TearDown() override { ASSERT_TRUE(set_num_threads(0).ok()); }
};

std::vector<int> visits(int64_t extent, int64_t grain,
                        runtime::Team *team = nullptr) {
  std::vector<std::atomic<int>> counts(static_cast<size_t>(extent));
  parallelFor(
      extent, grain,
      [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          ++counts[static_cast<size_t>(i)];
      },
      team);
  return {counts.begin(), counts.end()};
}

TEST_F(ThreadPool, ApiExamples) {
  ASSERT_TRUE(set_num_threads(1).ok());
  EXPECT_EQ(num_threads(), 1);
  EXPECT_EQ(set_num_threads(-2).message(),
            "set_num_threads: must not be negative: got -2");
  EXPECT_EQ(num_threads(), 1);
  ASSERT_TRUE(set_num_threads(0).ok());
  EXPECT_GE(num_threads(), 1);
}

TEST_F(ThreadPool, VisitsEveryIndexOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ASSERT_TRUE(set_num_threads(threads).ok());
    for (int64_t extent : {0, 1, 2, 7, 100, 1001})
      for (int64_t grain : {-1, 0, 1, 3, 64, 5000})
        EXPECT_THAT(visits(extent, grain), testing::Each(1))
            << threads << " threads, extent " << extent << ", grain " << grain;
  }
}

TEST_F(ThreadPool, ABodyMayUseOneThread) {
  ASSERT_TRUE(set_num_threads(3).ok());
  EXPECT_EQ(runtime::usableThreads(), 3);
  std::atomic<int> most{0};
  parallelFor(100, 1, [&](int64_t, int64_t) {
    if (runtime::usableThreads() > 1)
      ++most;
  });
  EXPECT_EQ(most, 0);
  EXPECT_EQ(runtime::usableThreads(), 3);
}

TEST_F(ThreadPool, PiecesHaveTheGrain) {
  ASSERT_TRUE(set_num_threads(4).ok());
  std::atomic<int64_t> short_pieces{0};
  parallelFor(1000, 64, [&](int64_t begin, int64_t end) {
    short_pieces += end - begin < 64;
  });
  EXPECT_LE(short_pieces, 1); // the last
}

TEST_F(ThreadPool, OneThreadIsTheCallers) {
  ASSERT_TRUE(set_num_threads(1).ok());
  std::set<std::thread::id> seen;
  parallelFor(1000, 1, [&](int64_t, int64_t) {
    seen.insert(std::this_thread::get_id());
  });
  EXPECT_THAT(seen, testing::ElementsAre(std::this_thread::get_id()));
}

TEST_F(ThreadPool, UsesSeveralThreads) {
  ASSERT_TRUE(set_num_threads(3).ok());
  // Every piece waits until three threads are inside at once: a pool with
  // fewer would hang.
  std::atomic<int> inside{0};
  parallelFor(3, 1, [&](int64_t, int64_t) {
    ++inside;
    while (inside < 3)
      std::this_thread::yield();
  });
  EXPECT_EQ(inside, 3);
}

unsigned asked; // of the team that was called last, how many threads

void threeThreads(void (*body)(void *), void *context, unsigned count,
                  unsigned flags) {
  asked = count;
  EXPECT_EQ(flags, 0u);
  std::thread first(body, context), second(body, context);
  body(context);
  first.join();
  second.join();
}

/// As OpenMP where it is told to use fewer than it is asked for.
void callerAlone(void (*body)(void *), void *context, unsigned count,
                 unsigned) {
  asked = count;
  body(context);
}

TEST_F(ThreadPool, UsesTheThreadsOfATeam) {
  ASSERT_TRUE(set_num_threads(3).ok());
  for (runtime::Team *team : {threeThreads, callerAlone})
    for (int64_t extent : {3, 7, 100, 1001}) {
      asked = 0;
      EXPECT_THAT(visits(extent, 1, team), testing::Each(1)) << extent;
      EXPECT_EQ(asked, 3u);
    }
  EXPECT_EQ(runtime::usableThreads(), 3);
  asked = 0;
  visits(100, 50, threeThreads); // two pieces: as many threads as ever
  EXPECT_EQ(asked, 3u);
}

// A team of 8 would be waited for: as many threads as pieces are the pool's.
TEST_F(ThreadPool, FewPiecesNeedNoTeam) {
  ASSERT_TRUE(set_num_threads(8).ok());
  visits(100, 1); // the pool has more threads than are wanted
  asked = 0;
  for (int round = 0; round < 100; ++round) {
    std::atomic<int> inside{0};
    parallelFor(
        2, 1,
        [&](int64_t, int64_t) {
          ++inside;
          while (inside < 2)
            std::this_thread::yield();
        },
        threeThreads);
  }
  EXPECT_EQ(asked, 0u);
  EXPECT_THAT(visits(100, 34, threeThreads), testing::Each(1)); // three pieces
  EXPECT_EQ(asked, 8u);
}

TEST_F(ThreadPool, TheCallerAloneIsATeam) {
  ASSERT_TRUE(set_num_threads(8).ok());
  for (int64_t extent : {2, 100}) {
    std::set<std::thread::id> seen;
    parallelFor(
        extent, 1,
        [&](int64_t, int64_t) { seen.insert(std::this_thread::get_id()); },
        runtime::callerAlone);
    EXPECT_THAT(seen, testing::ElementsAre(std::this_thread::get_id()));
  }
  EXPECT_THAT(visits(100, 1, runtime::callerAlone), testing::Each(1));
}

TEST_F(ThreadPool, ATeamsBodyMayUseOneThread) {
  ASSERT_TRUE(set_num_threads(3).ok());
  std::atomic<int> most{0};
  parallelFor(
      100, 1,
      [&](int64_t, int64_t) {
        if (runtime::usableThreads() > 1)
          ++most;
      },
      threeThreads);
  EXPECT_EQ(most, 0);
}

TEST_F(ThreadPool, AsksNoTeamForOneThread) {
  asked = 0;
  ASSERT_TRUE(set_num_threads(1).ok());
  EXPECT_THAT(visits(100, 1, threeThreads), testing::Each(1));
  ASSERT_TRUE(set_num_threads(3).ok());
  EXPECT_THAT(visits(100, 100, threeThreads), testing::Each(1));
  parallelFor(3, 1, [](int64_t, int64_t) { visits(10, 1, threeThreads); });
  EXPECT_EQ(asked, 0u);
}

TEST_F(ThreadPool, NestedLoopsRun) {
  ASSERT_TRUE(set_num_threads(4).ok());
  std::atomic<int64_t> sum{0};
  parallelFor(16, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      parallelFor(10, 1, [&](int64_t b, int64_t e) { sum += e - b; });
  });
  EXPECT_EQ(sum, 160);
}

TEST_F(ThreadPool, ServesSeveralThreadsAtOnce) {
  ASSERT_TRUE(set_num_threads(3).ok());
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 6; ++t)
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        std::atomic<int64_t> sum{0};
        parallelFor(100, 1, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i)
            sum += i;
        });
        wrong += sum != 4950;
      }
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(wrong, 0);
}

// The thread sanitizer itself supports no threads in a forked child.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEFT_TSAN 1
#endif
#endif

TEST_F(ThreadPool, WorksInAForkedChild) {
#ifdef WEFT_TSAN
  GTEST_SKIP() << "not under the thread sanitizer";
#endif
  ASSERT_TRUE(set_num_threads(3).ok());
  visits(100, 1); // the parent's threads exist now, the child has none of them
  pid_t child = fork();
  if (child == 0)
    _exit(visits(1000, 1) == std::vector<int>(1000, 1) ? 0 : 1);
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

[[noreturn]] void exitDuringALoop() {
  (void)set_num_threads(3);
  std::thread([] {
    while (true)
      parallelFor(64, 1, [](int64_t, int64_t) {
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      });
  }).detach();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::exit(7);
}

TEST_F(ThreadPool, ProgramMayExitDuringALoop) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(exitDuringALoop(), testing::ExitedWithCode(7), "");
}

int numberOfThreads() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("Threads:", 0) == 0)
      return std::stoi(line.substr(8));
  return -1;
}

TEST_F(ThreadPool, StartsNoThreadForOne) {
  ASSERT_TRUE(set_num_threads(1).ok());
  int before = numberOfThreads();
  visits(1000, 1);
  EXPECT_EQ(numberOfThreads(), before);
}

} // namespace
} // namespace weft
