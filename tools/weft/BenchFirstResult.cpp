// SPDX-License-Identifier: Apache-2.0
// first-result: relu(batch_norm(x)) in a fresh process, from its start to a
// value read.
#include "Bench.h"
#include "BenchTimer.h"

#include "weft/Weft.h"

#include "lib/Core/Phases.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

using namespace llvm;

namespace weft::tools {
namespace {

/// Since the machine started: the same clock in parent and child.
double now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) +
         1e-9 * static_cast<double>(time.tv_nsec);
}

// What the child reports, in this order, as text on standard output.
enum Mark { started, ready, recorded, evaluated, read, kNumMarks };
constexpr Phase kPhases[] = {Phase::import, Phase::passes, Phase::kernels,
                             Phase::load};
constexpr size_t kNumNumbers = kNumMarks + std::size(kPhases);
using Numbers = std::array<double, kNumNumbers>;

const Shape kShape = {8, 64, 56, 56};

/// A batch norm that is told nothing has weights 0, 1, 2, ...: here it has mean
/// and bias 0, variance 1 and weight c.
nn::BatchNorm batchNorm(Device device) {
  nn::BatchNorm bn(kShape[1]);
  bn.weight = nn::Parameter(arange(0, kShape[1], 1, float32, device));
  bn.bias = nn::Parameter(zeros({kShape[1]}, float32, device));
  bn.running_mean = nn::Parameter(zeros({kShape[1]}, float32, device));
  bn.running_var = nn::Parameter(ones({kShape[1]}, float32, device));
  return bn;
}

/// Cheap: making the input is not what is measured.
float elementAt(size_t i) { return static_cast<float>(i % 61) - 30; }

Status checkResult(const std::vector<float> &values) {
  int64_t pixels = kShape[2] * kShape[3];
  for (size_t i = 0; i < values.size(); ++i) {
    auto at = static_cast<int64_t>(i);
    double weight = static_cast<double>(at / pixels % kShape[1]);
    double want = std::max(elementAt(i) * weight / std::sqrt(1 + 1e-5), 0.0);
    if (!(std::fabs(values[i] - want) <= 1e-5 * want))
      return internal_error("wrong result: element " + std::to_string(i) +
                            ": expected " + std::to_string(want) + ", got " +
                            std::to_string(values[i]));
  }
  return {};
}

/// Everything that a reader of /proc sees as this program.
std::string programFile() {
  return std::filesystem::read_symlink("/proc/self/exe").string();
}

// ---- the parent -------------------------------------------------------------

/// Reads all that the child writes; its exit code must be 0.
StatusOr<Numbers> readChild(int file, pid_t child) {
  std::string text;
  char buffer[256];
  for (ssize_t n; (n = ::read(file, buffer, sizeof(buffer))) > 0;)
    text.append(buffer, static_cast<size_t>(n));
  ::close(file);
  int status = 0;
  ::waitpid(child, &status, 0);
  Numbers numbers;
  StringRef rest = text;
  for (double &number : numbers) {
    StringRef word;
    std::tie(word, rest) = rest.split(' ');
    if (status != 0 || word.trim().getAsDouble(number))
      return internal_error("first-result: the process that was started "
                            "failed");
  }
  return numbers;
}

StatusOr<Numbers> runChild(const BenchOptions &options, double &start) {
  int pipe[2];
  if (::pipe(pipe) != 0)
    return internal_error("first-result: no pipe");
  std::string program = programFile(),
              device = "--device=" + to_string(options.device),
              tuned = "--tuning=" + std::string(name(tuning()));
  const char *arguments[] = {program.c_str(), "bench",       "first-result",
                             device.c_str(),  tuned.c_str(), "--in-process",
                             nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, pipe[0]);
  posix_spawn_file_actions_addclose(&actions, pipe[1]);
  pid_t child;
  start = now();
  int error = ::posix_spawn(&child, program.c_str(), &actions, nullptr,
                            const_cast<char **>(arguments), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  if (error) {
    ::close(pipe[0]);
    return internal_error("first-result: " + program + " cannot be started");
  }
  return readChild(pipe[0], child);
}

/// Milliseconds: process, device, trace, phases, run, read, total.
std::vector<double> stagesOf(const Numbers &numbers, double start) {
  auto between = [&](Mark from, Mark to) {
    return 1e3 * (numbers[to] - numbers[from]);
  };
  std::vector<double> stages = {1e3 * (numbers[started] - start),
                                between(started, ready),
                                between(ready, recorded)};
  double run = between(recorded, evaluated);
  for (size_t i = kNumMarks; i < kNumNumbers; ++i) {
    stages.push_back(1e3 * numbers[i]);
    run -= stages.back();
  }
  stages.push_back(run);
  stages.push_back(between(evaluated, read));
  stages.push_back(1e3 * (numbers[read] - start));
  return stages;
}

/// A run's stages are kept together: those of the fastest and the middle run.
Status measure(const std::string &state, const BenchOptions &options,
               const std::filesystem::path &cache, Report &report) {
  bool isCold = state == "cold";
  std::vector<std::vector<double>> runs;
  for (int i = 0; i < (options.quick ? 3 : 9); ++i) {
    std::error_code ignored;
    if (isCold)
      std::filesystem::remove_all(cache, ignored);
    double start;
    StatusOr<Numbers> numbers = runChild(options, start);
    if (!numbers.ok())
      return numbers.status();
    runs.push_back(stagesOf(*numbers, start));
  }
  llvm::sort(runs, [](auto &a, auto &b) { return a.back() < b.back(); });
  for (auto [name, run] : {std::pair{"fastest", &runs.front()},
                           std::pair{"median", &runs[runs.size() / 2]}}) {
    std::vector<json::Value> cells = {state + ", " + name};
    for (double milliseconds : *run)
      cells.push_back(milliseconds);
    report.row(std::move(cells));
  }
  return {};
}

} // namespace

Status firstResultChild(const BenchOptions &options) {
  Numbers numbers{};
  numbers[started] = now();
  if (Status status = is_usable(options.device); !status.ok())
    return status;
  std::vector<float> elements(static_cast<size_t>(kShape.num_elements()));
  for (size_t i = 0; i < elements.size(); ++i)
    elements[i] = elementAt(i);
  Tensor x = Tensor::from_host<float>(elements, kShape, options.device);
  if (Status status = synchronize(options.device); !status.ok())
    return status;
  numbers[ready] = now();
  Tensor y = relu(batchNorm(options.device)(x));
  numbers[recorded] = now();
  if (Status status = y.eval(); !status.ok())
    return status;
  numbers[evaluated] = now();
  StatusOr<std::vector<float>> values = y.to_vector<float>();
  if (!values.ok())
    return values.status();
  numbers[read] = now();
  for (size_t i = 0; i < std::size(kPhases); ++i)
    numbers[kNumMarks + i] = secondsIn(kPhases[i]);
  for (double number : numbers)
    std::printf("%.9f ", number);
  std::printf("\n");
  return checkResult(*values);
}

Status benchFirstResult(const std::string &name, const BenchOptions &options,
                        Report &report) {
  report.method(
      "relu(batch_norm(x)), x [8, 64, 56, 56] float32, in a process of its "
      "own: wall time in ms from starting\nit until the result has been read. "
      "cold: the cache folder is empty; warm: a process before filled it.\n"
      "process: loading the program. device: driver, context, input made and "
      "copied. import to load: the phases of\nthe compiler. run: the rest of "
      "the evaluation.");
  report.table(name + " on " + to_string(options.device),
               {"cache", "process", "device", "trace", "import", "passes",
                "kernels", "load", "run", "read", "total ms"});
  std::error_code error;
  std::filesystem::path cache = std::filesystem::temp_directory_path(error) /
                                ("weft-bench-" + std::to_string(::getpid()));
  ::setenv("WEFT_CACHE_DIR", cache.c_str(), /*overwrite=*/1);
  Status status = measure("cold", options, cache, report);
  if (status.ok())
    status = measure("warm", options, cache, report);
  std::filesystem::remove_all(cache, error);
  return status;
}

} // namespace weft::tools
