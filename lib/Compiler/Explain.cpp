// SPDX-License-Identifier: Apache-2.0
// The stages of a compilation as text.
#include "Codegen.h"
#include "Pieces.h"

#include "weft/Compiler/Compiler.h"
#include "weft/Core/ShapeRules.h"
#include "weft/IR/Dialect.h"

#include "mlir/Parser/Parser.h"

#include <map>

namespace weft::compiler {

static StatusOr<Stages> explainModule(mlir::ModuleOp module,
                                      const Target &target, bool kernels) {
  Stages stages;
  if (Status status = lower(module, &stages); !status.ok())
    return status;
  if (!kernels)
    return stages;
  StatusOr<CompiledProgram> program =
      compileKernels(module, target, /*keepText=*/true);
  if (!program.ok())
    return program.status();
  for (const runtime::Plan *plan : {&program->main, &program->prepare})
    for (const runtime::Kernel &kernel : plan->kernels)
      stages.kernels.push_back(kernel.source);
  stages.launches = static_cast<int64_t>(program->main.launches.size());
  return stages;
}

static StatusOr<Stages> explainProgram(const Program &program,
                                       const Target &target, bool kernels) {
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> module =
      importProgram(program, context.get());
  return explainModule(*module, target, kernels);
}

/// Texts of several modules are parted as MLIR's tools part them.
static void append(Stages &stages, Stages more) {
  for (auto text :
       {&Stages::graph, &Stages::folded, &Stages::fused, &Stages::plan}) {
    if (!(stages.*text).empty())
      stages.*text += "// -----\n";
    stages.*text += more.*text;
  }
  for (auto lines : {&Stages::kernels, &Stages::notes, &Stages::fusionReasons})
    (stages.*lines)
        .insert((stages.*lines).end(), (more.*lines).begin(),
                (more.*lines).end());
}

StatusOr<Stages> explain(std::span<const NodePtr> roots,
                         const ExplainOptions &options) {
  if (roots.empty())
    return invalid_argument_error("explain: no tensors");
  for (const NodePtr &root : roots)
    if (root->failed())
      return root->status;
  StatusOr<Target> target = options.target.empty()
                                ? Target::of(roots.front()->device)
                                : Target::parse(options.target);
  if (!target.ok())
    return target.status();
  Capture captured = capture(roots);
  const auto numOps = static_cast<int64_t>(captured.program.ops.size());
  Stages stages;
  std::map<std::string, int64_t> launches; // of each piece explained
  for (const Piece &piece : cut(std::move(captured.program))) {
    auto [known, isNew] = launches.try_emplace(keyOf(piece.program), 0);
    if (isNew) {
      StatusOr<Stages> one =
          explainProgram(piece.program, *target, options.kernels);
      if (!one.ok())
        return one.status();
      known->second = one->launches;
      append(stages, std::move(*one));
    }
    stages.launches += known->second;
  }
  stages.recordedOps = numOps;
  return stages;
}

/// That counts of elements and bytes can be formed without overflow.
static Status checkSizes(mlir::ModuleOp module, std::string_view name) {
  Status status;
  auto check = [&](mlir::Value value) {
    auto type = mlir::dyn_cast<mlir::RankedTensorType>(value.getType());
    if (!type || !type.hasStaticShape() || !status.ok())
      return;
    if (type.getRank() > Shape::kMaxRank)
      status =
          invalid_argument_error(std::string(name) + ": too many dims: got " +
                                 std::to_string(type.getRank()) + ", limit " +
                                 std::to_string(Shape::kMaxRank));
    else
      status = shape_rules::valid(name, ir::toShape(type));
  };
  module.walk([&](mlir::Operation *op) {
    llvm::for_each(op->getResults(), check);
    for (mlir::Region &region : op->getRegions())
      for (mlir::Block &block : region)
        llvm::for_each(block.getArguments(), check);
  });
  return status;
}

/// What kernels can be made from: one function of tensors and numbers.
static Status checkModule(mlir::ModuleOp module, std::string_view name) {
  auto main = module.lookupSymbol<mlir::func::FuncOp>(ir::kMainName);
  if (!main || main.isExternal())
    return invalid_argument_error(std::string(name) +
                                  ": no function @main with a body");
  for (mlir::Type type : main.getArgumentTypes()) {
    auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
    if (!ir::isWeftElementType(mlir::getElementTypeOrSelf(type)) ||
        (tensor && !tensor.hasStaticShape())) {
      std::string text;
      llvm::raw_string_ostream os(text);
      os << name << ": @main: an argument is neither a tensor of static shape "
         << "nor a number: " << type;
      return invalid_argument_error(text);
    }
  }
  return checkSizes(module, name);
}

StatusOr<Stages> explain(std::string_view moduleText, std::string_view name,
                         const ExplainOptions &options) {
  StatusOr<Target> target =
      Target::parse(options.target.empty() ? "cpu" : options.target);
  if (!target.ok())
    return target.status();
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  std::string errors;
  mlir::ScopedDiagnosticHandler handler(
      context.get(), [&](mlir::Diagnostic &diagnostic) {
        llvm::raw_string_ostream os(errors);
        os << (errors.empty() ? "" : "; ") << diagnostic.getLocation() << ": "
           << diagnostic;
        return mlir::success();
      });
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceString<mlir::ModuleOp>(
          moduleText, mlir::ParserConfig(context.get()), name);
  if (!module)
    return invalid_argument_error(std::string(name) + ": " + errors);
  if (Status status = checkModule(*module, name); !status.ok())
    return status;
  return explainModule(*module, *target, options.kernels);
}

} // namespace weft::compiler
