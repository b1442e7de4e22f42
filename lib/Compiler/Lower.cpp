// SPDX-License-Identifier: Apache-2.0
// Runs the passes and keeps what they say.
#include "Codegen.h"

#include "weft/IR/Dialect.h"
#include "weft/Transforms/Pipelines.h"

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

Status lower(ModuleOp module, Stages *stages) {
  std::string errors;
  ScopedDiagnosticHandler handler(module.getContext(), [&](Diagnostic &d) {
    if (d.getSeverity() == DiagnosticSeverity::Error)
      errors += (errors.empty() ? "" : "; ") + d.str();
    else if (stages && d.getSeverity() == DiagnosticSeverity::Remark)
      stages->notes.push_back(d.str());
    return success();
  });
  auto runUntil = [&](transforms::Stage from, transforms::Stage until) {
    PassManager passes(module.getContext());
    transforms::buildPipeline(passes, from, until);
    return passes.run(module);
  };
  using transforms::Stage;
  if (!stages) {
    if (failed(runUntil(Stage::graph, Stage::plan)))
      return internal_error("compile: a pass failed: " + errors);
    return {};
  }
  stages->graph = textOf(module);
  Stage reached = Stage::graph;
  for (auto [until, text] : {std::pair{Stage::folded, &stages->folded},
                             std::pair{Stage::fused, &stages->fused},
                             std::pair{Stage::plan, &stages->plan}}) {
    if (failed(runUntil(reached, until)))
      return internal_error("compile: a pass failed: " + errors);
    *text = textOf(module);
    reached = until;
  }
  return {};
}

} // namespace weft::compiler
