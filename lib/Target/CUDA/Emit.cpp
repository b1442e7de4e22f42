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
                                              const CudaTarget &target,
                                              StringRef tile) {
  auto matrix = cuda::MatrixSchedule::match(group, nest, target);
  auto thin = cuda::ThinSchedule::match(group, nest, target);
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

static FailureOr<CudaKernel> emitPair(ir::GroupOp group,
                                      const CudaTarget &target,
                                      std::string &why, StringRef tile) {
  FailureOr<PairNests> nests = buildPairNests(group, why);
  if (failed(nests))
    return failure();
  if (auto pair = cuda::PairSchedule::match(group, *nests, target))
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
    return emitPair(group, target, why, tile);
  FailureOr<LoopNest> nest = buildLoopNest(group, why);
  if (failed(nest))
    return failure();
  if (!group.getBody().front().getOps<ir::AttentionOp>().empty()) {
    if (auto attention = cuda::emitAttention(group, *nest, target))
      return *attention;
    why = "weft.attention must be decomposed for this device";
    return failure();
  }
  if (nest->pooling) {
    if (auto image = cuda::emitImage(group, *nest, target))
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
  if (auto image = cuda::emitImage(group, *nest, target))
    return *image;
  if (auto products = emitProducts(group, *nest, target, tile))
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
  auto schedule = cuda::PairSchedule::match(pair, *nests, target);
  if (!schedule)
    return false;
  FailureOr<CudaKernel> kernel = emitCuda(second, target, why);
  return succeeded(kernel) && kernel->cycles > 0 &&
         schedule->cycles() < schedule->cyclesOfFirst() + kernel->cycles;
}

namespace {
/// A group of ops of a function alone, as it would be built of them.
class Excerpt {
public:
  explicit Excerpt(MLIRContext *context)
      : builder_(context), body_(new Block) {}

  /// `value` in the group, where it is computed through views.
  Value through(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || !(ir::isView(op) || ir::isSource(op)))
      return read(value);
    for (Value operand : op->getOperands())
      if (!map_.contains(operand))
        map_.map(operand, through(operand));
    return add(op);
  }
  /// `value` in the group, which reads it where no op of it computes it.
  Value read(Value value) {
    if (!map_.contains(value)) {
      outside_.addArgument(value.getType(), value.getLoc());
      map_.map(value, body_->addArgument(value.getType(), value.getLoc()));
    }
    return map_.lookup(value);
  }
  void map(Value from, Value to) { map_.map(from, to); }
  Value add(Operation *op) {
    builder_.setInsertionPointToEnd(body_);
    return builder_.clone(*op, map_)->getResult(0);
  }
  ir::GroupOp finish(Value result) {
    builder_.setInsertionPointToEnd(body_);
    builder_.create<ir::YieldOp>(result.getLoc(), result);
    builder_.setInsertionPointToEnd(&outside_);
    auto group = builder_.create<ir::GroupOp>(
        result.getLoc(), TypeRange(result.getType()), outside_.getArguments(),
        ir::ScheduleAttr());
    group.getBody().push_back(body_);
    return group;
  }

private:
  OpBuilder builder_;
  Block outside_;
  Block *body_; // of the group
  IRMapping map_;
};
} // namespace

bool takesImage(ir::GroupOp group, const CudaTarget &target) {
  Block &body = group.getBody().front();
  if (computesNothing(group))
    return false;
  if (!body.getOps<ir::MaxpoolOp>().empty()) {
    ir::MaxpoolOp pool = group.getPooling();
    ir::ConvOp conv = *body.getOps<ir::ConvOp>().begin();
    if (!pool || pool.getX().getType() != conv.getType())
      return false;
  }
  std::string why;
  FailureOr<LoopNest> nest = buildLoopNest(group, why);
  return succeeded(nest) && cuda::takesImage(group, *nest, target);
}

/// Whether the tensor memory accelerator brings the operands of the group's
/// product.
static bool isBulkProduct(ir::GroupOp group, const CudaTarget &target) {
  std::string why;
  FailureOr<LoopNest> nest = buildLoopNest(group, why);
  if (failed(nest))
    return false;
  auto schedule = cuda::MatrixSchedule::match(group, *nest, target);
  return schedule && schedule->isBulk();
}

bool takesSum(Operation *product, const CudaTarget &target) {
  // The same is true of the group that it will be in. In front of a product on
  // tensor cores, which reads contiguous operands, fusion adds nothing but
  // views; what it adds behind it may keep loops apart that are one here, and
  // operands in bulk do not ask how many loops their lines take.
  Excerpt excerpt(product->getContext());
  excerpt.map(product->getOperand(0), excerpt.through(product->getOperand(0)));
  excerpt.read(product->getOperand(1));
  // Threads copy no rows that lie in two tensors.
  return isBulkProduct(excerpt.finish(excerpt.add(product)), target);
}

bool readsTf32(Operation *product, const CudaTarget &target) {
  Excerpt excerpt(product->getContext());
  for (Value operand : product->getOperands())
    excerpt.map(operand, excerpt.through(operand));
  return isBulkProduct(excerpt.finish(excerpt.add(product)), target);
}

bool usesTensorCores(StringRef arch) {
  return cuda::matrixUnitsOf({arch.str()}).has_value();
}

} // namespace weft
