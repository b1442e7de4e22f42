// SPDX-License-Identifier: Apache-2.0
// A network by its name: times of a warm evaluation, and memory.
#include "Bench.h"
#include "BenchBuffers.h"
#include "BenchNetworks.h"
#include "BenchTimer.h"

#include "weft/Functions.h"
#include "weft/IR/Dialect.h"
#include "weft/Runtime.h"
#include "weft/Target/Reference/Interpreter.h"

#include "lib/Compiler/Executable.h"

#include <chrono>
#include <cmath>

namespace weft::tools {
namespace {

Tensor inputOf(const InputSpec &spec, Device device) {
  std::vector<float> elements(static_cast<size_t>(spec.shape.num_elements()));
  for (size_t i = 0; i < elements.size(); ++i)
    elements[i] = static_cast<float>(benchElement(0, static_cast<int64_t>(i)));
  return weft::cast(Tensor::from_host<float>(elements, spec.shape, device),
                    spec.dtype);
}

// ---- is it right ------------------------------------------------------------

/// What the reference interpreter makes of a recorded tensor.
StatusOr<reference::Value> interpreted(const Tensor &tensor) {
  compiler::Capture capture = compiler::capture({&tensor.node(), 1});
  std::vector<reference::Value> arguments;
  for (const NodePtr &leaf : capture.leaves) {
    StatusOr<std::shared_ptr<const void>> data = Tensor(leaf).host_data();
    if (!data.ok())
      return data.status();
    arguments.push_back(
        reference::fromMemory(leaf->dtype, leaf->shape, data->get()));
  }
  for (size_t i = 0; i < capture.scalars.size(); ++i)
    arguments.push_back({.dtype = capture.program.scalars[i],
                         .shape = {},
                         .reals = {capture.scalars[i].to_double()},
                         .ints = {}});
  std::unique_ptr<mlir::MLIRContext> context = compiler::makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> module =
      compiler::importProgram(capture.program, context.get());
  StatusOr<std::vector<reference::Value>> results = reference::interpret(
      module->lookupSymbol<mlir::func::FuncOp>(ir::kMainName), arguments);
  if (!results.ok())
    return results.status();
  return results->front();
}

Status checkResult(const std::string &name, const Tensor &tensor) {
  StatusOr<reference::Value> want = interpreted(tensor);
  if (!want.ok())
    return want.status();
  StatusOr<std::vector<float>> got = tensor.to_vector<float>();
  if (!got.ok())
    return got.status();
  // What some tens of layers that round add up to.
  double allowed = tensor.dtype() == bfloat16  ? 0.1
                   : tensor.dtype() == float16 ? 0.02
                                               : 1e-4;
  double largest = 0;
  for (int64_t i = 0; i < want->size(); ++i)
    largest = std::max(largest, std::fabs(want->at(i)));
  for (int64_t i = 0; i < want->size(); ++i) {
    double value = static_cast<double>((*got)[static_cast<size_t>(i)]);
    if (!(std::fabs(value - want->at(i)) <= allowed * largest))
      return internal_error(name + ": wrong result: element " +
                            std::to_string(i) + ": expected " +
                            std::to_string(want->at(i)) + ", got " +
                            std::to_string(value));
  }
  return {};
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
  Laps laps(4);
  while (rounds.next()) {
    laps.start();
    Tensor y = net({x});
    laps.lap();
    compiler::Capture capture = compiler::capture({&y.node(), 1});
    laps.lap();
    auto executable = compiler::executableOf(capture.program, x.device());
    laps.lap();
    if (!executable.ok())
      return executable.status();
    compiler::Storages outputs;
    Status status = (*executable)
                        ->run(compiler::pointersTo(capture.storages),
                              capture.scalars, outputs,
                              /*stream=*/nullptr);
    laps.lap();
    if (status.ok())
      status = synchronize(x.device());
    if (!status.ok())
      return status;
    laps.start();
    y = Tensor();
    capture = {};
  }
  const char *names[] = {"  recording", "  normalising, key", "  finding",
                         "  running"};
  for (size_t i = 0; i < 4; ++i)
    report.row(rowOf(names[i], laps.of(i)));
  return {};
}

Status timeExecutable(const InputSpec &spec, const BenchFunction &net,
                      const Tensor &x, Rounds rounds, Report &report) {
  StatusOr<Executable> executable = detail::compile(
      [&](const std::vector<Tensor> &inputs) {
        return std::vector<Tensor>{net(inputs)};
      },
      {spec}, {.device = x.device()});
  if (!executable.ok())
    return executable.status();
  auto outputs = executable->run({x});
  if (!outputs.ok())
    return outputs.status();
  std::vector<double> seconds;
  while (rounds.next()) {
    auto start = Clock::now();
    Status status = executable->run({x}, *outputs, {});
    seconds.push_back(secondsSince(start));
    if (status.ok())
      status = synchronize(x.device());
    if (!status.ok())
      return status;
  }
  report.row(rowOf("through an Executable", timesOf(std::move(seconds))));
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
  void *inputs[] = {capture.storages[0]->data()};
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
  return {};
}

// ---- memory -----------------------------------------------------------------

Status measureMemory(const BenchFunction &net, const Tensor &x,
                     Report &report) {
  Tensor y = net({x});
  compiler::Capture capture = compiler::capture({&y.node(), 1});
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
  MemoryStats before = memory_stats(x.device());
  if (Status status = y.eval(); !status.ok())
    return status;
  MemoryStats after = memory_stats(x.device());
  report.table("pool of " + to_string(x.device()) + " (bytes)",
               {"when", "live", "peak", "pooled"});
  report.row({"before an evaluation", before.live, before.peak, before.pooled});
  report.row({"after it", after.live, after.peak, after.pooled});
  return {};
}

} // namespace

static Status measure(const BenchNetwork &network, DType dtype,
                      const BenchOptions &options, Report &report) {
  Device device = options.device;
  StatusOr<Shape> shape = inBatches(network, options.batch.value_or(1));
  if (!shape.ok())
    return shape.status();
  BenchFunction net = network.make(device, dtype);
  InputSpec spec{dtype, *shape};
  Tensor x = inputOf(spec, device),
         checked = inputOf({dtype, network.checked}, device);
  Status status = eval({x, checked});
  if (status.ok())
    status = checkResult(network.name, net({checked}));
  if (!status.ok())
    return status;
  report.table(network.name + " on " + to_string(device) + ", " +
                   std::string(name(dtype)) + " " + to_string(spec.shape),
               {"step", "median us", "least us"});
  auto rounds = [&] { return Rounds(options.quick); };
  status = timeTracedAnew(net, x, rounds(), report);
  if (status.ok())
    status = timeSteps(net, x, rounds(), report);
  if (status.ok())
    status = timeExecutable(spec, net, x, rounds(), report);
  if (status.ok())
    status = timeKernels(spec, net, x, options.quick, report);
  if (status.ok())
    status = measureMemory(net, x, report);
  return status;
}

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
      "contains the kernels. The kernels alone:\ndevice time of a CUDA graph "
      "of many runs, or wall time. Results of an input " +
      to_string(network->checked) +
      "\nwere compared with the reference interpreter's.");
  for (DType dtype : options.dtypes) {
    Status status = measure(*network, dtype, options, report);
    trim(); // the next type needs memory of other sizes
    if (!status.ok())
      return status;
  }
  return {};
}

} // namespace weft::tools
