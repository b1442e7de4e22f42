// SPDX-License-Identifier: Apache-2.0
// Runs the passes and keeps what they say.
#include "Codegen.h"

#include "lib/Core/Phases.h"
#include "weft/IR/Dialect.h"
#include "weft/Target/CUDA/Emit.h"
#include "weft/Transforms/LibraryWork.h"
#include "weft/Transforms/Pipelines.h"

#include "runtime/OneDnn.h"
#include "weft/Runtime.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace weft::compiler {

std::unique_ptr<MLIRContext> makeContext() {
  // Kernels are compiled in parallel by the run time's threads; MLIR starts
  // none of its own.
  auto context =
      std::make_unique<MLIRContext>(MLIRContext::Threading::DISABLED);
  context->loadDialect<ir::WeftDialect, func::FuncDialect>();
  return context;
}

static std::string textOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module.print(os);
  return text;
}

/// The library is not opened for graphs that have no use for it.
static Library libraryFor(ModuleOp module) {
  bool found = false;
  module.walk(
      [&](Operation *op) { found |= gainsFromLibrary(Library::bfloat16, op); });
  if (!found)
    return Library::none;
  StatusOr<const runtime::OneDnn *> dnn = runtime::OneDnn::get();
  if (!dnn.ok())
    return Library::none;
  return (*dnn)->multiplies(bfloat16) ? Library::bfloat16 : Library::float32;
}

static ImageRule imageRuleOf(const Target &target) {
  if (!target.hasTensorCores())
    return nullptr;
  return [cuda = target.cuda()](ir::GroupOp group) {
    return takesImage(group, cuda);
  };
}

static PairRule pairRuleOf(const Target &target) {
  if (!target.hasTensorCores())
    return nullptr;
  return [cuda = target.cuda()](ir::GroupOp second, ir::GroupOp pair) {
    return gainsFromPair(second, pair, cuda);
  };
}

static SumRule sumRuleOf(const Target &target) {
  if (!target.hasTensorCores())
    return nullptr;
  return [cuda = target.cuda()](Operation *product) {
    return takesSum(product, cuda);
  };
}

static WeightsRule weightsRuleOf(const Target &target) {
  if (!target.cuda().tf32)
    return nullptr;
  return [cuda = target.cuda()](Operation *product) {
    return readsTf32(product, cuda);
  };
}

/// Runs the passes up to `until`. Notes go to `stages` if it is given.
static Status runPasses(ModuleOp module, const Target &target,
                        PipelineStage until, Stages *stages) {
  std::string errors;
  ScopedDiagnosticHandler handler(module.getContext(), [&](Diagnostic &d) {
    std::string text = d.str();
    if (d.getSeverity() == DiagnosticSeverity::Error)
      errors += (errors.empty() ? "" : "; ") + text;
    else if (StringRef(text).starts_with(kNotFusedNote))
      stages->fusionReasons.push_back(text);
    else if (d.getSeverity() == DiagnosticSeverity::Remark)
      stages->notes.push_back(text);
    return success();
  });
  PassManager passes(module.getContext());
  buildPipeline(passes, {.until = until,
                         .explain = stages != nullptr,
                         .channelsLast = target.hasTensorCores(),
                         .fuseAttention = target.hasTensorCores(),
                         .library = target.device == Device::Kind::cpu
                                        ? libraryFor(module)
                                        : Library::none,
                         .parts = num_threads(),
                         .takesImage = imageRuleOf(target),
                         .pairs = pairRuleOf(target),
                         .takesSum = sumRuleOf(target),
                         .tf32 = target.cuda().tf32,
                         .readsTf32 = weightsRuleOf(target)});
  if (failed(passes.run(module)))
    return internal_error("compile: a pass failed: " + errors);
  return {};
}

/// Says at each argument of @main which tensor or number of a call it is:
/// passes move arguments and drop them.
static void numberArguments(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>(ir::kMainName);
  Builder builder(module.getContext());
  int64_t inputs = 0, scalars = 0;
  for (BlockArgument argument : main.getArguments()) {
    bool isTensor = isa<RankedTensorType>(argument.getType());
    main.setArgAttr(argument.getArgNumber(),
                    isTensor ? ir::kInputAttr : ir::kScalarAttr,
                    builder.getI64IntegerAttr(isTensor ? inputs++ : scalars++));
  }
}

Status lower(ModuleOp module, const Target &target, Stages *stages) {
  PhaseTimer timer(Phase::passes);
  if (stages)
    stages->trace = textOf(module);
  numberArguments(module);
  if (!stages)
    return runPasses(module, target, PipelineStage::plan, nullptr);
  for (auto [until, text] : {std::pair{PipelineStage::graph, &stages->graph},
                             std::pair{PipelineStage::folded, &stages->folded},
                             std::pair{PipelineStage::fused, &stages->fused}}) {
    OwningOpRef<ModuleOp> copy = module.clone();
    Stages unread;
    if (Status status = runPasses(*copy, target, until, &unread); !status.ok())
      return status;
    *text = textOf(*copy);
    if (until == PipelineStage::fused)
      stages->fusedDot = dotOf(*copy);
  }
  Status status = runPasses(module, target, PipelineStage::plan, stages);
  stages->plan = textOf(module);
  return status;
}

} // namespace weft::compiler
