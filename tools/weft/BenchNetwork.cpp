// SPDX-License-Identifier: Apache-2.0
// A network by its name: times of a warm evaluation, and memory.
#include "Bench.h"
#include "BenchBuffers.h"
#include "BenchEmpty.h"
#include "BenchNetworks.h"
#include "BenchTimer.h"

#include "weft/Functions.h"
#include "weft/Runtime.h"

#include "lib/Compiler/KnownGraphs.h"

#include <algorithm>
#include <chrono>
#include <deque>

namespace weft::tools {
namespace {

Tensor inputOf(const InputSpec &spec, Device device) {
  std::vector<float> elements(static_cast<size_t>(spec.shape.num_elements()));
  for (size_t i = 0; i < elements.size(); ++i)
    elements[i] = static_cast<float>(benchElement(0, static_cast<int64_t>(i)));
  return weft::cast(Tensor::from_host<float>(elements, spec.shape, device),
                    spec.dtype);
}

// ---- times ------------------------------------------------------------------

using Clock = std::chrono::steady_clock;

/// Ends a measurement: after a second (a tenth of one if quick) and ten rounds,
/// or after many.
class Rounds {
public:
  explicit Rounds(bool quick) : seconds_(quick ? 0.1 : 1) {}
  bool next() {
    std::chrono::duration<double> spent = Clock::now() - start_;
    ++count_;
    return count_ <= 10 || (count_ <= 1000 && spent.count() < seconds_);
  }

private:
  double seconds_;
  int count_ = 0;
  Clock::time_point start_ = Clock::now();
};

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Time of each step of `body`, which notes one by each call of its argument.
class Laps {
public:
  explicit Laps(size_t count) : seconds_(count) {}
  void start() { last_ = Clock::now(), next_ = 0; }
  void lap() {
    Clock::time_point now = Clock::now();
    seconds_[next_++].push_back(
        std::chrono::duration<double>(now - last_).count());
    last_ = Clock::now();
  }
  Times of(size_t lap) const { return timesOf(seconds_[lap]); }

private:
  std::vector<std::vector<double>> seconds_;
  Clock::time_point last_;
  size_t next_ = 0;
};

std::vector<llvm::json::Value> rowOf(const std::string &name, Times times) {
  return {name, times.median * 1e6, times.least * 1e6};
}

Status timeTracedAnew(const BenchFunction &net, const Tensor &x, Rounds rounds,
                      Report &report) {
  std::vector<double> seconds;
  while (rounds.next()) {
    auto start = Clock::now();
    Status status = net({x}).eval();
    seconds.push_back(secondsSince(start));
    if (!status.ok())
      return status;
    if (status = synchronize(x.device()); !status.ok())
      return status;
  }
  report.row(rowOf("traced anew, evaluated", timesOf(std::move(seconds))));
  return {};
}

/// The steps of an evaluation, each on its own.
Status timeSteps(const BenchFunction &net, const Tensor &x, Rounds rounds,
                 Report &report) {
  const char *names[] = {"  recording", "  finding", "  running"};
  Laps laps(std::size(names));
  while (rounds.next()) {
    laps.start();
    Tensor y = net({x});
    laps.lap();
    auto graph = compiler::knownGraphs().find({&y.node(), 1});
    laps.lap();
    if (!graph)
      return internal_error("a graph that was evaluated is not known");
    compiler::Storages outputs;
    Status status = graph->run(outputs);
    laps.lap();
    if (status.ok())
      status = synchronize(x.device());
    if (!status.ok())
      return status;
  }
  for (size_t i = 0; i < std::size(names); ++i)
    report.row(rowOf(names[i], laps.of(i)));
  return {};
}

/// Host times of many calls of an Executable.
struct Calls {
  std::vector<double> seconds;
  int64_t compiled = 0; // kernels, meanwhile
};

/// 10 000 of them, or what some seconds allow.
StatusOr<Calls> timeCalls(const Executable &executable, const Tensor &x,
                          bool quick) {
  auto outputs = executable.run({x});
  if (!outputs.ok())
    return outputs.status();
  const size_t most = quick ? 500 : 10000;
  const double limit = quick ? 0.1 : 3.5;
  Calls calls;
  auto call = [&]() -> Status {
    auto start = Clock::now();
    Status status = executable.run({x}, *outputs, {});
    calls.seconds.push_back(secondsSince(start));
    return status.ok() ? synchronize(x.device()) : status;
  };
  for (int i = 0; i < 3; ++i) // a replayed graph needs a second call
    if (Status status = call(); !status.ok())
      return status;
  calls.seconds.clear();
  calls.compiled = -compiler::numKernelsCompiled();
  auto start = Clock::now();
  while (calls.seconds.size() < most && secondsSince(start) < limit)
    if (Status status = call(); !status.ok())
      return status;
  calls.compiled += compiler::numKernelsCompiled();
  if (calls.compiled != 0)
    return internal_error("calls of an Executable compiled " +
                          std::to_string(calls.compiled) + " kernels");
  return calls;
}

/// Of calls into memory that none has had: there is no CUDA graph for them yet,
/// and kernels are launched one by one.
Status timeNewArguments(const Executable &executable, const Tensor &x,
                        bool quick, Report &report) {
  std::vector<double> seconds;
  std::vector<Tensor> kept; // or its memory would come again
  for (int i = 0; i < (quick ? 5 : 50); ++i) {
    auto start = Clock::now();
    auto outputs = executable.run({x});
    seconds.push_back(secondsSince(start));
    if (!outputs.ok())
      return outputs.status();
    kept.insert(kept.end(), outputs->begin(), outputs->end());
    if (Status status = synchronize(x.device()); !status.ok())
      return status;
  }
  report.row(rowOf("  the first time", timesOf(std::move(seconds))));
  return {};
}

void reportCalls(Calls calls, Report &report) {
  std::vector<double> &seconds = calls.seconds;
  std::sort(seconds.begin(), seconds.end());
  size_t count = seconds.size();
  report.table("calls of an Executable",
               {"calls", "median us", "99.9 % us", "most us", "compilations"});
  report.row({static_cast<int64_t>(count), seconds[count / 2] * 1e6,
              seconds[count * 999 / 1000] * 1e6, seconds.back() * 1e6,
              calls.compiled});
}

/// Batches that come from the host and whose results go back there: a batch is
/// read before the next is brought, or one batch later.
Status timeFromHost(const Executable &executable, const Tensor &x,
                    Rounds rounds, Report &report) {
  constexpr int kBatches = 8;
  const Tensor host = copy(x, Device::cpu());
  auto run = [&](Tensor &y) -> Status {
    auto outputs = executable.run({copy(host, x.device())});
    if (outputs.ok())
      y = outputs->front();
    return outputs.status();
  };
  auto read = [](const Tensor &y) { return copy(y, Device::cpu()).status(); };
  std::vector<double> seconds[2];
  while (rounds.next())
    for (int ahead : {0, 1}) {
      std::deque<Tensor> results;
      auto start = Clock::now();
      for (int i = 0; i < kBatches + ahead; ++i) {
        if (i < kBatches)
          if (Status status = run(results.emplace_back()); !status.ok())
            return status;
        if (i < ahead)
          continue;
        if (Status status = read(results.front()); !status.ok())
          return status;
        results.pop_front();
      }
      seconds[ahead].push_back(secondsSince(start) / kBatches);
    }
  report.row(rowOf("from host to host", timesOf(seconds[0])));
  report.row(rowOf("  read a batch later", timesOf(seconds[1])));
  return {};
}

Status timeKernels(const InputSpec &spec, const BenchFunction &net,
                   const Tensor &x, bool quick, Report &report) {
  Device device = x.device();
  StatusOr<BenchProgram> program =
      BenchProgram::compile(net, {&spec, 1}, device);
  if (!program.ok())
    return program.status();
  const InputSpec &output = program->output();
  auto y = runtime::Storage::allocate(device, output.shape.num_elements() *
                                                  size_in_bytes(output.dtype));
  if (!y.ok())
    return y.status();
  StatusOr<std::unique_ptr<BenchTimer>> timer = BenchTimer::create(device);
  if (!timer.ok())
    return timer.status();
  compiler::Capture capture = compiler::capture({&x.node(), 1});
  void *inputs[] = {capture.arguments.storages[0]->data()};
  Status status = (*timer)->add(
      [&](int64_t, runtime::CudaStream stream) {
        return program->run(inputs, (*y)->data(), stream);
      },
      device.is_gpu() ? 8 : 1);
  if (!status.ok())
    return status;
  StatusOr<std::vector<Times>> times = (*timer)->measure(quick ? 0.1 : 1);
  if (!times.ok())
    return times.status();
  report.row(rowOf("kernels alone", times->front()));
  if (device.is_cpu())
    return {};
  StatusOr<runtime::Gpu *> gpu = runtime::Gpu::get(device.index);
  if (!gpu.ok())
    return gpu.status();
  StatusOr<Times> empty =
      timeEmptyKernels(**gpu, program->numLaunches(), quick);
  if (!empty.ok())
    return empty.status();
  report.row(rowOf("launching empty kernels", *empty));
  return {};
}

// ---- memory -----------------------------------------------------------------

StatusOr<Executable> compileOn(Device device, const BenchFunction &net,
                               const InputSpec &spec) {
  return detail::compile(
      [&](const std::vector<Tensor> &inputs) {
        return std::vector<Tensor>{net(inputs)};
      },
      {spec}, {.device = device});
}

/// Bytes of the pool that one network takes.
struct Memory {
  int64_t loaded = 0;   // weights and input
  int64_t compiled = 0; // weights in the form that kernels read, and input
  int64_t peak = 0;     // and what a run needs
};

/// Of a network that makes room for its Executable.
StatusOr<Memory> memoryOf(const BenchNetwork &network, const InputSpec &spec,
                          Device device) {
  const int64_t others = memory_stats(device).live;
  BenchFunction net = network.make(device, spec.dtype);
  const Tensor x = inputOf(spec, device);
  if (Status status = x.eval(); !status.ok())
    return status;
  Memory memory;
  memory.loaded = memory_stats(device).live - others;
  StatusOr<Executable> executable = compileOn(device, net, spec);
  if (!executable.ok())
    return executable.status();
  net = nullptr;
  if (Status status = synchronize(device); !status.ok())
    return status;
  memory.compiled = memory_stats(device).live - others;
  reset_memory_peak(device);
  auto outputs = executable->run({x});
  if (!outputs.ok())
    return outputs.status();
  memory.peak = memory_stats(device).peak - others;
  return memory;
}

Status reportMemory(const BenchFunction &net, const Tensor &x, Memory memory,
                    Report &report) {
  compiler::Capture capture = compiler::capture({&net({x}).node(), 1});
  auto executable = compiler::executableOf(capture.program, x.device());
  if (!executable.ok())
    return executable.status();
  const runtime::Plan &plan = (*executable)->plan();
  report.table("memory", {"plan", "recorded ops", "launches", "kernels",
                          "arena bytes", "sum of values", "share %"});
  report.row({"main", static_cast<int64_t>(capture.program.ops.size()),
              static_cast<int64_t>(plan.launches.size()),
              static_cast<int64_t>(plan.kernels.size()), plan.arenaBytes,
              plan.liveBytes,
              100 * static_cast<double>(plan.arenaBytes) /
                  static_cast<double>(std::max<int64_t>(plan.liveBytes, 1))});
  report.table("pool of " + to_string(x.device()), {"what", "bytes"});
  report.row({"weights and input", memory.loaded});
  report.row({"prepared weights and input", memory.compiled});
  report.row({"peak of a run", memory.peak});
  return {};
}

// ---- a network --------------------------------------------------------------

/// A network at one size of its batch.
Status measure(const BenchNetwork &network, const BenchFunction &net,
               const InputSpec &spec, const BenchOptions &options,
               Report &report) {
  const Device device = options.device;
  const bool quick = options.quick;
  StatusOr<Memory> memory = memoryOf(network, spec, device);
  if (!memory.ok())
    return memory.status();
  StatusOr<Executable> executable = compileOn(device, net, spec);
  if (!executable.ok())
    return executable.status();
  const Tensor x = inputOf(spec, device);
  if (Status status = x.eval(); !status.ok())
    return status;
  report.table(network.name + " on " + to_string(device) + ", " +
                   std::string(name(spec.dtype)) + " " + to_string(spec.shape),
               {"step", "median us", "least us"});
  Status status = timeTracedAnew(net, x, Rounds(quick), report);
  if (status.ok())
    status = timeSteps(net, x, Rounds(quick), report);
  if (!status.ok())
    return status;
  StatusOr<Calls> calls = timeCalls(*executable, x, quick);
  if (!calls.ok())
    return calls.status();
  report.row(rowOf("through an Executable", timesOf(calls->seconds)));
  if (device.is_gpu()) {
    status = timeNewArguments(*executable, x, quick, report);
    if (status.ok())
      status = timeFromHost(*executable, x, Rounds(quick), report);
    if (!status.ok())
      return status;
  }
  status = timeKernels(spec, net, x, quick, report);
  if (!status.ok())
    return status;
  reportCalls(std::move(*calls), report);
  return reportMemory(net, x, *memory, report);
}

/// What was asked for; else one image, and of 16-bit floats on a GPU what it is
/// made for.
std::vector<int64_t> batchesOf(const BenchNetwork &network, DType dtype,
                               const BenchOptions &options) {
  if (options.batch)
    return {*options.batch};
  std::vector<int64_t> batches = {1};
  if (options.device.is_gpu() && dtype == float16 && !options.quick)
    batches.insert(batches.end(), network.batches.begin(),
                   network.batches.end());
  return batches;
}

Status measureType(const BenchNetwork &network, DType dtype,
                   const BenchOptions &options, Report &report) {
  std::vector<InputSpec> specs;
  for (int64_t batch : batchesOf(network, dtype, options)) {
    StatusOr<Shape> shape = inBatches(network, batch);
    if (!shape.ok())
      return shape.status();
    specs.push_back({dtype, *shape});
  }
  BenchFunction net = network.make(options.device, dtype);
  Status status = checkNetwork(
      network.name, net({inputOf({dtype, network.checked}, options.device)}));
  for (const InputSpec &spec : specs)
    if (status.ok())
      status = measure(network, net, spec, options, report);
  return status;
}

} // namespace

Status benchNetwork(const std::string &name, const BenchOptions &options,
                    Report &report) {
  const BenchNetwork *network = nullptr;
  for (const BenchNetwork &each : benchNetworks())
    if (each.name == name)
      network = &each;
  report.method(
      "Host time of warm evaluations of " + name +
      ": everything is compiled. On a GPU an evaluation only enqueues, and\n"
      "the device is waited for outside of the time; on the CPU running "
      "contains the kernels. The first time that\nan Executable runs into some "
      "memory, kernels are launched one by one. The kernels alone: device\n"
      "time of a CUDA graph of many runs, or wall time. Launching empty "
      "kernels: host time of the driver for a graph\nof as many kernels as a "
      "run has. Peak of a run: all that the pool hands out at\nonce, weights, "
      "input and output among it. From host to host: a "
      "batch is copied to the device and\nits results back, these before the "
      "next batch is copied or after it. Results of an input " +
      to_string(network->checked) +
      "\nwere compared with the reference interpreter's.");
  for (DType dtype : options.dtypes) {
    Status status = measureType(*network, dtype, options, report);
    trim(); // the next type needs memory of other sizes
    if (!status.ok())
      return status;
  }
  return {};
}

} // namespace weft::tools
