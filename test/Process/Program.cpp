// SPDX-License-Identifier: Apache-2.0
// A program against the public headers that does what its first argument says
// and prints one line: `ok`, or what was wrong.
#include "weft/Weft.h"

#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using weft::Tensor;

/// The graph of a number: different numbers, different programs.
Tensor graph(unsigned number) {
  Tensor y = weft::ones({8}, weft::float32, weft::Device::cpu());
  for (unsigned i = 0; i < 12; ++i, number /= 3)
    switch (number % 3) {
    case 0:
      y = y + 1;
      break;
    case 1:
      y = weft::sqrt(y);
      break;
    default:
      y = weft::exp(-y);
    }
  return weft::softmax(y, 0);
}

bool isRight(const Tensor &y) {
  auto values = y.to_vector<float>();
  if (!values.ok())
    return false;
  for (float value : *values)
    if (value != 0.125f)
      return false;
  return values->size() == 8;
}

long fieldOf(const char *file, const std::string &name) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);)
    if (line.rfind(name, 0) == 0)
      return std::stol(line.substr(name.size()));
  return -1;
}

long numberOfThreads() { return fieldOf("/proc/self/status", "Threads:"); }

std::string evaluate(unsigned first, unsigned count) {
  for (unsigned i = 0; i < count; ++i)
    if (!isRight(graph(first + i)))
      return "wrong result of graph " + std::to_string(first + i);
  return "ok";
}

/// As a program that may not compile.
std::string evaluateWithoutCompiling(unsigned first) {
  weft::set_compilation(weft::Compilation::forbid);
  weft::Status status = graph(first).eval();
  return status.ok() ? evaluate(first, 2) : std::string(status.message());
}

/// Two threads compile and run; this one ends the program meanwhile.
std::string exitDuringEvaluations(unsigned seed) {
  (void)weft::set_num_threads(3);
  for (unsigned thread = 0; thread < 2; ++thread)
    std::thread([=] {
      for (unsigned i = 0;; ++i)
        if (!isRight(graph(seed * 1000 + 2 * i + thread)))
          std::abort();
    }).detach();
  std::this_thread::sleep_for(std::chrono::microseconds(seed * 997 % 60000));
  std::exit(7);
}

std::string leaveSignalsAlone() {
  std::vector<struct sigaction> before(65), after(65);
  for (int i = 1; i < 65; ++i)
    sigaction(i, nullptr, &before[static_cast<size_t>(i)]);
  sigset_t maskBefore, maskAfter;
  sigprocmask(SIG_BLOCK, nullptr, &maskBefore);
  if (std::string text = evaluate(1, 2); text != "ok")
    return text;
  sigprocmask(SIG_BLOCK, nullptr, &maskAfter);
  for (int i = 1; i < 65; ++i) {
    sigaction(i, nullptr, &after[static_cast<size_t>(i)]);
    if (before[static_cast<size_t>(i)].sa_handler !=
            after[static_cast<size_t>(i)].sa_handler ||
        sigismember(&maskBefore, i) != sigismember(&maskAfter, i))
      return "signal " + std::to_string(i) + " is handled otherwise";
  }
  return "ok";
}

/// Of memory of the program's, so that what reads it is no constant.
Tensor onesOfHost(const weft::Shape &shape) {
  std::vector<float> values(static_cast<size_t>(shape.num_elements()), 1);
  return Tensor::from_host<float>(values, shape, weft::Device::cpu());
}

/// So large that a library computes it, where one is installed.
bool multiplies() {
  Tensor x = onesOfHost({256, 256});
  auto product = weft::relu(weft::matmul(x, x)).to_vector<float>();
  return product.ok() && *product == std::vector<float>(256 * 256, 256);
}

/// A convolution that a library computes, and kernels before and behind it:
/// windows of 16 channels of 3x3 ones, fewer at the edges.
bool convolves() {
  Tensor y = weft::conv(weft::exp(onesOfHost({1, 32, 24, 24}) - 1),
                        onesOfHost({64, 32, 3, 3}), {}, {.padding = {1}});
  auto values = (weft::relu(y) * 0.5 + 1).to_vector<float>();
  if (!values.ok() || values->size() != 64 * 24 * 24)
    return false;
  auto taps = [](size_t at) { return at % 23 == 0 ? 2 : 3; };
  for (size_t i = 0; i < values->size(); ++i) {
    const float right =
        static_cast<float>(16 * taps(i % 24) * taps(i / 24 % 24) + 1);
    if (!(std::abs((*values)[i] - right) < 1e-3f)) // up to what Winograd loses
      return false;
  }
  return true;
}

std::string startThreadsWhenNeeded() {
  if (numberOfThreads() != 1)
    return "there are threads before the first use";
  Tensor large = weft::ones({1 << 20}, weft::float32, weft::Device::cpu());
  (void)weft::set_num_threads(1);
  if (!weft::exp(large).eval().ok() || !multiplies() || numberOfThreads() != 1)
    return "one thread was asked for, there are " +
           std::to_string(numberOfThreads());
  (void)weft::set_num_threads(3);
  if (!weft::sin(large).eval().ok() || numberOfThreads() != 3)
    return "three threads were asked for, there are " +
           std::to_string(numberOfThreads());
  return "ok";
}

/// What a copy of this process says of itself, which may not take for ever.
template <typename Function> std::string resultInAChild(Function &&isRight) {
  pid_t child = fork();
  if (child == 0) {
    alarm(30);
    std::exit(isRight() ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status == 0 ? "ok" : "status of the child: " + std::to_string(status);
}

std::string evaluateInAForkedChild() {
  (void)weft::set_num_threads(2);
  Tensor large = weft::ones({1 << 20}, weft::float32, weft::Device::cpu());
  if (!weft::exp(large).eval().ok() || evaluate(1, 2) != "ok" ||
      !multiplies() || !convolves())
    return "wrong result before the fork";
  std::string text = resultInAChild([&] {
    // Compiled, run by several threads.
    return weft::sin(large).eval().ok() && evaluate(2, 2) == "ok" &&
           multiplies() && convolves();
  });
  return text == "ok" ? evaluate(4, 1) : text;
}

/// OpenMP as a program has it that is linked with it: its function that calls
/// another on several threads. Null where it is not installed.
using Team = void(void (*body)(void *), void *context, unsigned count,
                  unsigned flags);
Team *openMp(unsigned which) {
  constexpr const char *kNames[] = {"libgomp.so.1", "libomp.so.5", "none"};
  void *library = dlopen(kNames[which], RTLD_NOW | RTLD_GLOBAL);
  return library ? reinterpret_cast<Team *>(dlsym(library, "GOMP_parallel"))
                 : nullptr;
}

/// The parent has used an OpenMP or, where there is no such, none, but not
/// Weft.
std::string evaluateInAChildOfOpenMp(unsigned which) {
  if (Team *team = openMp(which))
    team([](void *) {}, nullptr, 3, 0);
  (void)weft::set_num_threads(2);
  return resultInAChild([] { return multiplies() && convolves(); });
}

/// Several threads of the program's evaluate graphs with products for a library
/// and kernels at once, which need more threads each.
std::string evaluateOnSeveralThreads() {
  (void)weft::set_num_threads(3);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i)
        wrong += !multiplies() || !convolves();
    });
  for (std::thread &thread : threads)
    thread.join();
  return wrong ? std::to_string(wrong) + " wrong results" : "ok";
}

/// Each thread of a parallel region evaluates; in regions of one thread as
/// well, and outside of them in between.
std::string evaluateInsideOpenMp(unsigned which) {
  Team *team = openMp(which);
  if (!team)
    return "ok";
  (void)weft::set_num_threads(3);
  static std::atomic<int> wrong{0};
  auto body = [](void *) {
    for (int i = 0; i < 10; ++i)
      wrong += !multiplies() || !convolves();
  };
  for (unsigned count : {1u, 3u, 1u}) {
    team(body, nullptr, count, 0);
    body(nullptr);
  }
  return wrong ? std::to_string(wrong) + " wrong results" : "ok";
}

/// Evaluates shapes `first` ... and says how many KiB the process holds after.
long residentAfter(int first, int count) {
  for (int i = first; i < first + count; ++i) {
    Tensor x = weft::ones({64 + i, 1024}, weft::float32, weft::Device::cpu());
    if (!weft::sum(weft::exp(x) * 2 + x, 1).eval().ok())
      return -1;
  }
  weft::trim();
  return fieldOf("/proc/self/status", "VmRSS:");
}

std::string keepMemoryFlat() {
  residentAfter(0, 30); // what a process needs once
  long before = residentAfter(1000, 1);
  long after = residentAfter(2000, 100);
  weft::MemoryStats stats = weft::memory_stats(weft::Device::cpu());
  if (stats.pooled != 0)
    return "trim() leaves " + std::to_string(stats.pooled) + " bytes";
  // The largest tensors hold 8 MiB each; code of 100 programs stays.
  if (stats.live > 1 << 20)
    return "held after 100 shapes: " + std::to_string(stats.live) + " bytes";
  if (before <= 0 || after - before > 16 * 1024)
    return "resident before 100 shapes " + std::to_string(before) +
           " KiB, after " + std::to_string(after) + " KiB";
  return "ok";
}

std::string run(const std::string &what, unsigned number) {
  if (what == "evaluate")
    return evaluate(number, 20);
  if (what == "forbid")
    return evaluateWithoutCompiling(number);
  if (what == "default-threads")
    return weft::num_threads() == static_cast<int>(number) ? "ok" : "others";
  if (what == "exit")
    return exitDuringEvaluations(number);
  if (what == "signals")
    return leaveSignalsAlone();
  if (what == "threads")
    return startThreadsWhenNeeded();
  if (what == "fork")
    return evaluateInAForkedChild();
  if (what == "fork-openmp")
    return evaluateInAChildOfOpenMp(number);
  if (what == "several")
    return evaluateOnSeveralThreads();
  if (what == "inside-openmp")
    return evaluateInsideOpenMp(number);
  if (what == "memory")
    return keepMemoryFlat();
  return "unknown: " + what;
}

} // namespace

int main(int argc, char **argv) {
  std::string result =
      run(argc > 1 ? argv[1] : "",
          argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 0);
  std::puts(result.c_str());
  return result == "ok" ? 0 : 1;
}
