// SPDX-License-Identifier: Apache-2.0
// The way of a graph through the passes, with a name for every stop.
#pragma once

#include "weft/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringRef.h"

namespace weft {

/// Where the pipeline may stop.
///
///   graph    as recorded, without what computes nothing
///   folded   batch norms folded, parameter-only code in `@prepare`
///   fused    every op inside a `weft.group`
///   plan     groups with their places in the arena
enum class PipelineStage { graph, folded, fused, plan };

/// Notes for the user are remarks with one of these prefixes. They are emitted
/// only where somebody asked (`explain`) and reach whoever has registered a
/// diagnostic handler on the context.
inline constexpr llvm::StringLiteral kFoldedNote = "folded: ";
inline constexpr llvm::StringLiteral kNotFusedNote = "not fused: ";

struct PipelineOptions {
  PipelineStage until = PipelineStage::plan;
  /// Emit the notes: how batch norms were folded, and for every producer and
  /// consumer in different kernels why they are not one.
  bool explain = false;
  /// Let convolutions of 16-bit floats work with their channels last: for
  /// devices whose tensor cores want to read them so.
  bool channelsLast = false;
  /// Compute attention whole: for devices with tensor cores.
  bool fuseAttention = false;
  /// A library computes convolutions and products of these types, with no more
  /// than a bias behind them and channels last.
  Library library = Library::none;
  /// Into how many parts a batch may be split: one for each thread.
  int64_t parts = 1;
  /// Without one, max pooling is a kernel of its own, and so is what brings
  /// data of a convolution into order.
  ImageRule takesImage = nullptr;
  /// Without one, two products are two kernels.
  PairRule pairs = nullptr;
  /// Without one, what two products add up to is computed by two kernels.
  SumRule takesSum = nullptr;
  /// With `channelsLast`: tensor cores multiply float32, too.
  bool tf32 = false;
  /// Without one, no weights are rounded before they are multiplied.
  WeightsRule readsTf32 = nullptr;
};

/// Adds the passes up to and including `options.until` to a manager that runs
/// on `builtin.module`.
void buildPipeline(mlir::OpPassManager &pm, const PipelineOptions &options);

/// Makes `weft-pipeline` known to the command line of `weft-opt`.
void registerPipelines();

} // namespace weft
