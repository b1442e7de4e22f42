// SPDX-License-Identifier: Apache-2.0
// weft bench: which benchmarks there are, and what is asked of them.
#include "Bench.h"
#include "BenchNetworks.h"
#include "Command.h"

#include "weft/Runtime.h"

#include "runtime/Gpu.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <fstream>

using namespace llvm;

namespace weft::tools {

static int run();
static Command command("bench", "Measure, and check what was measured", run);
/// `bn|bn+relu|...|all`. Never destroyed: the option keeps no copy.
static const std::string &namesForHelp() {
  static const std::string &text = *new std::string([] {
    std::string text;
    for (const Benchmark &benchmark : benchmarks())
      text += benchmark.name + "|";
    return text + "all";
  }());
  return text;
}

static cl::list<std::string> names(cl::Positional, cl::desc(namesForHelp()),
                                   cl::sub(command));
static cl::opt<std::string> deviceName("device",
                                       cl::desc("cpu or gpu:0 (default: the "
                                                "default device)"),
                                       cl::value_desc("device"),
                                       cl::sub(command));
static cl::opt<std::string>
    dtypeNames("dtype",
               cl::desc("float32, float16 or bfloat16, or several with commas "
                        "(default: all three)"),
               cl::value_desc("types"), cl::init("float32,float16,bfloat16"),
               cl::sub(command));
static cl::opt<int64_t> batch("batch",
                              cl::desc("Images of a network (default 1) or of "
                                       "conv (default 32)"),
                              cl::value_desc("number"), cl::init(1),
                              cl::sub(command));
static cl::opt<std::string>
    jsonFile("json",
             cl::desc("Write the results to a file, or - for standard "
                      "output instead of tables"),
             cl::value_desc("file"), cl::sub(command));
static cl::opt<std::string>
    tuningName("tuning",
               cl::desc("How far kernels are tuned (default: what "
                        "WEFT_TUNING says)"),
               cl::value_desc("off|fast|full"), cl::sub(command));
static cl::opt<bool> quick("quick",
                           cl::desc("Small shapes, few rounds, little memory"),
                           cl::sub(command));
static cl::opt<bool>
    inProcess("in-process",
              cl::desc("What first-result starts: one result, times as text"),
              cl::ReallyHidden, cl::sub(command));

const std::vector<Benchmark> &benchmarks() {
  static const std::vector<Benchmark> all = [] {
    std::vector<Benchmark> list = {
        {"bn", "batch norm against a copy", benchNorm},
        {"bn+relu", "the same with a relu", benchNorm},
        {"bn+add+relu", "the same with a residual and a relu", benchNorm},
        {"softmax", "softmax of rows against a copy", benchRows},
        {"layer_norm", "layer norm of rows against a copy", benchRows},
        {"resize", "images of other sizes, interpolated, against a copy",
         benchResize},
        {"resize_nearest", "the same without interpolation", benchResize},
        {"permute", "another order of axes against a copy", benchPermute},
        {"linear", "gelu(x W^T + b)", benchLinear},
        {"conv", "the convolutions of ResNet-50", benchConv},
        {"first-result", "from the start of a process to a value read",
         benchFirstResult},
        {"trace", "recording an op", benchTrace, /*isOnHost=*/true},
        {"compile", "from a recorded graph to kernels", benchCompile}};
    for (const BenchNetwork &network : benchNetworks())
      list.push_back(
          {network.name, "times and memory of the network", benchNetwork});
    return list;
  }();
  return all;
}

namespace {

std::string knownNames() {
  std::string text;
  for (const Benchmark &benchmark : benchmarks())
    text += benchmark.name + ", ";
  return text + "all";
}

/// Each once, also if it is named twice.
StatusOr<std::vector<const Benchmark *>> chosen() {
  std::vector<const Benchmark *> result;
  for (const std::string &name : names) {
    bool found = false;
    for (const Benchmark &benchmark : benchmarks())
      if (name == benchmark.name || name == "all") {
        found = true;
        if (!is_contained(result, &benchmark))
          result.push_back(&benchmark);
      }
    if (!found)
      return invalid_argument_error("bench: got \"" + name + "\", expected " +
                                    knownNames());
  }
  if (result.empty())
    return invalid_argument_error("bench: which? " + knownNames());
  return result;
}

Status checkBatch(const std::vector<const Benchmark *> &list) {
  if (batch < 1)
    return invalid_argument_error("--batch: got " + std::to_string(batch) +
                                  ", expected at least 1");
  for (const BenchNetwork &network : benchNetworks())
    if (any_of(list, [&](auto *other) { return other->name == network.name; }))
      if (auto shape = inBatches(network, batch); !shape.ok())
        return shape.status();
  auto runsOneOf = [&](auto run) {
    return any_of(list, [=](auto *each) { return each->run == run; });
  };
  if (batch.getNumOccurrences() && !runsOneOf(benchConv) &&
      !runsOneOf(benchNetwork))
    return invalid_argument_error("--batch: only conv and networks have one");
  return runsOneOf(benchConv) ? checkConvBatch(batch) : Status();
}

/// For all that is compiled.
Status setTuning() {
  if (tuningName.empty())
    return {};
  for (Tuning each : {Tuning::off, Tuning::fast, Tuning::full})
    if (tuningName == name(each)) {
      set_tuning(each);
      return {};
    }
  return invalid_argument_error("--tuning: got \"" + tuningName +
                                "\", expected off, fast or full");
}

StatusOr<BenchOptions>
parsedOptions(const std::vector<const Benchmark *> &list) {
  BenchOptions options;
  options.quick = quick;
  if (batch.getNumOccurrences())
    options.batch = batch;
  if (Status status = checkBatch(list); !status.ok())
    return status;
  if (Status status = setTuning(); !status.ok())
    return status;
  if (deviceName.empty()) {
    options.device = default_device();
  } else {
    StatusOr<Device> device = Device::parse(deviceName);
    if (!device.ok())
      return device.status();
    options.device = *device;
    // Networks are made there. What runs says why it cannot be used.
    (void)set_default_device(*device);
  }
  for (StringRef text : split(StringRef(dtypeNames), ',')) {
    bool found = false;
    for (DType dtype : {float32, float16, bfloat16})
      if (text == StringRef(name(dtype))) {
        found = true;
        if (!is_contained(options.dtypes, dtype))
          options.dtypes.push_back(dtype);
      }
    if (!found)
      return invalid_argument_error("--dtype: got \"" + text.str() +
                                    "\", expected float32, float16, bfloat16 "
                                    "or several of them with commas");
  }
  return options;
}

json::Object machine(Device device) {
  json::Object result{
      {"device", to_string(device)},
      {"threads", num_threads()},
      {"tuning", std::string(name(tuning()))},
      {"float32 precision", std::string(name(float32_precision()))}};
  if (device.is_gpu())
    if (auto gpu = runtime::Gpu::get(device.index); gpu.ok())
      result["gpu"] = (*gpu)->name();
  return result;
}

Status cannotWriteJson() {
  return unavailable_error("--json: " + jsonFile + ": cannot be written");
}

/// Asked before anything is measured. What the file holds stays until there is
/// a result.
Status checkJsonFile() {
  if (jsonFile.empty() || jsonFile == "-" ||
      std::ofstream(jsonFile, std::ios::app))
    return {};
  return cannotWriteJson();
}

/// Written after each benchmark: what was measured stays if a later one fails.
Status writeJson(json::Object machine, const json::Array &results) {
  machine["results"] = json::Array(results);
  std::string text;
  raw_string_ostream os(text);
  os << formatv("{0:2}", json::Value(std::move(machine))) << "\n";
  if (jsonFile == "-") {
    print(text);
    return {};
  }
  std::ofstream file(jsonFile, std::ios::binary);
  file << text;
  if (!file.flush())
    return cannotWriteJson();
  return {};
}

Status bench(const std::vector<const Benchmark *> &list,
             const BenchOptions &options) {
  if (inProcess) // before anything touches the device: that is measured
    return firstResultChild(options);
  if (!all_of(list, [](const Benchmark *each) { return each->isOnHost; }))
    if (Status status = is_usable(options.device); !status.ok())
      return status;
  if (Status status = checkJsonFile(); !status.ok())
    return status;
  bool toStdout = jsonFile == "-";
  json::Array results;
  for (const Benchmark *benchmark : list) {
    Report report(benchmark->name, /*isPrinted=*/!toStdout);
    Status status = benchmark->run(benchmark->name, options, report);
    results.push_back(report.json());
    bool isLast = benchmark == list.back() || !status.ok();
    if (!jsonFile.empty() && (!toStdout || isLast))
      if (Status written = writeJson(machine(options.device), results);
          status.ok())
        status = written;
    if (!status.ok())
      return status;
  }
  return {};
}

} // namespace

static int run() {
  StatusOr<std::vector<const Benchmark *>> list = chosen();
  if (!list.ok())
    return misuse(list.status());
  StatusOr<BenchOptions> options = parsedOptions(*list);
  if (!options.ok())
    return misuse(options.status());
  return exitCode(bench(*list, *options));
}

} // namespace weft::tools
