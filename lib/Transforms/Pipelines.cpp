// SPDX-License-Identifier: Apache-2.0
// The table of contents of the compiler: which passes run, in which order, and
// why.
#include "weft/Transforms/Pipelines.h"

#include "weft/Transforms/Passes.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace weft {

/// Between stages: one form for equal things, nothing that is not used.
static void addCleanup(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(createCSEPass());
}

void buildPipeline(OpPassManager &pm, const PipelineOptions &options) {
  auto add = [&](std::unique_ptr<Pass> pass) {
    pm.addNestedPass<func::FuncOp>(std::move(pass));
  };
  // Patterns below expect constants on the right and no chains of reshapes.
  addCleanup(pm);
  if (options.until == PipelineStage::graph)
    return;

  // First: a batch norm hides the scale and shift that others look for.
  add(createFoldBatchNorm({options.explain}));
  // Scale and shift reach the conv before hoisting, so that one tensor of new
  // weights is prepared instead of scale, shift and weights.
  add(createFoldIntoWeights({options.explain}));
  // While the softmax is still one op.
  if (options.fuseAttention)
    add(createFuseAttention());
  // Before hoisting and fusion: both see rows and reductions only.
  add(createDecompose({options.fuseAttention}));
  // Folding leaves x * 1 and double reshapes behind; equal scales of shared
  // parameters become one before they are moved.
  addCleanup(pm);
  // Behind folding and decomposing, which expect channels at axis 1; before
  // hoisting, which moves the new form of weights to @prepare.
  if (options.channelsLast || options.library != Library::none) {
    add(createSinkReshapes());
    add(createAssignLayout({options.library, options.tf32}));
    addCleanup(pm);
  }
  // Behind the layout, which says how rows lie; before hoisting, which has
  // @prepare make the weights of both one.
  if (options.takesSum) {
    add(createSumProducts(options.takesSum));
    addCleanup(pm);
  }
  // Behind what makes new weights, before hoisting, which has @prepare round
  // them.
  if (options.readsTf32)
    add(createRoundWeights(options.readsTf32));
  // Before fusion: a group must not mix what runs once with what runs always.
  pm.addPass(createHoistParameters());
  if (options.until == PipelineStage::folded)
    return;

  if (options.library != Library::none) {
    // Layouts tell whose a convolution is.
    add(createPoolBeforeRelu({options.library}));
    // Behind hoisting: what @prepare computes is no part of a batch.
    add(createSplitBatch({options.library, options.parts}));
  }
  // A group hides its ops from all others.
  add(createFuse({.explain = options.explain, .library = options.library},
                 options.takesImage));
  // What two kernels do together is known once each is.
  if (options.pairs)
    add(createPairProducts(options.pairs));
  if (options.until == PipelineStage::fused)
    return;

  // Lifetimes are those of groups.
  add(createPlanMemory());
}

namespace {
struct CommandLine : public PassPipelineOptions<CommandLine> {
  Option<PipelineStage> until{
      *this, "until", llvm::cl::desc("Where to stop"),
      llvm::cl::init(PipelineStage::plan),
      llvm::cl::values(
          clEnumValN(PipelineStage::graph, "graph", "as recorded"),
          clEnumValN(PipelineStage::folded, "folded", "before fusion"),
          clEnumValN(PipelineStage::fused, "fused", "as groups"),
          clEnumValN(PipelineStage::plan, "plan", "with memory"))};
  Option<bool> explain{*this, "explain", llvm::cl::desc("Emit remarks"),
                       llvm::cl::init(false)};
  Option<bool> channelsLast{
      *this, "channels-last",
      llvm::cl::desc("Convolve 16-bit floats with their channels last"),
      llvm::cl::init(false)};
  Option<bool> fuseAttention{*this, "fuse-attention",
                             llvm::cl::desc("Compute attention whole"),
                             llvm::cl::init(false)};
  Option<Library> library{*this, "library",
                          llvm::cl::desc("What a library multiplies"),
                          llvm::cl::init(Library::none), libraryNames()};
  Option<int64_t> parts{*this, "parts",
                        llvm::cl::desc("Into how many parts to split a batch"),
                        llvm::cl::init(1)};
};
} // namespace

void registerPipelines() {
  PassPipelineRegistration<CommandLine>(
      "weft-pipeline", "All passes in their order",
      [](OpPassManager &pm, const CommandLine &options) {
        buildPipeline(pm,
                      {options.until, options.explain, options.channelsLast,
                       options.fuseAttention, options.library, options.parts});
      });
}

} // namespace weft
