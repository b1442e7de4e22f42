// SPDX-License-Identifier: Apache-2.0
// weft run: compiles a module and runs it on files, numbers and random inputs.
#include "Arguments.h"
#include "Command.h"
#include "Examples.h"
#include "InputFile.h"

#include "weft/Compiler/Compiler.h"
#include "weft/Core/Float.h"
#include "weft/IO/Npy.h"
#include "weft/Runtime.h"

#include "lib/IO/NpyFormat.h"
#include "runtime/StreamOrder.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

using namespace llvm;

namespace weft::tools {

static int run();
static Command command("run", "Compile and run a module", run);
static cl::opt<std::string> input(cl::Positional, cl::desc("FILE.mlir"),
                                  cl::sub(command));
static cl::list<std::string>
    inputs("input", cl::value_desc("[name=]x.npy|number"),
           cl::desc("The next argument of @main, or the one named; others are "
                    "random, but for recorded numbers"),
           cl::sub(command));
static cl::opt<std::string>
    weights("weights", cl::value_desc("w.safetensors"),
            cl::desc("The arguments that it has tensors for by name, and every "
                     "parameter that no --input is for"),
            cl::sub(command));
static cl::list<std::string>
    outputs("output", cl::value_desc("y.npy"),
            cl::desc("Where the next result goes; without, results are "
                     "summed up"),
            cl::sub(command));
static cl::opt<std::string> deviceName("device", cl::value_desc("device"),
                                       cl::desc("cpu, gpu or gpu:1; default: "
                                                "the fastest there is"),
                                       cl::sub(command));
static cl::opt<uint64_t> seed("seed", cl::value_desc("number"),
                              cl::desc("Of random inputs (default: 0)"),
                              cl::sub(command));
static cl::opt<bool>
    isTimed("time", cl::desc("Say how long compiling and running take"),
            cl::sub(command));

namespace {

using Clock = std::chrono::steady_clock;
using compiler::CompiledModule;
using compiler::ModuleValue;
using Storages = std::vector<std::shared_ptr<runtime::Storage>>;

double millisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start)
      .count();
}

/// What a module's run took, in milliseconds.
struct Times {
  bool isLoaded = false; // from disk, not compiled
  double compile = 0, firstRun = 0, medianRun = 0;
  size_t runs = 0;
};

StatusOr<std::shared_ptr<const CompiledModule>> compile(Device device,
                                                        Times &times) {
  StatusOr<std::string> text = readFile(input);
  if (!text.ok() && isExample(input))
    return invalid_argument_error(
        "run: got \"" + input + "\", expected a file: " + exampleNames() +
        " are examples of weft dump, and weft dump " + input +
        " --stage=trace prints what such a file holds");
  if (!text.ok())
    return text.status();
  auto start = Clock::now();
  auto module = CompiledModule::compile(*text, input.getValue(), device);
  times.compile = millisecondsSince(start);
  times.isLoaded = compiler::statistics().graphsLoaded > 0;
  return module;
}

/// One run, to the end.
StatusOr<Storages> runOnce(const CompiledModule &module,
                           ArrayRef<CompiledModule::Argument> arguments,
                           Device device, double &milliseconds) {
  auto start = Clock::now();
  StatusOr<Storages> results = module.run(arguments);
  if (!results.ok())
    return results;
  if (Status status = synchronize(device); !status.ok())
    return status;
  milliseconds = millisecondsSince(start);
  return results;
}

/// Half a second of runs, at least five.
Status measure(const CompiledModule &module,
               ArrayRef<CompiledModule::Argument> arguments, Device device,
               Times &times) {
  std::vector<double> all;
  for (auto start = Clock::now();
       all.size() < 5 || millisecondsSince(start) < 500;)
    if (auto results = runOnce(module, arguments, device, all.emplace_back());
        !results.ok())
      return results.status();
  std::nth_element(all.begin(), all.begin() + all.size() / 2, all.end());
  times.medianRun = all[all.size() / 2];
  times.runs = all.size();
  return {};
}

/// Three digits in the unit that suits: `1.25 s`, `48.6 ms`, `3.07 µs`.
std::string durationText(double milliseconds) {
  struct Unit {
    const char *name;
    double milliseconds;
  };
  const Unit unit = milliseconds >= 1000   ? Unit{"s", 1e3}
                    : milliseconds >= 1    ? Unit{"ms", 1}
                    : milliseconds >= 1e-3 ? Unit{"µs", 1e-3}
                                           : Unit{"ns", 1e-6};
  const double value = milliseconds / unit.milliseconds;
  char text[40];
  std::snprintf(text, sizeof(text), "%.*f %s",
                value >= 100  ? 0
                : value >= 10 ? 1
                              : 2,
                value, unit.name);
  return text;
}

void printTimes(const Times &times) {
  print((times.isLoaded ? "loaded from the cache in " : "compiled in ") +
        durationText(times.compile));
  print("first run " + durationText(times.firstRun));
  print("median of " + std::to_string(times.runs) + " runs " +
        durationText(times.medianRun));
}

/// `y: float32 [2, 3]: min 0, mean 0.5, max 1`
StatusOr<std::string> summary(const ModuleValue &value,
                              runtime::Storage &storage) {
  std::vector<char> bytes(static_cast<size_t>(storage.bytes()));
  if (Status status =
          runtime::copyToHost(bytes.data(), storage, storage.bytes());
      !status.ok())
    return status;
  int64_t count = value.shape.num_elements(), numNaN = 0;
  double least = INFINITY, most = -INFINITY, sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    double element = load_as_double(bytes.data(), value.dtype, i);
    if (std::isnan(element)) {
      ++numNaN;
      continue;
    }
    least = std::min(least, element);
    most = std::max(most, element);
    sum += element;
  }
  std::string text = value.name + ": " + std::string(name(value.dtype)) + " " +
                     to_string(value.shape) + ": ";
  if (count == 0)
    return text + "no elements";
  if (numNaN == count)
    return text + "all NaN";
  char numbers[120];
  std::snprintf(numbers, sizeof(numbers), "min %.6g, mean %.6g, max %.6g",
                least, sum / static_cast<double>(count - numNaN), most);
  return text + numbers +
         (numNaN > 0 ? ", " + std::to_string(numNaN) + " NaN" : "");
}

Status deliver(const CompiledModule &module, const Storages &results,
               Device device) {
  for (size_t i = 0; i < results.size(); ++i) {
    const ModuleValue &value = module.outputs()[i];
    if (!outputs.empty()) {
      Status status = save_npy(outputs[i], tensorOf(value, results[i], device));
      if (!status.ok())
        return status;
      continue;
    }
    StatusOr<std::string> text = summary(value, *results[i]);
    if (!text.ok())
      return text.status();
    print(*text);
  }
  return {};
}

/// Asked before anything runs or is written.
Status checkOutputs(ArrayRef<ModuleValue> results) {
  if (outputs.empty())
    return {};
  if (outputs.size() != results.size())
    return invalid_argument_error(
        "--output: files given: " + std::to_string(outputs.size()) +
        ", results of @main: " + std::to_string(results.size()));
  for (auto [file, result] : zip(outputs, results))
    if (Status status = io::check_npy_type(file, result.dtype); !status.ok())
      return status;
  return {};
}

Status runModule(Device device) {
  if (Status status = is_usable(device); !status.ok())
    return status;
  Times times;
  auto module = compile(device, times);
  if (!module.ok())
    return module.status();
  if (Status status = checkOutputs((*module)->outputs()); !status.ok())
    return status;
  auto arguments =
      argumentsOf((*module)->inputs(), {inputs, weights, seed}, device);
  if (!arguments.ok())
    return arguments.status();
  auto results = runOnce(**module, *arguments, device, times.firstRun);
  if (!results.ok())
    return results.status();
  if (Status status = deliver(**module, *results, device); !status.ok())
    return status;
  if (!isTimed)
    return {};
  Status status = measure(**module, *arguments, device, times);
  if (status.ok())
    printTimes(times);
  return status;
}

} // namespace

static int run() {
  if (input.empty())
    return misuse(invalid_argument_error("run: expected FILE.mlir"));
  StatusOr<Device> device =
      deviceName.empty() ? default_device() : Device::parse(deviceName);
  if (!device.ok())
    return misuse(
        invalid_argument_error("--" + std::string(device.status().message())));
  return exitCode(runModule(*device));
}

} // namespace weft::tools
