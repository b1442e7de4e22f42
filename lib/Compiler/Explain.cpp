// SPDX-License-Identifier: Apache-2.0
// The stages of a compilation as text.
#include "Codegen.h"

#include "weft/Compiler/Compiler.h"

namespace weft::compiler {

StatusOr<Stages> explainModule(mlir::ModuleOp module, const Target &target) {
  Stages stages;
  if (Status status = lower(module, &stages); !status.ok())
    return status;
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

StatusOr<Stages> explain(std::span<const NodePtr> roots) {
  for (const NodePtr &root : roots)
    if (root->failed())
      return root->status;
  if (roots.empty())
    return invalid_argument_error("explain: no tensors");
  Capture captured = capture(roots);
  StatusOr<Target> target = Target::of(roots.front()->device);
  if (!target.ok())
    return target.status();
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> module =
      importProgram(captured.program, context.get());
  StatusOr<Stages> stages = explainModule(*module, *target);
  if (stages.ok())
    stages->recordedOps = static_cast<int64_t>(captured.program.ops.size());
  return stages;
}

} // namespace weft::compiler
