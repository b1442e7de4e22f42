// SPDX-License-Identifier: Apache-2.0
#include "weft/Transforms/LibraryWork.h"

#include "weft/IR/Dialect.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace weft::ir;

namespace weft {

static constexpr int64_t kLeastWork = 8'000'000;
static constexpr int64_t kLeastRows = 16;

static bool isSingle(Operation *op) {
  return llvm::all_of(op->getOperandTypes(), [](Type type) {
    return getElementTypeOrSelf(type).isF32();
  });
}

static bool gains(int64_t weights, int64_t rows) {
  return rows >= kLeastRows && weights >= (kLeastWork + rows - 1) / rows;
}

bool gainsFromLibrary(Operation *op) {
  if (!isa<ConvOp, MatmulOp>(op) || !isSingle(op))
    return false;
  ArrayRef<int64_t> y = shapeOf(op->getResult(0)),
                    w = shapeOf(op->getOperand(1));
  if (isa<MatmulOp>(op))
    return gains(w.back() * w[w.size() - 2], y[y.size() - 2]);
  const int64_t images = y.front(), channels = w.front(),
                elements = ShapedType::getNumElements(y);
  return elements != 0 &&
         gains(ShapedType::getNumElements(w), elements / images / channels);
}

bool isLibraryWork(Operation *op) {
  if (auto conv = dyn_cast<ConvOp>(op))
    return conv.getChannelsLast() && isSingle(op);
  return gainsFromLibrary(op);
}

} // namespace weft
