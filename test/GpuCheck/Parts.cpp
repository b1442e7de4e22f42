// SPDX-License-Identifier: Apache-2.0
#include "Parts.h"

#include "gtest/gtest.h"

#include <cstdio>
#include <cstring>
#include <iostream>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace weft::gpu_check {

// ---- which tests ------------------------------------------------------------

/// `Target/CUDA` of `/somewhere/test/Target/CUDA/GpuKernelTest.cpp`.
static std::string folderOf(const std::string &file) {
  const std::string root = "/test/";
  size_t begin = file.rfind(root);
  begin = begin == std::string::npos ? 0 : begin + root.size();
  size_t end = file.rfind('/');
  return end > begin ? file.substr(begin, end - begin) : file.substr(begin);
}

static bool usesGpu(const std::string &folder, const std::string &test) {
  return folder == "Tensor" || folder == "NN" || folder == "GpuCheck" ||
         test.find("Gpu") != std::string::npos;
}

std::vector<Part> partsOfProgram() {
  std::vector<Part> parts;
  const testing::UnitTest &program = *testing::UnitTest::GetInstance();
  for (int s = 0; s < program.total_test_suite_count(); ++s) {
    const testing::TestSuite &suite = *program.GetTestSuite(s);
    for (int t = 0; t < suite.total_test_count(); ++t) {
      const testing::TestInfo &info = *suite.GetTestInfo(t);
      std::string test = std::string(suite.name()) + "." + info.name();
      std::string folder = folderOf(info.file());
      if (!usesGpu(folder, test))
        continue;
      std::string name = folder == "GpuCheck" ? "digits" : folder;
      auto part = parts.begin();
      while (part != parts.end() && part->name != name)
        ++part;
      if (part == parts.end())
        part = parts.insert(parts.end(), {name, {}});
      part->tests.push_back(test);
    }
  }
  return parts;
}

std::string Part::filter() const {
  std::string filter;
  for (const std::string &test : tests)
    filter += (filter.empty() ? "" : ":") + test;
  return filter;
}

Counts &Counts::operator+=(const Counts &other) {
  passed += other.passed;
  failed += other.failed;
  skipped += other.skipped;
  return *this;
}

// ---- in a process of its own ------------------------------------------------

/// How the process of a part tells what became of a test; anything else that
/// it prints is for people.
static constexpr const char *kOutcome = "[weft-gpu-check] ";

/// Starts this program again; what it prints can be read from `output`.
static pid_t start(const std::vector<std::string> &arguments, FILE *&output) {
  int ends[2];
  if (pipe(ends) != 0)
    return -1;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  std::vector<char *> argv;
  for (const std::string &argument : arguments)
    argv.push_back(const_cast<char *>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = -1;
  if (posix_spawn(&child, "/proc/self/exe", &actions, nullptr, argv.data(),
                  environ) != 0)
    child = -1;
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  output = fdopen(ends[0], "r");
  return child;
}

/// Passes output on, but for outcomes, which are counted.
static Counts readOutput(FILE *output) {
  Counts counts;
  char *line = nullptr;
  size_t capacity = 0;
  while (getline(&line, &capacity, output) > 0) {
    if (std::strncmp(line, kOutcome, std::strlen(kOutcome)) != 0) {
      std::cout << line << std::flush;
      continue;
    }
    switch (line[std::strlen(kOutcome)]) {
    case 'p':
      ++counts.passed;
      break;
    case 's':
      ++counts.skipped;
      break;
    default:
      ++counts.failed;
    }
  }
  free(line);
  return counts;
}

Counts runApart(const Part &part, const std::vector<std::string> &arguments) {
  std::vector<std::string> command = {"weft-gpu-check", "--gtest_brief=1",
                                      "--gtest_filter=" + part.filter()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  FILE *output = nullptr;
  pid_t child = start(command, output);
  Counts counts;
  if (child > 0)
    counts = readOutput(output);
  if (output)
    fclose(output);
  int status = 0;
  if (child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status))
    std::cout << part.name << ": ended by signal " << WTERMSIG(status) << " ("
              << strsignal(WTERMSIG(status)) << ")\n";
  int missing = static_cast<int>(part.tests.size()) - counts.passed -
                counts.failed - counts.skipped;
  if (missing > 0) {
    std::cout << part.name << ": " << missing << " tests did not end\n";
    counts.failed += missing;
  }
  return counts;
}

// ---- there
// --------------------------------------------------------------------

namespace {
class TellOutcomes : public testing::EmptyTestEventListener {
  void OnTestEnd(const testing::TestInfo &info) override {
    const testing::TestResult &result = *info.result();
    // A line of its own, whatever the test has left behind.
    std::cout << '\n'
              << kOutcome
              << (result.Failed()    ? "failed "
                  : result.Skipped() ? "skipped "
                                     : "passed ")
              << info.test_suite_name() << '.' << info.name() << std::endl;
  }
};
} // namespace

int runHere() {
  testing::UnitTest::GetInstance()->listeners().Append(new TellOutcomes);
  return RUN_ALL_TESTS();
}

} // namespace weft::gpu_check
