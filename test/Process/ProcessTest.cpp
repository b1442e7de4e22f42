// SPDX-License-Identifier: Apache-2.0
// Manners of a process that uses Weft: how it ends, what it starts, what it
// leaves behind. Each test runs programs of their own.
#include "test/Runtime/TempFolder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace weft {
namespace {

namespace fs = std::filesystem;
using runtime::TempFolder;

/// Variables to set, or to unset.
using Environment =
    std::vector<std::pair<const char *, std::optional<std::string>>>;

/// A running test program (Program.cpp) and what it has printed.
class Program {
public:
  Program(const std::string &what, int number, const Environment &environment) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    child_ = fork();
    if (child_ == 0) {
      dup2(ends[1], 1);
      dup2(ends[1], 2);
      close(ends[0]);
      for (const auto &[name, value] : environment)
        value ? setenv(name, value->c_str(), 1) : unsetenv(name);
      execl(WEFT_TEST_PROGRAM, WEFT_TEST_PROGRAM, what.c_str(),
            std::to_string(number).c_str(), static_cast<char *>(nullptr));
      _exit(98);
    }
    close(ends[1]);
    output_ = ends[0];
  }
  Program(const Program &) = delete;
  ~Program() { close(output_); }

  void kill() { ::kill(child_, SIGKILL); }

  /// Its exit status as waitpid gives it; kills it if it hangs.
  int wait() {
    using namespace std::chrono;
    int status = -1;
    for (auto end = steady_clock::now() + 60s; steady_clock::now() < end;
         std::this_thread::sleep_for(500us))
      if (waitpid(child_, &status, WNOHANG) == child_)
        return status;
    kill();
    waitpid(child_, &status, 0);
    ADD_FAILURE() << "hung";
    return status;
  }

  /// Until it ends, or says nothing for as long as `wait` waits.
  std::string output() {
    std::string text;
    char buffer[4096];
    pollfd ready = {output_, POLLIN, 0};
    while (poll(&ready, 1, 60'000) > 0) {
      ssize_t n = read(output_, buffer, sizeof(buffer));
      if (n <= 0)
        return text;
      text.append(buffer, static_cast<size_t>(n));
    }
    kill();
    return text + "(hung)";
  }

private:
  pid_t child_;
  int output_;
};

std::string outputOf(const std::string &what, int number = 0,
                     const Environment &environment = {}) {
  Program program(what, number, environment);
  std::string output = program.output();
  program.wait();
  return output;
}

const Environment kNoCache = {{"WEFT_CACHE_DIR", ""}};

TEST(Process, MayExitDuringEvaluations) {
  const char *wanted = std::getenv("WEFT_TEST_EXITS"); // 1000 before a release
  int count = wanted ? std::atoi(wanted) : 100;
  for (int i = 0; i < count; ++i) {
    Program program("exit", i, kNoCache);
    int status = program.wait();
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7)
        << "run " << i << ": " << strsignal(WTERMSIG(status)) << ": "
        << program.output();
  }
}

TEST(Process, SignalsAreLeftAlone) {
  EXPECT_EQ(outputOf("signals", 0, kNoCache), "ok\n");
}

TEST(Process, ThreadsStartWhenNeeded) {
  EXPECT_EQ(outputOf("threads", 0, kNoCache), "ok\n");
}

TEST(Process, AForkedChildEvaluates) {
  EXPECT_EQ(outputOf("fork", 0, kNoCache), "ok\n");
}

TEST(Process, AChildOfAProgramWithOpenMpEvaluates) {
  for (int which : {0, 1}) // GNU's, LLVM's
    EXPECT_EQ(outputOf("fork-openmp", which, kNoCache), "ok\n") << which;
}

TEST(Process, AChildThatIsFirstToUseOpenMpHasThreads) {
  EXPECT_THAT(outputOf("fork-openmp", 2,
                       {{"WEFT_CACHE_DIR", ""}, {"WEFT_LOG", "info"}}),
              testing::AllOf(testing::EndsWith("ok\n"),
                             testing::Not(testing::HasSubstr("one thread"))));
}

TEST(Process, ThreadsEvaluateLargeProductsAtOnce) {
  EXPECT_EQ(outputOf("several", 0, kNoCache), "ok\n");
}

TEST(Process, EvaluatesInsideAParallelRegion) {
  for (int which : {0, 1})
    EXPECT_EQ(outputOf("inside-openmp", which, kNoCache), "ok\n") << which;
}

TEST(Process, MemoryStaysFlatOverShapes) {
  EXPECT_EQ(outputOf("memory", 0, kNoCache), "ok\n");
}

TEST(Process, VariablesThatMeanNothingAreSaid) {
  EXPECT_EQ(outputOf("default-threads", 3, {{"WEFT_NUM_THREADS", "3"}}),
            "ok\n");
  EXPECT_EQ(outputOf("default-threads", 1024, {{"WEFT_NUM_THREADS", "2000"}}),
            "ok\n");
  for (std::string value : {"abc", "-3", "0", "4x", "1e9"})
    EXPECT_THAT(outputOf("evaluate", 1, {{"WEFT_NUM_THREADS", value}}),
                testing::StartsWith("weft: warning: WEFT_NUM_THREADS: got \"" +
                                    value + "\", expected a number above 0\n"))
        << value;
  // Said with the first message.
  EXPECT_THAT(
      outputOf("evaluate", 1, {{"WEFT_LOG", "all"}, {"WEFT_CACHE_DIR", "x"}}),
      testing::StartsWith("weft: warning: WEFT_LOG: got \"all\", expected "
                          "debug, info or warning\n"));
}

TEST(Process, NeedsNoHome) {
  for (const char *home :
       {static_cast<const char *>(nullptr), "", "relative", "/proc/none"}) {
    Environment environment = {{"WEFT_CACHE_DIR", std::nullopt},
                               {"XDG_CACHE_HOME", std::nullopt},
                               {"HOME", std::nullopt}};
    if (home)
      environment.back().second = home;
    EXPECT_THAT(outputOf("evaluate", 1, environment), testing::EndsWith("ok\n"))
        << (home ? home : "unset");
  }
}

TEST(Process, SeveralMayCompileTheSameAtOnce) {
  TempFolder temp;
  const Environment environment = {{"WEFT_CACHE_DIR", temp.path() + "/cache"}};
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<Program>> programs;
    for (int i = 0; i < 4; ++i)
      programs.push_back(
          std::make_unique<Program>("evaluate", 20 * round, environment));
    for (auto &program : programs) {
      EXPECT_EQ(program->output(), "ok\n");
      EXPECT_EQ(program->wait(), 0);
    }
  }
}

TEST(Process, OneThatIsKilledLeavesAGoodCache) {
  TempFolder temp;
  const Environment environment = {{"WEFT_CACHE_DIR", temp.path() + "/cache"}};
  for (int round = 0; round < 30; ++round) {
    Program program("evaluate", 0, environment);
    std::this_thread::sleep_for(std::chrono::milliseconds(10 + 10 * round));
    program.kill();
    program.wait();
  }
  EXPECT_EQ(outputOf("evaluate", 0, environment), "ok\n");
}

TEST(Process, LoadingIsNotCompiling) {
  TempFolder temp;
  const Environment environment = {{"WEFT_CACHE_DIR", temp.path() + "/cache"}};
  const std::string refused =
      "eval: softmax of float32 [8]: not compiled before, and compiling is "
      "forbidden (Program.cpp:";
  EXPECT_THAT(outputOf("forbid", 7, environment), testing::StartsWith(refused));
  ASSERT_EQ(outputOf("evaluate", 7, environment), "ok\n");
  EXPECT_EQ(outputOf("forbid", 7, environment), "ok\n");
  EXPECT_THAT(outputOf("forbid", 7, kNoCache), testing::StartsWith(refused));
}

TEST(Process, ADamagedCacheIsAMiss) {
  TempFolder temp;
  const Environment environment = {{"WEFT_CACHE_DIR", temp.path() + "/cache"}};
  ASSERT_EQ(outputOf("evaluate", 0, environment), "ok\n");
  int damaged = 0;
  for (const auto &entry : fs::directory_iterator(temp.path() + "/cache")) {
    if (damaged++ % 2)
      fs::resize_file(entry.path(), fs::file_size(entry.path()) / 2);
    else
      fs::resize_file(entry.path(), 0);
  }
  EXPECT_GE(damaged, 20);
  EXPECT_EQ(outputOf("evaluate", 0, environment), "ok\n");
}

} // namespace
} // namespace weft
