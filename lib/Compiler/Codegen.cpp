// SPDX-License-Identifier: Apache-2.0
// Turns the groups of a lowered module into kernels and launches.
#include "Codegen.h"

#include "DumpFolder.h"
#include "OnceMap.h"
#include "Progress.h"

#include "lib/Core/Phases.h"
#include "weft/Core/Float.h"
#include "weft/IR/Dialect.h"
#include "weft/Target/CPU/Compile.h"
#include "weft/Target/CUDA/Emit.h"

#include "runtime/DiskCache.h"
#include "runtime/Log.h"
#include "runtime/Nvrtc.h"
#include "runtime/ThreadPool.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"

#include <atomic>
#include <chrono>

using namespace mlir;
using namespace weft::ir;

namespace weft::compiler {
namespace {

std::atomic<int64_t> kernelsCompiled{0};

/// A kernel and how it is launched.
struct LaunchableKernel {
  runtime::Kernel kernel;
  runtime::Launch shape; // grid, block, extent; no arguments
};

OnceMap<LaunchableKernel> &kernelCache() {
  static auto *cache = new OnceMap<LaunchableKernel>(4096); // never destroyed
  return *cache;
}

/// The group without what depends on its surroundings: equal text, equal
/// kernel. Not to be called from several threads: cloning touches use lists.
std::string groupText(GroupOp group) {
  Operation *clone = group->clone();
  clone->removeAttr(kOffsetsAttr);
  std::string text;
  llvm::raw_string_ostream os(text);
  clone->print(os, OpPrintingFlags().useLocalScope().printGenericOpForm());
  clone->erase();
  return text;
}

Status cannotLower(GroupOp group, const std::string &why) {
  std::string text;
  llvm::raw_string_ostream os(text);
  group->print(os, OpPrintingFlags().useLocalScope());
  return internal_error("compile: cannot lower a group: " + why + ":\n" + text);
}

void logKernel(const std::string &name, const std::string &what) {
  if (runtime::logEnabled(LogLevel::debug))
    runtime::log(LogLevel::debug, "kernel " + name + ": " + what);
}

StatusOr<LaunchableKernel> makeCpuKernel(GroupOp group, KernelForm form) {
  auto start = std::chrono::steady_clock::now();
  std::string why;
  FailureOr<CpuKernel> kernel =
      compileCpu(group, CpuTarget::host(), form != KernelForm::code, why);
  if (failed(kernel))
    return cannotLower(group, why);
  logKernel(kernel->name, "compiled in " + runtime::millisecondsSince(start));
  LaunchableKernel result;
  result.kernel = {std::move(kernel->name), std::move(kernel->object),
                   std::move(kernel->llvmIR)};
  result.shape.extent = kernel->extent;
  result.shape.grain = kernel->grain;
  return result;
}

/// The machine code of a text, from disk if it was compiled before; PTX where
/// the compiler does not know a device that is newer than itself.
StatusOr<std::string> codeOf(const CudaKernel &kernel, const Target &target) {
  std::string key = "cubin " + target.arch + "\n" + kernel.text;
  std::shared_ptr<runtime::DiskCache> disk = runtime::diskCache();
  if (disk)
    if (std::optional<std::string> cubin = disk->get(key)) {
      logKernel(kernel.name, "found on disk");
      return std::move(*cubin);
    }
  StatusOr<const runtime::Nvrtc *> nvrtc = runtime::Nvrtc::get();
  if (!nvrtc.ok())
    return nvrtc.status();
  StatusOr<std::string> arch = target.arch;
  if (target.capability > 0)
    arch = (*nvrtc)->archFor(target.capability);
  if (!arch.ok())
    return arch.status();
  auto start = std::chrono::steady_clock::now();
  PhaseTimer timer(Phase::generate);
  StatusOr<runtime::CompiledText> compiled =
      (*nvrtc)->compile(kernel.text, kernel.name, *arch);
  if (!compiled.ok())
    return compiled.status();
  ++kernelsCompiled;
  logKernel(kernel.name, "compiled for " + *arch + " in " +
                             runtime::millisecondsSince(start));
  if (disk && *arch == target.arch)
    disk->put(key, compiled->cubin);
  return std::move(compiled->cubin);
}

StatusOr<LaunchableKernel> makeCudaKernel(GroupOp group, const Target &target,
                                          KernelForm form) {
  std::string why;
  FailureOr<CudaKernel> kernel = [&] {
    PhaseTimer timer(Phase::emit);
    return emitCuda(group, {target.arch}, why);
  }();
  if (failed(kernel))
    return cannotLower(group, why);
  LaunchableKernel result;
  result.kernel.name = kernel->name;
  result.kernel.source = kernel->text;
  std::copy_n(kernel->grid, 3, result.shape.grid);
  std::copy_n(kernel->block, 3, result.shape.block);
  result.shape.sharedBytes = kernel->sharedBytes;
  result.shape.tensorMaps = kernel->tensorMaps;
  result.shape.startsEarly = kernel->startsEarly;
  if (form == KernelForm::text)
    return result;
  StatusOr<std::string> code = codeOf(*kernel, target);
  if (!code.ok())
    return code.status();
  result.kernel.code = std::move(*code);
  return result;
}

/// The kernel of a group; `text` is its groupText.
OnceMap<LaunchableKernel>::Result kernelOf(GroupOp group,
                                           const std::string &text,
                                           const Target &target,
                                           KernelForm form) {
  std::string key =
      target.arch + " " + std::to_string(static_cast<int>(form)) + "\n" + text;
  return kernelCache().get(key, [&]() -> OnceMap<LaunchableKernel>::Result {
    StatusOr<LaunchableKernel> made = target.device == Device::Kind::cpu
                                          ? makeCpuKernel(group, form)
                                          : makeCudaKernel(group, target, form);
    if (!made.ok())
      return made.status();
    if (target.device == Device::Kind::cpu)
      ++kernelsCompiled;
    return std::make_shared<const LaunchableKernel>(std::move(*made));
  });
}

/// Elements of a constant as they lie in memory.
std::string bytesOf(ConstantOp constant) {
  auto elements = cast<DenseElementsAttr>(constant.getValue());
  DType dtype = toDType(elements.getElementType());
  int64_t count = elements.getNumElements();
  std::string bytes(static_cast<size_t>(count * size_in_bytes(dtype)), '\0');
  int64_t i = 0;
  if (is_floating(dtype)) {
    for (APFloat value : elements.getValues<APFloat>()) {
      bool inexact;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                    &inexact);
      store_from_double(bytes.data(), dtype, i++, value.convertToDouble());
    }
    return bytes;
  }
  bool isUnsigned = dtype == DType::uint8 || dtype == DType::boolean;
  for (APInt value : elements.getValues<APInt>())
    store_from_int64(bytes.data(), dtype, i++,
                     isUnsigned ? static_cast<int64_t>(value.getZExtValue())
                                : value.getSExtValue());
  return bytes;
}

runtime::TensorSpec specOf(Type type) {
  DType dtype = toDType(getElementTypeOrSelf(type));
  Shape shape = toShape(type);
  return {dtype, shape, shape.num_elements() * size_in_bytes(dtype)};
}

/// Builds the plan of one function.
class Planner {
public:
  Planner(func::FuncOp function, const Target &target, KernelForm form,
          ProgressCount &progress)
      : function_(function), target_(target), form_(form), progress_(progress) {
  }

  StatusOr<runtime::Plan> run() {
    plan_.device = target_.device;
    if (auto bytes = function_->getAttrOfType<IntegerAttr>(kArenaAttr))
      plan_.arenaBytes = bytes.getInt();
    addArguments();
    addOutputs();
    SmallVector<GroupOp> groups;
    for (Operation &op : function_.getBody().front().without_terminator()) {
      if (auto group = dyn_cast<GroupOp>(op)) {
        groups.push_back(group);
        continue;
      }
      if (auto constant = dyn_cast<ConstantOp>(op)) {
        addConstant(constant);
        continue;
      }
      return internal_error("compile: not fused: " +
                            op.getName().getStringRef().str());
    }
    if (Status status = addLaunches(groups); !status.ok())
      return status;
    addCopies();
    return std::move(plan_);
  }

  /// Inputs of the program that the function's inputs are.
  std::vector<int32_t> inputNumbers() const { return inputNumbers_; }

private:
  using Kind = runtime::BufferRef::Kind;

  void addArguments() {
    int64_t numTensors = 0;
    for (BlockArgument argument : function_.getArguments()) {
      unsigned i = argument.getArgNumber();
      auto number = [&](StringRef attribute) -> std::optional<int64_t> {
        if (auto attr = function_.getArgAttrOfType<IntegerAttr>(i, attribute))
          return attr.getInt();
        return std::nullopt;
      };
      if (!isa<RankedTensorType>(argument.getType())) {
        auto at = static_cast<size_t>(
            number(kScalarAttr)
                .value_or(static_cast<int64_t>(plan_.scalars.size())));
        if (plan_.scalars.size() <= at)
          plan_.scalars.resize(at + 1, DType::float32);
        plan_.scalars[at] = toDType(argument.getType());
        scalars_[argument] = {static_cast<int32_t>(at), plan_.scalars[at]};
      } else if (auto result = number(kPreparedAttr)) {
        buffers_[argument] = {Kind::prepared, *result};
        auto at = static_cast<size_t>(*result);
        if (plan_.prepared.size() <= at)
          plan_.prepared.resize(at + 1);
        plan_.prepared[at] = specOf(argument.getType());
      } else {
        int64_t input = number(kInputAttr).value_or(numTensors++);
        // Weights that only @prepare reads are none of the plan's business.
        if (argument.use_empty())
          continue;
        buffers_[argument] = {Kind::input,
                              static_cast<int64_t>(plan_.inputs.size())};
        inputNumbers_.push_back(static_cast<int32_t>(input));
        plan_.inputs.push_back(specOf(argument.getType()));
      }
    }
  }

  void addOutputs() {
    Operation *terminator = function_.getBody().front().getTerminator();
    for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
      plan_.outputs.push_back(specOf(value.getType()));
      runtime::BufferRef output{Kind::output, static_cast<int64_t>(i)};
      if (isa_and_nonnull<GroupOp>(value.getDefiningOp()) &&
          buffers_.try_emplace(value, output).second)
        continue;
      pendingCopies_.push_back({value, output});
    }
  }

  void addConstant(ConstantOp constant) {
    plan_.constants.resize(llvm::alignTo(plan_.constants.size(), 256));
    buffers_[constant.getResult()] = {
        Kind::constant, static_cast<int64_t>(plan_.constants.size())};
    plan_.constants += bytesOf(constant);
  }

  Status addLaunches(ArrayRef<GroupOp> groups) {
    std::vector<OnceMap<LaunchableKernel>::Result> kernels(
        groups.size(), std::shared_ptr<const LaunchableKernel>());
    std::vector<std::string> texts;
    for (GroupOp group : groups)
      texts.push_back(groupText(group));
    // Loop nests are made of affine expressions of the groups' context, whose
    // tables have locks only while it is told that there are threads.
    MLIRContext &context = *function_.getContext();
    const bool hadThreads = context.isMultithreadingEnabled();
    context.enableMultithreading();
    runtime::parallelFor(static_cast<int64_t>(groups.size()), 1,
                         [&](int64_t begin, int64_t end) {
                           for (int64_t i = begin; i < end; ++i) {
                             kernels[i] =
                                 kernelOf(groups[i], texts[i], target_, form_);
                             progress_.addDone();
                           }
                         });
    context.enableMultithreading(hadThreads);
    for (auto [group, kernel] : llvm::zip(groups, kernels)) {
      if (!kernel.ok())
        return kernel.status();
      if (Status status = addLaunch(group, *kernel); !status.ok())
        return status;
    }
    return {};
  }

  Status addLaunch(GroupOp group,
                   const std::shared_ptr<const LaunchableKernel> &kernel) {
    auto offsets = group->getAttrOfType<DenseI64ArrayAttr>(kOffsetsAttr);
    bool empty = true;
    for (auto [i, result] : llvm::enumerate(group.getResults())) {
      int64_t bytes = specOf(result.getType()).bytes;
      empty &= bytes == 0;
      plan_.liveBytes += bytes;
      if (buffers_.count(result))
        continue;
      if (!offsets || offsets[i] < 0)
        return internal_error("compile: a value has no memory: result " +
                              std::to_string(i) + " of a group");
      buffers_[result] = {Kind::arena, offsets[i]};
    }
    if (empty)
      return {};
    runtime::Launch launch = kernel->shape;
    launch.kernel = numberOf(kernel);
    for (Value input : group.getInputs())
      launch.arguments.push_back(argumentOf(input));
    for (Value result : group.getResults())
      launch.arguments.push_back(argumentOf(result));
    plan_.steps.push_back(static_cast<int32_t>(plan_.launches.size()));
    plan_.launches.push_back(std::move(launch));
    return {};
  }

  int32_t numberOf(const std::shared_ptr<const LaunchableKernel> &kernel) {
    auto [it, added] = numbers_.try_emplace(
        kernel.get(), static_cast<int32_t>(plan_.kernels.size()));
    if (added)
      plan_.kernels.push_back(kernel->kernel);
    return it->second;
  }

  runtime::Argument argumentOf(Value value) {
    runtime::Argument argument;
    if (auto scalar = scalars_.find(value); scalar != scalars_.end()) {
      argument.isScalar = true;
      argument.scalar = scalar->second.first;
      argument.scalarType = scalar->second.second;
    } else {
      argument.buffer = buffers_.at(value);
    }
    return argument;
  }

  void addCopies() {
    for (auto [value, output] : pendingCopies_) {
      plan_.steps.push_back(-1 - static_cast<int32_t>(plan_.copies.size()));
      plan_.copies.push_back(
          {buffers_.at(value), output, specOf(value.getType()).bytes});
    }
  }

  func::FuncOp function_;
  const Target &target_;
  KernelForm form_;
  ProgressCount &progress_;
  runtime::Plan plan_;
  std::vector<int32_t> inputNumbers_;
  DenseMap<Value, runtime::BufferRef> buffers_;
  DenseMap<Value, std::pair<int32_t, DType>> scalars_;
  DenseMap<const LaunchableKernel *, int32_t> numbers_;
  SmallVector<std::pair<Value, runtime::BufferRef>> pendingCopies_;
};

} // namespace

int64_t numKernelsCompiled() { return kernelsCompiled; }

static int64_t numGroups(ModuleOp module) {
  int64_t groups = 0;
  module.walk([&](GroupOp) { ++groups; });
  return groups;
}

StatusOr<CompiledProgram> compileKernels(ModuleOp module, const Target &target,
                                         KernelForm form) {
  PhaseTimer timer(Phase::kernels);
  CompiledProgram program;
  ProgressCount progress(numGroups(module));
  if (auto prepare = module.lookupSymbol<func::FuncOp>(kPrepareName)) {
    Planner planner(prepare, target, form, progress);
    StatusOr<runtime::Plan> plan = planner.run();
    if (!plan.ok())
      return plan.status();
    program.prepare = std::move(*plan);
    program.prepareInputs = planner.inputNumbers();
  }
  Planner planner(module.lookupSymbol<func::FuncOp>(kMainName), target, form,
                  progress);
  StatusOr<runtime::Plan> plan = planner.run();
  if (!plan.ok())
    return plan.status();
  program.main = std::move(*plan);
  program.mainInputs = planner.inputNumbers();
  return program;
}

StatusOr<CompiledProgram> compileModule(ModuleOp module, const Target &target) {
  bool dumping = dumpFolder() != nullptr;
  Stages stages;
  stages.device = target.device;
  Status status = lower(module, target, dumping ? &stages : nullptr);
  StatusOr<CompiledProgram> program =
      status.ok()
          ? compileKernels(module, target,
                           dumping ? KernelForm::both : KernelForm::code)
          : StatusOr<CompiledProgram>(status);
  if (!dumping)
    return program;
  // What there is of a compilation that failed is wanted most.
  if (program.ok())
    stages.kernels = kernelTexts(*program);
  dumpStages(stages);
  // LLVM IR was kept for this; plans go to disk without it.
  if (program.ok() && target.device == Device::Kind::cpu)
    for (runtime::Plan *plan : {&program->main, &program->prepare})
      for (runtime::Kernel &kernel : plan->kernels)
        kernel.source.clear();
  return program;
}

StatusOr<CompiledProgram> compileProgram(const Program &program,
                                         const Target &target) {
  std::unique_ptr<MLIRContext> context = makeContext();
  return compileModule(*importProgram(program, context.get()), target);
}

std::vector<KernelText> kernelTexts(const CompiledProgram &program) {
  std::vector<KernelText> texts;
  llvm::StringSet<> seen; // a kernel may serve both plans
  for (const runtime::Plan *plan : {&program.main, &program.prepare})
    for (const runtime::Kernel &kernel : plan->kernels)
      if (seen.insert(kernel.source).second)
        texts.push_back({kernel.name, kernel.source, {}, {}});
  return texts;
}

} // namespace weft::compiler
