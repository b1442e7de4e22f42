// SPDX-License-Identifier: Apache-2.0
// The stages of a compilation as text.
#include "Codegen.h"
#include "Module.h"
#include "Pieces.h"
#include "Progress.h"

#include "weft/Compiler/Compiler.h"

#include "runtime/Nvrtc.h"
#include "runtime/ThreadPool.h"

#include <cstdlib>
#include <map>

namespace weft::compiler {

/// What to ask NVRTC for to get PTX and machine code of `arch`: compute_90a for
/// sm_90a. Error: NVRTC does not know the architecture.
static StatusOr<std::string> ptxArch(const runtime::Nvrtc &nvrtc,
                                     const std::string &arch) {
  // atoi stops at the suffix.
  StatusOr<std::string> known = nvrtc.archFor(std::atoi(arch.c_str() + 3));
  if (!known.ok())
    return known;
  if (known->starts_with("compute_"))
    return unavailable_error("nvrtc: " + nvrtc.file() + " does not know " +
                             arch + ", only what is older");
  return "compute_" + arch.substr(3);
}

static Status assemble(KernelText &kernel, const runtime::Nvrtc &nvrtc,
                       const std::string &arch, const ExplainOptions &options) {
  StatusOr<std::string> virtualArch = ptxArch(nvrtc, arch);
  if (!virtualArch.ok())
    return virtualArch.status();
  if (options.ptx) {
    auto ptx = nvrtc.compile(kernel.source, kernel.name, *virtualArch);
    if (!ptx.ok())
      return ptx.status();
    kernel.ptx = ptx->cubin.c_str(); // ends with a zero
  }
  if (options.resources) {
    auto code =
        nvrtc.compile(kernel.source, kernel.name, arch, /*report=*/true);
    if (!code.ok())
      return code.status();
    auto resources = runtime::readAssemblerReport(code->log, kernel.name);
    if (!resources.ok())
      return resources.status();
    kernel.resources = *resources;
  }
  return {};
}

/// Fills in what only NVRTC knows.
static Status assembleAll(std::vector<KernelText> &kernels,
                          const std::string &arch,
                          const ExplainOptions &options) {
  StatusOr<const runtime::Nvrtc *> nvrtc = runtime::Nvrtc::get();
  if (!nvrtc.ok())
    return nvrtc.status();
  auto count = static_cast<int64_t>(kernels.size());
  ProgressCount progress(Activity::compiling, count);
  std::vector<Status> statuses(kernels.size());
  runtime::parallelFor(count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      statuses[i] = assemble(kernels[i], **nvrtc, arch, options);
      progress.addDone();
    }
  });
  for (const Status &status : statuses)
    if (!status.ok())
      return status;
  return {};
}

static StatusOr<Stages> explainModule(mlir::ModuleOp module,
                                      const Target &target,
                                      const ExplainOptions &options) {
  Stages stages;
  stages.device = target.device;
  if (Status status = lower(module, target, &stages); !status.ok())
    return status;
  if (!options.kernels)
    return stages;
  StatusOr<CompiledProgram> program =
      compileKernels(module, target, KernelForm::text);
  if (!program.ok())
    return program.status();
  stages.kernels = kernelTexts(*program);
  stages.launches = static_cast<int64_t>(program->main.launches.size());
  if (options.ptx || options.resources)
    if (Status status = assembleAll(stages.kernels, target.arch, options);
        !status.ok())
      return status;
  return stages;
}

static StatusOr<Stages> explainProgram(const Program &program,
                                       const Target &target,
                                       const ExplainOptions &options) {
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> module =
      importProgram(program, context.get());
  return explainModule(*module, target, options);
}

/// Texts of several modules are parted as MLIR's tools part them.
static void append(Stages &stages, Stages more) {
  for (auto text : {&Stages::trace, &Stages::graph, &Stages::folded,
                    &Stages::fused, &Stages::plan}) {
    if (!(stages.*text).empty())
      stages.*text += "// -----\n";
    stages.*text += more.*text;
  }
  stages.device = more.device;
  stages.fusedDot += more.fusedDot; // Graphviz takes several graphs
  for (auto lines : {&Stages::notes, &Stages::fusionReasons})
    llvm::append_range(stages.*lines, more.*lines);
  for (KernelText &kernel : more.kernels)
    if (llvm::none_of(stages.kernels, [&](const KernelText &known) {
          return known.source == kernel.source;
        }))
      stages.kernels.push_back(std::move(kernel));
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
      StatusOr<Stages> one = explainProgram(piece.program, *target, options);
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

StatusOr<Stages> explain(std::string_view moduleText, std::string_view name,
                         const ExplainOptions &options) {
  StatusOr<Target> target =
      Target::parse(options.target.empty() ? "cpu" : options.target);
  if (!target.ok())
    return target.status();
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> module =
      parseModule(moduleText, name, context.get());
  if (!module.ok())
    return module.status();
  return explainModule(**module, *target, options);
}

} // namespace weft::compiler
