// SPDX-License-Identifier: Apache-2.0
// Chooses the schedule of a group's loop nest.
#include "weft/Target/CUDA/Emit.h"

#include "AttentionSchedule.h"
#include "ImageSchedule.h"
#include "KernelPrinter.h"
#include "MatrixSchedule.h"
#include "PairSchedule.h"
#include "ThinSchedule.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace weft {

/// Whether every result is without elements: there is no index to compute at.
static bool computesNothing(ir::GroupOp group) {
  return llvm::all_of(group.getResultTypes(), [](Type type) {
    return cast<RankedTensorType>(type).getNumElements() == 0;
  });
}

/// Whether the inner dims are those of a window, not of reductions.
static bool hasWindow(ir::GroupOp group) {
  return llvm::any_of(group.getBody().front(),
                      llvm::IsaPred<ir::WindowOpInterface>);
}

/// Whether neighbouring rows lie closer together in memory than the elements of
/// a row. The loads decide, not the schedule's name: a transpose inside the
/// group may have turned rows into columns.
static bool areColumns(const LoopNest &nest) {
  if (nest.numParallel == nest.sizes.size())
    return false;
  int rows = 0, columns = 0;
  for (const Stage &stage : nest.stages)
    for (int id : stage.body) {
      const Stmt &stmt = nest.stmts[id];
      if (stmt.kind != Stmt::Kind::load)
        continue;
      rows += strideOf(stmt.expr, nest.sizes.size() - 1) == 1;
      columns += strideOf(stmt.expr, nest.numParallel - 1) == 1;
    }
  return columns > rows;
}

/// Tensor cores, by either of the two schedules that have them.
static std::optional<CudaKernel> emitProducts(ir::GroupOp group,
                                              const LoopNest &nest,
                                              StringRef arch, StringRef tile) {
  auto matrix = cuda::MatrixSchedule::match(group, nest, arch);
  auto thin = cuda::ThinSchedule::match(group, nest, arch);
  std::vector<std::string> names;
  if (matrix)
    names = matrix->tiles();
  if (thin)
    names.insert(thin->comesFirst() ? names.begin() : names.end(),
                 cuda::ThinSchedule::kTile.str());
  if (names.empty())
    return std::nullopt;
  std::string chosen = llvm::is_contained(names, tile) ? tile.str() : names[0];
  CudaKernel kernel =
      chosen == cuda::ThinSchedule::kTile ? thin->emit() : matrix->emit(chosen);
  kernel.tiles = std::move(names);
  return kernel;
}

static FailureOr<CudaKernel> emitPair(ir::GroupOp group, StringRef arch,
                                      std::string &why, StringRef tile) {
  FailureOr<PairNests> nests = buildPairNests(group, why);
  if (failed(nests))
    return failure();
  if (auto pair = cuda::PairSchedule::match(group, *nests, arch))
    return pair->emit(tile);
  why = "no kernel computes these two products";
  return failure();
}

/// The schedule that suits the nest.
static FailureOr<CudaKernel> emit(ir::GroupOp group, const CudaTarget &target,
                                  std::string &why, StringRef tile) {
  if (computesNothing(group)) {
    LoopNest empty;
    empty.sizes.push_back(0);
    empty.numParallel = 1;
    return cuda::emitGeneral(group, empty);
  }
  if (group.isPair())
    return emitPair(group, target.arch, why, tile);
  FailureOr<LoopNest> nest = buildLoopNest(group, why);
  if (failed(nest))
    return failure();
  if (!group.getBody().front().getOps<ir::AttentionOp>().empty()) {
    if (auto attention = cuda::emitAttention(group, *nest, target.arch))
      return *attention;
    why = "weft.attention must be decomposed for this device";
    return failure();
  }
  if (nest->pooling) {
    if (auto image = cuda::emitImage(group, *nest, target.arch))
      return *image;
    why = "weft.maxpool must be in a group of its own for this device";
    return failure();
  }
  bool hasInner = llvm::any_of(nest->stages,
                               [](const Stage &stage) { return stage.inner; });
  if (!hasInner && nest->stages.size() == 1)
    return cuda::emitLoop(group, *nest);
  if (!hasWindow(group) && nest->numRows() > 0)
    return cuda::emitTeams(group, *nest, areColumns(*nest));
  if (auto image = cuda::emitImage(group, *nest, target.arch))
    return *image;
  if (auto products = emitProducts(group, *nest, target.arch, tile))
    return *products;
  if (std::optional<CudaKernel> tiles = cuda::emitTiles(group, *nest))
    return *tiles;
  if (std::optional<CudaKernel> window = cuda::emitWindow(group, *nest, tile))
    return *window;
  // What is left has short sums (pooling), or one row (a matrix by a vector).
  constexpr int64_t longSum = 32;
  if (nest->numRows() > 0 && nest->numInnerPoints() >= longSum)
    return cuda::emitTeams(group, *nest, areColumns(*nest));
  return cuda::emitGeneral(group, *nest);
}

FailureOr<CudaKernel> emitCuda(ir::GroupOp group, const CudaTarget &target,
                               std::string &why, StringRef tile) {
  FailureOr<CudaKernel> kernel = emit(group, target, why, tile);
  if (succeeded(kernel) && llvm::is_contained(kernel->grid, 0u)) {
    why = kTooManyBlocks.str();
    return failure();
  }
  // Architectures from 9.0 on can wait in the kernel.
  StringRef arch = target.arch;
  int number = 0;
  if (succeeded(kernel) && arch.consume_front("sm_") &&
      !arch.consumeInteger(10, number) && number >= 90)
    kernel->startsEarly =
        StringRef(kernel->text).contains("  weft::follow_previous();");
  return kernel;
}

bool gainsFromPair(ir::GroupOp second, ir::GroupOp pair,
                   const CudaTarget &target) {
  std::string why;
  FailureOr<PairNests> nests = buildPairNests(pair, why);
  if (failed(nests))
    return false;
  auto schedule = cuda::PairSchedule::match(pair, *nests, target.arch);
  if (!schedule)
    return false;
  FailureOr<CudaKernel> kernel = emitCuda(second, target, why);
  return succeeded(kernel) && kernel->cycles > 0 &&
         schedule->cycles() < schedule->cyclesOfFirst() + kernel->cycles;
}

/// A group of the two alone, on arguments of `block`.
static ir::GroupOp pooledGroup(ir::ConvOp conv, ir::MaxpoolOp pool,
                               Block &block) {
  OpBuilder builder(conv.getContext());
  for (Value operand : conv->getOperands())
    block.addArgument(operand.getType(), operand.getLoc());
  builder.setInsertionPointToEnd(&block);
  auto group = builder.create<ir::GroupOp>(
      conv.getLoc(), TypeRange(pool->getResultTypes()), block.getArguments(),
      ir::ScheduleAttr());
  Block *body = builder.createBlock(&group.getBody());
  IRMapping map;
  for (Value operand : conv->getOperands())
    map.map(operand, body->addArgument(operand.getType(), operand.getLoc()));
  Operation *first = builder.clone(*conv, map);
  map.map(pool.getX(), first->getResult(0));
  builder.create<ir::YieldOp>(conv.getLoc(),
                              builder.clone(*pool, map)->getResults());
  return group;
}

bool poolsResults(ir::ConvOp conv, ir::MaxpoolOp pool, StringRef arch) {
  if (conv.getType() != pool.getX().getType() ||
      conv.getChannelsLast() != pool.getChannelsLast() ||
      pool.getType().getNumElements() == 0)
    return false;
  Block block;
  ir::GroupOp group = pooledGroup(conv, pool, block);
  std::string why;
  FailureOr<LoopNest> nest = buildLoopNest(group, why);
  return succeeded(nest) && cuda::takesImage(group, *nest, arch);
}

bool usesTensorCores(StringRef arch) {
  return cuda::matrixUnitsOf(arch).has_value();
}

} // namespace weft
