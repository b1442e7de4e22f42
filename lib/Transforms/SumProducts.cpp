// SPDX-License-Identifier: Apache-2.0
// A sum of two products becomes one product: its k runs over the data of the
// one and then of the other, and so do its weights. Neither summand is written
// to memory, and one kernel does what two did.
//
// What a batch norm leaves between a product and the sum, a number by which
// each channel is multiplied and one that is added, has to pass it. What is
// added does so as it is. The factors a and b of a channel go into the weights:
// by twice the larger of the two, m, the sum is multiplied instead, and the
// weights by a / m and b / m. One of these is 1/2 or -1/2, the other is
// smaller. So the one product, which has the type of the two, overflows only
// where one of them does: half of a sum is no larger than the larger summand.
// Where it is the result itself, it is not halved.
#include "weft/Transforms/Passes.h"
#include "weft/Transforms/Pipelines.h"

#include "ConvForm.h"
#include "DeadOps.h"
#include "ParameterCode.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

#include <limits>

namespace weft {
#define GEN_PASS_DEF_SUMPRODUCTS
#include "weft/Transforms/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using namespace weft::ir;

static bool isHalf(Type type) { return type.isF16() || type.isBF16(); }

// ---- products ---------------------------------------------------------------

/// Whether `op` multiplies rows of 16-bit floats by a matrix: a matmul, or a
/// conv whose window is one pixel. It may leave pixels out.
static bool multipliesRows(Operation *op) {
  if (!isHalf(getElementTypeOrSelf(op->getResult(0))) ||
      typeOf(op->getResult(0)).getNumElements() == 0)
    return false;
  if (auto matmul = dyn_cast<MatmulOp>(op))
    return typeOf(matmul).getRank() == 2;
  auto conv = dyn_cast<ConvOp>(op);
  return conv && multipliesRows(conv, /*mayStep=*/true);
}

/// The axis of the weights that counts columns of the result, and that of k.
static int64_t columnAxis(Operation *product) {
  return isa<ConvOp>(product) ? 0 : 1;
}
static int64_t depthAxis(Operation *product) {
  return isa<ConvOp>(product) ? typeOf(product->getOperand(1)).getRank() - 1
                              : 0;
}

/// The data that the product multiplies, a row for each of its own.
static Value rowsOf(OpBuilder &builder, Operation *product) {
  Value x = product->getOperand(0);
  auto conv = dyn_cast<ConvOp>(product);
  if (!conv || llvm::all_of(conv.getStride(), [](int64_t s) { return s == 1; }))
    return x;
  RankedTensorType type = typeOf(x);
  SmallVector<int64_t> shape(shapeOf(conv)), starts(type.getRank(), 0),
      steps(type.getRank(), 1);
  shape.back() = type.getShape().back();
  llvm::copy(conv.getStride(), steps.begin() + 1);
  return builder.create<SliceOp>(x.getLoc(), type.clone(shape), x, starts,
                                 steps);
}

/// One tensor behind the other.
static Value joined(OpBuilder &builder, Value first, Value second,
                    int64_t axis) {
  RankedTensorType type = typeOf(first);
  SmallVector<int64_t> shape(type.getShape());
  shape[axis] += shapeOf(second)[axis];
  return builder.create<ConcatenateOp>(first.getLoc(), type.clone(shape),
                                       ValueRange{first, second},
                                       static_cast<uint64_t>(axis));
}

// ---- a number for each column -----------------------------------------------

/// The one number that a constant consists of, if `value` is such a constant.
static DenseElementsAttr splatIn(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  auto elements = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                           : DenseElementsAttr();
  return elements && elements.isSplat() ? elements : DenseElementsAttr();
}

/// What `value`, of the shape of a result, repeats: a tensor of one element for
/// each column, the last axis, or of one for all; null if it varies otherwise.
static Value repeatedIn(Value value) {
  if (splatIn(value))
    return value;
  int64_t axis = typeOf(value).getRank() - 1;
  while (auto transpose = value.getDefiningOp<TransposeOp>()) {
    axis = transpose.getPermutation()[axis];
    value = transpose.getX();
  }
  auto broadcast = value.getDefiningOp<BroadcastOp>();
  if (!broadcast)
    return {};
  ArrayRef<int64_t> shape = shapeOf(broadcast.getX());
  axis -= typeOf(value).getRank() - static_cast<int64_t>(shape.size());
  for (auto [i, size] : llvm::enumerate(shape))
    if (static_cast<int64_t>(i) != axis && size != 1)
      return {};
  return broadcast.getX();
}

/// As a vector of `size` columns, in f32.
static Value asColumns(OpBuilder &builder, Value value, int64_t size) {
  RankedTensorType type = typeOf(value);
  int64_t count = type.getNumElements();
  Location location = value.getLoc();
  if (DenseElementsAttr splat = splatIn(value)) {
    count = 1;
    type = RankedTensorType::get({1}, type.getElementType());
    value = builder.create<ConstantOp>(location, type, splat.resizeSplat(type));
  }
  value = builder.createOrFold<ReshapeOp>(
      location, RankedTensorType::get({count}, type.getElementType()), value);
  auto narrow = RankedTensorType::get({count}, builder.getF32Type());
  if (type.getElementType() != builder.getF32Type())
    value = builder.create<CastOp>(location, narrow, value);
  return builder.createOrFold<BroadcastOp>(
      location, RankedTensorType::get({size}, builder.getF32Type()), value);
}

/// A vector along one axis of a tensor of `shape`.
static Value along(OpBuilder &builder, Value vector, int64_t axis,
                   ArrayRef<int64_t> shape) {
  Location location = vector.getLoc();
  SmallVector<int64_t> ones(shape.size(), 1);
  ones[axis] = shape[axis];
  vector = builder.createOrFold<ReshapeOp>(location, typeOf(vector).clone(ones),
                                           vector);
  return builder.createOrFold<BroadcastOp>(location,
                                           typeOf(vector).clone(shape), vector);
}

// ---- what is summed ---------------------------------------------------------

namespace {
/// product * factor + shift of each column.
struct Summand {
  Operation *product;
  /// Sums and products with a number for each column, in their order.
  SmallVector<std::pair<Operation *, Value>> steps;
  Value factor, shift; // vectors, in f32; null: 1 and 0

  bool isBare() const {
    auto conv = dyn_cast<ConvOp>(product);
    return steps.empty() && !(conv && conv.getBias());
  }
};

struct SumProducts : weft::impl::SumProductsBase<SumProducts> {
  SumProducts() = default;
  explicit SumProducts(SumRule takesSum) : takesSum_(std::move(takesSum)) {}

  void runOnOperation() override;

private:
  std::optional<Summand> summandOf(Value value);
  void evaluate(OpBuilder &builder, Summand &summand);
  void rewrite(AddOp add);

  SumRule takesSum_;
  ParameterCode parameterCode_;
};
} // namespace

/// What `value`, which nobody else reads, is computed from.
std::optional<Summand> SumProducts::summandOf(Value value) {
  Summand summand;
  while (true) {
    Operation *op = value.getDefiningOp();
    Type type = getElementTypeOrSelf(value);
    if (!op || !value.hasOneUse() || !(isHalf(type) || type.isF32()))
      return std::nullopt;
    if (isa<ConvOp, MatmulOp>(op)) {
      summand.product = op;
      break;
    }
    if (auto cast = dyn_cast<CastOp>(op)) {
      value = cast.getX();
      continue;
    }
    if (!isa<AddOp, MulOp>(op))
      return std::nullopt;
    unsigned other = parameterCode_.contains(op->getOperand(0)) ? 0 : 1;
    Value repeated = repeatedIn(op->getOperand(other));
    if (!repeated || !parameterCode_.contains(repeated))
      return std::nullopt;
    summand.steps.emplace_back(op, repeated);
    value = op->getOperand(1 - other);
  }
  std::reverse(summand.steps.begin(), summand.steps.end());
  auto conv = dyn_cast<ConvOp>(summand.product);
  if (!multipliesRows(summand.product) ||
      !parameterCode_.contains(summand.product->getOperand(1)) ||
      (conv && conv.getBias() && !parameterCode_.contains(conv.getBias())))
    return std::nullopt;
  return summand;
}

/// Whether the two have the same rows and columns.
static bool areAlike(const Summand &a, const Summand &b) {
  auto elements = [](const Summand &summand) {
    auto type = [&](unsigned i) {
      return getElementTypeOrSelf(summand.product->getOperand(i));
    };
    return std::pair(type(0), type(1));
  };
  return a.product->getName() == b.product->getName() &&
         a.product->getResultTypes() == b.product->getResultTypes() &&
         elements(a) == elements(b);
}

/// Finds the factor and the shift.
void SumProducts::evaluate(OpBuilder &builder, Summand &summand) {
  Value result = summand.product->getResult(0);
  int64_t columns = shapeOf(result).back();
  auto apply = [&]<typename Op>(Value &value, Value other) {
    value = value ? builder.create<Op>(other.getLoc(), value, other) : other;
  };
  if (auto conv = dyn_cast<ConvOp>(summand.product); conv && conv.getBias())
    summand.shift = asColumns(builder, conv.getBias(), columns);
  for (auto [op, number] : summand.steps) {
    Value other = asColumns(builder, number, columns);
    if (isa<AddOp>(op)) {
      apply.template operator()<AddOp>(summand.shift, other);
      continue;
    }
    apply.template operator()<MulOp>(summand.factor, other);
    if (summand.shift)
      apply.template operator()<MulOp>(summand.shift, other);
  }
}

/// The weights of a product, each column of them times its factor.
static Value weightsOf(OpBuilder &builder, Operation *product, Value factor) {
  Value w = product->getOperand(1);
  if (!factor)
    return w;
  Location location = w.getLoc();
  RankedTensorType type = typeOf(w);
  Value wide =
      builder.create<CastOp>(location, type.clone(builder.getF32Type()), w);
  Value scaled = builder.create<MulOp>(
      location, wide,
      along(builder, factor, columnAxis(product), type.getShape()));
  return builder.create<CastOp>(location, type, scaled);
}

/// The weights of both, each times its factors if there are any.
static Value weightsOf(OpBuilder &builder, const Summand &first,
                       const Summand &second, ArrayRef<Value> factors = {}) {
  auto factorOf = [&](size_t i) {
    return factors.empty() ? Value() : factors[i];
  };
  return joined(builder, weightsOf(builder, first.product, factorOf(0)),
                weightsOf(builder, second.product, factorOf(1)),
                depthAxis(first.product));
}

/// The one product, of the weights as they are.
static Operation *join(OpBuilder &builder, const Summand &first,
                       const Summand &second) {
  Value firstRows = rowsOf(builder, first.product),
        secondRows = rowsOf(builder, second.product);
  Value rows = joined(builder, firstRows, secondRows,
                      typeOf(firstRows).getRank() - 1),
        weights = weightsOf(builder, first, second);
  Location location =
      builder.getFusedLoc({first.product->getLoc(), second.product->getLoc()});
  Type type = first.product->getResult(0).getType();
  auto conv = dyn_cast<ConvOp>(first.product);
  if (!conv)
    return builder.create<MatmulOp>(location, type, rows, weights);
  size_t spatial = conv.getStride().size();
  SmallVector<int64_t> ones(spatial, 1), zeros(2 * spatial, 0);
  return builder.create<ConvOp>(location, type, rows, weights, Value(), ones,
                                zeros, ones, /*groups=*/1,
                                /*channels_last=*/true);
}

/// Twice the larger factor of each column. Divides both by it.
static Value divideFactors(OpBuilder &builder, Location location,
                           int64_t columns, MutableArrayRef<Value> factors) {
  auto vector = RankedTensorType::get({columns}, builder.getF32Type());
  auto constant = [&](float value) -> Value {
    return builder.create<ConstantOp>(location, vector,
                                      DenseElementsAttr::get(vector, value));
  };
  if (llvm::none_of(factors, [](Value factor) { return bool(factor); })) {
    std::fill(factors.begin(), factors.end(), constant(0.5));
    return constant(2);
  }
  // Both may be 0.
  Value largest = constant(std::numeric_limits<float>::min());
  for (Value &factor : factors) {
    if (!factor)
      factor = constant(1);
    Value size = builder.create<AbsOp>(location, factor);
    largest = builder.create<MaximumOp>(location, largest, size);
  }
  largest = builder.create<AddOp>(location, largest, largest);
  for (Value &factor : factors)
    factor = builder.create<DivOp>(location, factor, largest);
  return largest;
}

void SumProducts::rewrite(AddOp add) {
  Type type = getElementTypeOrSelf(add.getType());
  if (!isHalf(type) && !type.isF32())
    return;
  std::optional<Summand> a = summandOf(add.getX()), b = summandOf(add.getY());
  if (!a || !b || !areAlike(*a, *b))
    return;
  OpBuilder builder(add);
  Operation *product = join(builder, *a, *b);
  if (takesSum_ && !takesSum_(product))
    return;
  Value sum = product->getResult(0);
  if (a->isBare() && b->isBare() && getElementTypeOrSelf(sum) == type) {
    add.replaceAllUsesWith(sum);
    return;
  }
  Location location = add.getLoc();
  ArrayRef<int64_t> shape = shapeOf(sum);
  builder.setInsertionPoint(product);
  evaluate(builder, *a);
  evaluate(builder, *b);
  SmallVector<Value, 2> factors = {a->factor, b->factor};
  Value largest = divideFactors(builder, location, shape.back(), factors);
  product->setOperand(1, weightsOf(builder, *a, *b, factors));
  Value shift = a->shift ? a->shift : b->shift;
  if (a->shift && b->shift)
    shift = builder.create<AddOp>(location, a->shift, b->shift);

  builder.setInsertionPoint(add);
  auto column = [&](Value vector) {
    return along(builder, vector, typeOf(sum).getRank() - 1, shape);
  };
  auto convert = [&](Type to) {
    if (getElementTypeOrSelf(sum) != to)
      sum = builder.create<CastOp>(location, typeOf(sum).clone(to), sum);
  };
  convert(builder.getF32Type());
  sum = builder.create<MulOp>(location, sum, column(largest));
  if (shift)
    sum = builder.create<AddOp>(location, sum, column(shift));
  convert(type);
  add.replaceAllUsesWith(sum);
}

void SumProducts::runOnOperation() {
  func::FuncOp function = getOperation();
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return;
  Block &block = function.getBody().front();
  for (AddOp add : llvm::to_vector(block.getOps<AddOp>()))
    rewrite(add);
  // What was joined, and what no kernel takes.
  eraseDeadOps(block);
}

std::unique_ptr<Pass> weft::createSumProducts(SumRule takesSum) {
  return std::make_unique<SumProducts>(std::move(takesSum));
}
