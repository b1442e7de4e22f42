// SPDX-License-Identifier: Apache-2.0
// Ops that make or move elements: each is an index of the operand for an index
// of the result.
#include "Evaluate.h"

#include "weft/Core/Float.h"

namespace weft::reference {

static Shape resultShape(mlir::Operation *op) {
  return ir::toShape(op->getResult(0).getType());
}

Value evaluate(ir::ConstantOp op) {
  Value y = zeros(ir::elementDType(op.getResult()), resultShape(op));
  auto dense = mlir::cast<mlir::DenseElementsAttr>(op.getValue());
  int64_t i = 0;
  if (y.isReal()) {
    for (const llvm::APFloat &element : dense.getValues<llvm::APFloat>())
      y.reals[i++] = element.convertToDouble();
    return y;
  }
  bool isUnsigned = y.dtype == DType::boolean || y.dtype == DType::uint8;
  for (const llvm::APInt &element : dense.getValues<llvm::APInt>())
    y.ints[i++] = isUnsigned ? static_cast<int64_t>(element.getZExtValue())
                             : element.getSExtValue();
  return y;
}

Value evaluate(ir::SplatOp op, Operands operands) {
  return gather(*operands[0], resultShape(op), [](Index) { return 0; });
}

Value evaluate(ir::IotaOp op) {
  Value y = zeros(ir::elementDType(op.getResult()), resultShape(op));
  int64_t i = 0;
  forEachIndex(y.shape, [&](Index index) {
    int64_t number = index[op.getAxis()];
    if (y.isReal())
      y.reals[i++] = static_cast<double>(number);
    else
      y.ints[i++] = wrap(y.dtype, number);
  });
  return y;
}

Value evaluate(ir::BroadcastOp op, Operands operands) {
  const Value &x = *operands[0];
  Shape shape = resultShape(op);
  int newAxes = shape.rank() - x.shape.rank();
  return gather(x, shape, [&](Index index) {
    llvm::SmallVector<int64_t, 8> from;
    for (int dim = 0; dim < x.shape.rank(); ++dim)
      from.push_back(x.shape[dim] == 1 ? 0 : index[dim + newAxes]);
    return positionOf(x.shape, from);
  });
}

Value evaluate(ir::ReshapeOp op, Operands operands) {
  Value y = *operands[0];
  y.shape = resultShape(op);
  return y;
}

Value evaluate(ir::TransposeOp op, Operands operands) {
  const Value &x = *operands[0];
  return gather(x, resultShape(op), [&](Index index) {
    llvm::SmallVector<int64_t, 8> from(index.size());
    for (auto [i, axis] : llvm::enumerate(op.getPermutation()))
      from[axis] = index[i];
    return positionOf(x.shape, from);
  });
}

Value evaluate(ir::SliceOp op, Operands operands) {
  const Value &x = *operands[0];
  return gather(x, resultShape(op), [&](Index index) {
    llvm::SmallVector<int64_t, 8> from;
    for (auto [i, start, step] :
         llvm::zip(index, op.getStarts(), op.getSteps()))
      from.push_back(start + i * step);
    return positionOf(x.shape, from);
  });
}

Value evaluate(ir::ResampleOp op, Operands operands) {
  const Value &x = *operands[0];
  return gather(x, resultShape(op), [&](Index index) {
    llvm::SmallVector<int64_t, 8> from;
    for (auto [d, i] : llvm::enumerate(index)) {
      int64_t position = op.getStarts()[d] + i * op.getSteps()[d];
      int64_t nearest = std::max<int64_t>(position, 0) / op.getDivisors()[d];
      from.push_back(std::min(nearest, x.shape[static_cast<int>(d)] - 1));
    }
    return positionOf(x.shape, from);
  });
}

Value evaluate(ir::ConcatenateOp op, Operands operands) {
  Value y = zeros(operands[0]->dtype, resultShape(op));
  int64_t axis = static_cast<int64_t>(op.getAxis()), begin = 0;
  for (const Value *x : operands) {
    int64_t i = 0;
    forEachIndex(x->shape, [&](Index index) {
      llvm::SmallVector<int64_t, 8> to(index);
      to[axis] += begin;
      int64_t position = positionOf(y.shape, to);
      if (y.isReal())
        y.reals[position] = x->reals[i++];
      else
        y.ints[position] = x->ints[i++];
    });
    begin += x->shape[static_cast<int>(axis)];
  }
  return y;
}

Value evaluate(ir::AsStridedOp op, Operands operands) {
  return gather(*operands[0], resultShape(op), [&](Index index) {
    auto position = static_cast<int64_t>(op.getOffset());
    for (auto [i, stride] : llvm::zip(index, op.getStrides()))
      position += i * stride;
    return position;
  });
}

} // namespace weft::reference
