// SPDX-License-Identifier: Apache-2.0
// Turns the groups of a lowered module into kernels and launches.
#include "Codegen.h"

#include "DumpFolder.h"
#include "Kernels.h"
#include "Primitives.h"
#include "Progress.h"
#include "Tune.h"

#include "lib/Core/Phases.h"
#include "weft/Core/Float.h"
#include "weft/IR/Dialect.h"

#include "runtime/Log.h"
#include "runtime/OneDnn.h"
#include "runtime/ThreadPool.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace weft::ir;

namespace weft::compiler {
namespace {

/// What stores that bypass the cache want on the CPU.
constexpr int64_t kAlignment = 64;

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

/// Builds the plan of one function.
class Planner {
public:
  Planner(func::FuncOp function, const Target &target, KernelForm form,
          ProgressCount &progress, const KernelTiles &tiles)
      : function_(function), target_(target), form_(form), progress_(progress),
        tiles_(tiles) {}

  StatusOr<runtime::Plan> run() {
    plan_.device = target_.device;
    if (auto bytes = function_->getAttrOfType<IntegerAttr>(kArenaAttr))
      plan_.arenaBytes = bytes.getInt();
    if (auto parts = function_->getAttrOfType<IntegerAttr>(kPartsAttr))
      plan_.parts = static_cast<int32_t>(parts.getInt());
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

  /// Weights that @prepare has to pack for the plan.
  const std::vector<Packing> &packings() const { return packings_; }

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
        plan_.inputs.push_back(function_.getArgAttr(i, kPartAttr)
                                   ? wholeOf(argument.getType())
                                   : specOf(argument.getType()));
      }
    }
  }

  /// What a function that computes parts is given of all of them.
  runtime::TensorSpec wholeOf(Type type) const {
    runtime::TensorSpec spec = specOf(type);
    if (plan_.parts == 1)
      return spec;
    spec.partBytes = spec.bytes;
    spec.bytes *= plan_.parts;
    spec.shape[0] *= plan_.parts;
    return spec;
  }

  /// Memory that is planned for no other value.
  runtime::BufferRef newArenaBuffer(int64_t bytes) {
    auto offset = static_cast<int64_t>(llvm::alignTo(plan_.arenaBytes, 256));
    plan_.arenaBytes = offset + bytes;
    return {Kind::arena, offset};
  }

  void addOutputs() {
    Operation *terminator = function_.getBody().front().getTerminator();
    for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
      const runtime::TensorSpec &spec =
          plan_.outputs.emplace_back(wholeOf(value.getType()));
      runtime::BufferRef output{Kind::output, static_cast<int64_t>(i)};
      const bool isComputed = isa_and_nonnull<GroupOp>(value.getDefiningOp());
      // Kernels write to memory that is aligned, which a part may not be.
      if (isComputed && spec.partBytes % kAlignment != 0) {
        if (!buffers_.contains(value))
          buffers_[value] = newArenaBuffer(spec.partBytes);
      } else if (isComputed && buffers_.try_emplace(value, output).second) {
        continue;
      }
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
    std::vector<StatusOr<KernelPtr>> kernels(groups.size(), KernelPtr());
    std::vector<std::optional<PrimitiveCall>> calls(groups.size());
    std::vector<std::string> texts;
    for (GroupOp group : groups)
      texts.push_back(groupText(group));
    ThreadedContext threads(*function_.getContext());
    inParallel(groups.size(), [&](size_t i) {
      auto tile = tiles_.find(texts[i]);
      calls[i] = callOf(groups[i]);
      if (!calls[i])
        kernels[i] = kernelOf(groups[i], texts[i], target_, form_,
                              tile == tiles_.end() ? "" : tile->second);
      progress_.addDone();
    });
    // Parts are as many as threads, which oneDnnKey tells apart.
    if (plan_.parts > 1 ||
        llvm::any_of(groups, [&](GroupOp group) { return isAsked(group); }))
      plan_.library = runtime::oneDnnKey();
    for (auto [group, kernel, call] : llvm::zip(groups, kernels, calls)) {
      if (!kernel.ok())
        return kernel.status();
      bool isEmpty = false;
      Status status = placeResults(group, isEmpty);
      if (status.ok() && !isEmpty)
        status = call ? addPrimitive(group, std::move(*call))
                      : addLaunch(group, *kernel);
      if (!status.ok())
        return status;
    }
    return {};
  }

  /// Whether the library is asked for a primitive.
  bool isAsked(GroupOp group) const {
    return target_.device == Device::Kind::cpu && mayBePrimitive(group);
  }

  /// The primitive that computes a group instead of a kernel.
  std::optional<PrimitiveCall> callOf(GroupOp group) const {
    if (!isAsked(group))
      return std::nullopt;
    std::string why;
    FailureOr<PrimitiveCall> call = matchPrimitive(group, why);
    if (succeeded(call))
      return std::move(*call);
    if (runtime::logEnabled(LogLevel::debug))
      runtime::log(LogLevel::debug, "kernel instead of a primitive: " + why);
    return std::nullopt;
  }

  Status placeResults(GroupOp group, bool &isEmpty) {
    auto offsets = group->getAttrOfType<DenseI64ArrayAttr>(kOffsetsAttr);
    isEmpty = true;
    for (auto [i, result] : llvm::enumerate(group.getResults())) {
      int64_t bytes = specOf(result.getType()).bytes;
      isEmpty &= bytes == 0;
      plan_.liveBytes += bytes;
      if (buffers_.count(result))
        continue;
      if (!offsets || offsets[i] < 0)
        return internal_error("compile: a value has no memory: result " +
                              std::to_string(i) + " of a group");
      buffers_[result] = {Kind::arena, offsets[i]};
    }
    return {};
  }

  Status addLaunch(GroupOp group, const KernelPtr &kernel) {
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

  Status addPrimitive(GroupOp group, PrimitiveCall call) {
    runtime::Launch launch;
    launch.primitive = static_cast<int32_t>(plan_.primitives.size());
    for (Value argument : call.arguments)
      launch.arguments.push_back(argumentOf(argument));
    launch.arguments.push_back(argumentOf(group.getResult(0)));
    runtime::BufferRef &weights =
        launch.arguments[PrimitiveCall::kWeights].buffer;
    Value operand = call.arguments[PrimitiveCall::kWeights];
    if (call.primitive.kind == runtime::Primitive::Kind::conv &&
        (weights.kind == Kind::prepared || isParameter(operand))) {
      if (Status status = addPacking(call.primitive, weights); !status.ok())
        return status;
      call.primitive.isPacked = true;
    }
    plan_.steps.push_back(static_cast<int32_t>(plan_.launches.size()));
    plan_.launches.push_back(std::move(launch));
    plan_.primitives.push_back(std::move(call.primitive));
    return {};
  }

  bool isParameter(Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && argument.getOwner()->getParentOp() == function_ &&
           function_.getName() == kMainName &&
           function_.getArgAttr(argument.getArgNumber(), kParameterAttr);
  }

  /// Lets @prepare pack `weights`, which then are those that it has packed.
  Status addPacking(runtime::Primitive primitive, runtime::BufferRef &weights) {
    primitive.kind = runtime::Primitive::Kind::pack;
    auto loaded = runtime::LoadedPrimitive::load(primitive);
    if (!loaded.ok())
      return loaded.status();
    int64_t bytes = (*loaded)->packedBytes();
    const DType dtype = primitive.dtype;
    runtime::TensorSpec spec{dtype, Shape{bytes / size_in_bytes(dtype)}, bytes};
    Packing packing{weights, -1, {}, std::move(primitive), spec};
    if (weights.kind == Kind::input) {
      packing.input = inputNumbers_[static_cast<size_t>(weights.index)];
      packing.unpacked = plan_.inputs[static_cast<size_t>(weights.index)];
    }
    packings_.push_back(std::move(packing));
    weights = {Kind::prepared, static_cast<int64_t>(plan_.prepared.size())};
    plan_.prepared.push_back(std::move(spec));
    return {};
  }

  int32_t numberOf(const KernelPtr &kernel) {
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
  const KernelTiles &tiles_;
  runtime::Plan plan_;
  std::vector<int32_t> inputNumbers_;
  std::vector<Packing> packings_;
  DenseMap<Value, runtime::BufferRef> buffers_;
  DenseMap<Value, std::pair<int32_t, DType>> scalars_;
  DenseMap<const LaunchableKernel *, int32_t> numbers_;
  SmallVector<std::pair<Value, runtime::BufferRef>> pendingCopies_;
};

} // namespace

static SmallVector<GroupOp> groupsOf(Operation *op) {
  SmallVector<GroupOp> groups;
  op->walk([&](GroupOp group) { groups.push_back(group); });
  return groups;
}

StatusOr<CompiledProgram> compileKernels(ModuleOp module, const Target &target,
                                         KernelForm form) {
  PhaseTimer timer(Phase::kernels);
  CompiledProgram program;
  auto main = module.lookupSymbol<func::FuncOp>(kMainName);
  KernelTiles tiles;
  // What prepares parameters runs once.
  if (target.tuning != Tuning::off && form != KernelForm::text)
    tiles = tune(groupsOf(main), target);
  ProgressCount progress(Activity::compiling,
                         static_cast<int64_t>(groupsOf(module).size()));
  if (auto prepare = module.lookupSymbol<func::FuncOp>(kPrepareName)) {
    Planner planner(prepare, target, form, progress, tiles);
    StatusOr<runtime::Plan> plan = planner.run();
    if (!plan.ok())
      return plan.status();
    program.prepare = std::move(*plan);
    program.prepareInputs = planner.inputNumbers();
  }
  Planner planner(main, target, form, progress, tiles);
  StatusOr<runtime::Plan> plan = planner.run();
  if (!plan.ok())
    return plan.status();
  program.main = std::move(*plan);
  program.mainInputs = planner.inputNumbers();
  packWeights(program, planner.packings());
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

/// What launches of a kernel ask for beside what its text declares.
static int64_t sharedBytesOf(const runtime::Plan &plan, int32_t kernel) {
  int64_t bytes = 0;
  for (const runtime::Launch &launch : plan.launches)
    if (launch.primitive < 0 && launch.kernel == kernel)
      bytes = std::max<int64_t>(bytes, launch.sharedBytes);
  return bytes;
}

std::vector<KernelText> kernelTexts(const CompiledProgram &program) {
  std::vector<KernelText> texts;
  llvm::StringSet<> seen; // a kernel may serve both plans
  for (const runtime::Plan *plan : {&program.main, &program.prepare})
    for (auto [i, kernel] : llvm::enumerate(plan->kernels))
      if (seen.insert(kernel.source).second)
        texts.push_back({kernel.name,
                         kernel.source,
                         {},
                         {},
                         sharedBytesOf(*plan, static_cast<int32_t>(i))});
  return texts;
}

} // namespace weft::compiler
