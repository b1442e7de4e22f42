// SPDX-License-Identifier: Apache-2.0
// compile: where the time from a recorded graph to loaded kernels goes.
#include "Bench.h"
#include "BenchNetworks.h"
#include "BenchTimer.h"

#include "weft/IR/Dialect.h"
#include "weft/Runtime.h"
#include "weft/Target/CPU/Compile.h"
#include "weft/Target/CUDA/Emit.h"
#include "weft/Transforms/Pipelines.h"
#include "weft/Weft.h"

#include "lib/Core/Phases.h"
#include "runtime/Nvrtc.h"

#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"

#include <chrono>
#include <map>
#include <optional>
#include <set>

using namespace llvm;

namespace weft::tools {
namespace {

using Clock = std::chrono::steady_clock;

double millisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start)
      .count();
}

// ---- programs ---------------------------------------------------------------

struct Program {
  std::string name;
  InputSpec input;
  BenchFunction function;
};

/// The networks, the first of them alone if quick, and single groups.
std::vector<Program> programs(Device device, bool quick) {
  std::vector<Program> all;
  for (const BenchNetwork &network : benchNetworks())
    if (all.empty() || !quick)
      all.push_back({network.name,
                     {float32, network.input},
                     network.make(device, float32)});
  auto add = [&](const char *name, const Shape &shape,
                 Tensor (*function)(const Tensor &)) {
    all.push_back({name, {float32, shape}, [=](const std::vector<Tensor> &x) {
                     return function(x[0]);
                   }});
  };
  add("bn+add+relu", {8, 64, 56, 56},
      [](const Tensor &x) { return relu(nn::BatchNorm(64)(x) + x); });
  add("softmax", {512, 1000}, [](const Tensor &x) { return softmax(x, 1); });
  add("layer_norm", {512, 768},
      [](const Tensor &x) { return nn::LayerNorm({768})(x); });
  add("gelu(linear)", {64, 256},
      [](const Tensor &x) { return gelu(nn::Linear(256, 512)(x)); });
  add("conv+bn+relu", {8, 16, 28, 28}, [](const Tensor &x) {
    return relu(nn::BatchNorm(32)(
        nn::Conv(16, 32, {.kernel = {3, 3}, .padding = {1}})(x)));
  });
  return all;
}

// ---- the stages of one program ----------------------------------------------

double millisecondsIn(Phase phase) { return 1e3 * secondsIn(phase); }

/// Milliseconds of a compilation that finds nothing in a cache.
Status reportStages(const std::string &name, const RecordedFunction &recorded,
                    double traced, const compiler::Target &target,
                    Device device, Report &report) {
  constexpr Phase kPhases[] = {Phase::import, Phase::passes, Phase::kernels,
                               Phase::emit,   Phase::lower,  Phase::generate};
  std::map<Phase, double> before;
  for (Phase phase : kPhases)
    before[phase] = millisecondsIn(phase);
  int64_t compiled = compiler::numKernelsCompiled();
  auto start = Clock::now();
  StatusOr<compiler::CompiledProgram> program =
      compiler::compileProgram(recorded.capture.program, target);
  if (!program.ok())
    return program.status();
  double compiling = millisecondsSince(start);
  start = Clock::now();
  for (const runtime::Plan *plan : {&program->main, &program->prepare}) {
    if (plan->steps.empty()) // nothing depends on parameters alone
      continue;
    if (auto loaded = runtime::LoadedPlan::load(*plan, device); !loaded.ok())
      return loaded.status();
  }
  double loading = millisecondsSince(start);
  compiled = compiler::numKernelsCompiled() - compiled;
  std::vector<json::Value> cells = {
      name, static_cast<int64_t>(recorded.capture.program.ops.size()), compiled,
      traced};
  double codegen = 0;
  for (Phase phase : kPhases) {
    double spent = millisecondsIn(phase) - before[phase];
    cells.push_back(spent);
    if (phase == Phase::emit || phase == Phase::lower ||
        phase == Phase::generate)
      codegen += spent;
  }
  cells.push_back(loading);
  cells.push_back(traced + compiling + loading);
  cells.push_back(codegen /
                  static_cast<double>(std::max<int64_t>(compiled, 1)));
  report.row(std::move(cells));
  return {};
}

// ---- passes -----------------------------------------------------------------

/// Adds up the time of each pass.
class PassTimes final : public mlir::PassInstrumentation {
public:
  /// By argument (`weft-fuse`, `cse`), in order of first appearance.
  std::vector<std::pair<std::string, double>> milliseconds;

  void runBeforePass(mlir::Pass *, mlir::Operation *) override {
    starts_.push_back(Clock::now());
  }
  void runAfterPass(mlir::Pass *pass, mlir::Operation *) override {
    double spent = millisecondsSince(starts_.back());
    starts_.pop_back();
    std::string name = pass->getArgument().str();
    if (name.empty()) // an adaptor, which contains others
      return;
    for (auto &[known, sum] : milliseconds)
      if (known == name) {
        sum += spent;
        return;
      }
    milliseconds.emplace_back(name, spent);
  }
  void runAfterPassFailed(mlir::Pass *pass, mlir::Operation *op) override {
    runAfterPass(pass, op);
  }

private:
  std::vector<Clock::time_point> starts_;
};

struct Lowered {
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<std::pair<std::string, double>> passes;
};

StatusOr<Lowered> lowered(const compiler::Program &program) {
  Lowered result;
  result.context = compiler::makeContext();
  result.module = compiler::importProgram(program, result.context.get());
  mlir::PassManager passes(result.context.get());
  buildPipeline(passes, {.until = PipelineStage::plan, .explain = false});
  auto times = std::make_unique<PassTimes>();
  PassTimes &kept = *times;
  passes.addInstrumentation(std::move(times));
  if (failed(passes.run(*result.module)))
    return internal_error("compile: a pass failed");
  result.passes = kept.milliseconds;
  return result;
}

// ---- kernels ----------------------------------------------------------------

struct KernelTimes {
  std::string name;
  double emit = 0, lower = 0, generate = 0;
  int64_t bytes = 0;
  double total() const { return emit + lower + generate; }
};

StatusOr<KernelTimes> compileOnce(ir::GroupOp group,
                                  const compiler::Target &target) {
  KernelTimes times;
  std::string why;
  times.emit = -millisecondsIn(Phase::emit);
  times.lower = -millisecondsIn(Phase::lower);
  times.generate = -millisecondsIn(Phase::generate);
  if (target.device == Device::Kind::cpu) {
    auto kernel = compileCpu(group, CpuTarget::host(), /*keepText=*/false, why);
    if (failed(kernel))
      return internal_error("compile: " + why);
    times.name = kernel->name;
    times.bytes = static_cast<int64_t>(kernel->object.size());
    times.emit += millisecondsIn(Phase::emit);
    times.lower += millisecondsIn(Phase::lower);
    times.generate += millisecondsIn(Phase::generate);
    return times;
  }
  auto start = Clock::now();
  auto kernel = emitCuda(group, {target.arch}, why);
  if (failed(kernel))
    return internal_error("compile: " + why);
  times.name = kernel->name;
  times.emit = millisecondsSince(start);
  times.lower = 0;
  start = Clock::now();
  auto compiled = runtime::compileCuda(kernel->text, kernel->name, target.arch);
  if (!compiled.ok())
    return compiled.status();
  times.generate = millisecondsSince(start);
  times.bytes = static_cast<int64_t>(compiled->cubin.size());
  return times;
}

/// Each different group of a module, compiled some times: the fastest.
Status reportKernels(mlir::ModuleOp module, const compiler::Target &target,
                     int rounds, Report &report) {
  std::set<std::string> seen;
  std::vector<ir::GroupOp> groups;
  module.walk([&](ir::GroupOp group) {
    mlir::Operation *plain = group->clone();
    plain->removeAttr(ir::kOffsetsAttr);
    std::string text;
    raw_string_ostream os(text);
    plain->print(os,
                 mlir::OpPrintingFlags().useLocalScope().printGenericOpForm());
    plain->erase();
    if (seen.insert(text).second)
      groups.push_back(group);
  });
  for (ir::GroupOp group : groups) {
    KernelTimes best;
    for (int i = 0; i < rounds; ++i) {
      StatusOr<KernelTimes> times = compileOnce(group, target);
      if (!times.ok())
        return times.status();
      if (i == 0 || times->total() < best.total())
        best = *times;
    }
    report.row({StringRef(best.name).take_front(24).str(), best.emit,
                best.lower, best.generate, best.total(), best.bytes});
  }
  return {};
}

/// Lets nothing be found on disk for the length of a scope.
class NoDiskCache {
public:
  NoDiskCache() : folder_(cache_dir()) { (void)set_cache_dir(std::nullopt); }
  NoDiskCache(const NoDiskCache &) = delete;
  NoDiskCache &operator=(const NoDiskCache &) = delete;
  ~NoDiskCache() {
    if (folder_)
      (void)set_cache_dir(folder_);
  }

private:
  std::optional<std::string> folder_;
};

struct Case {
  std::string name;
  RecordedFunction recorded;
  double traced;
};

StatusOr<std::vector<Case>> record(Device device, bool quick) {
  std::vector<Case> cases;
  for (const Program &program : programs(device, quick)) {
    auto start = Clock::now();
    StatusOr<RecordedFunction> recorded =
        recordFunction(program.function, {&program.input, 1}, device);
    double traced = millisecondsSince(start);
    if (!recorded.ok())
      return recorded.status();
    cases.push_back({program.name, std::move(*recorded), traced});
  }
  return cases;
}

} // namespace

Status benchCompile(const std::string &, const BenchOptions &options,
                    Report &report) {
  StatusOr<compiler::Target> target = compiler::Target::of(options.device);
  if (!target.ok())
    return target.status();
  StatusOr<std::vector<Case>> cases = record(options.device, options.quick);
  if (!cases.ok())
    return cases.status();
  NoDiskCache noDiskCache;
  std::string generator =
      options.device.is_gpu() ? "NVRTC" : "LLVM's code generator";
  report.method(
      "Milliseconds from a recorded graph to loaded kernels; each kernel is "
      "compiled once in the process, by " +
      std::to_string(num_threads()) +
      "\nthreads. kernels: wall time of all kernels; emit, lower and generate "
      "(" +
      generator +
      "): processor time, summed over\nthreads, ms/kernel a kernel's share of "
      "it. The first program pays for what a process does "
      "once.\nResults of such kernels are checked by the other benchmarks.");
  report.table("stages on " + to_string(options.device),
               {"program", "ops", "compiled", "trace", "import", "passes",
                "kernels", "emit", "lower", "generate", "load", "total ms",
                "ms/kernel"});
  for (const Case &each : *cases)
    if (Status status = reportStages(each.name, each.recorded, each.traced,
                                     *target, options.device, report);
        !status.ok())
      return status;
  std::vector<Lowered> modules;
  for (const Case &each : *cases) {
    StatusOr<Lowered> module = lowered(each.recorded.capture.program);
    if (!module.ok())
      return module.status();
    report.table("passes of " + each.name, {"pass", "ms"});
    for (const auto &[pass, milliseconds] : module->passes)
      report.row({pass, milliseconds});
    modules.push_back(std::move(*module));
  }
  for (size_t i = 0; i < modules.size(); ++i) {
    report.table("kernels of " + (*cases)[i].name + ", fastest of some",
                 {"kernel", "emit", "lower", "generate", "total ms", "bytes"});
    if (Status status = reportKernels(*modules[i].module, *target,
                                      options.quick ? 3 : 7, report);
        !status.ok())
      return status;
  }
  return {};
}

} // namespace weft::tools
