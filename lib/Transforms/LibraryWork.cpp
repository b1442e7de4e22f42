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

llvm::cl::ValuesClass libraryNames() {
  return llvm::cl::values(
      clEnumValN(Library::none, "none", "nothing"),
      clEnumValN(Library::float32, "float32", "float32"),
      clEnumValN(Library::bfloat16, "bfloat16", "float32 and bfloat16"));
}

bool isMultipliedBy(Library library, Operation *op) {
  if (library == Library::none || !isa<ConvOp, MatmulOp>(op))
    return false;
  Type element = getElementTypeOrSelf(op->getOperand(0));
  if (!element.isF32() && !(element.isBF16() && library == Library::bfloat16))
    return false;
  return llvm::all_of(op->getOperandTypes(), [&](Type type) {
    return getElementTypeOrSelf(type) == element;
  });
}

static bool gains(int64_t weights, int64_t rows) {
  return rows >= kLeastRows && weights >= (kLeastWork + rows - 1) / rows;
}

bool gainsFromLibrary(Library library, Operation *op) {
  if (!isMultipliedBy(library, op))
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

bool isLibraryWork(Library library, Operation *op) {
  if (auto conv = dyn_cast<ConvOp>(op))
    return conv.getChannelsLast() && isMultipliedBy(library, op);
  return gainsFromLibrary(library, op);
}

/// Multiply-adds in the time that a core takes to fetch one more weight: 30 a
/// nanosecond, and 2.5 weights. All of that may be a tenth of the work.
static constexpr int64_t kWorkPerWeight = 300;
static constexpr int64_t kLeastRowsOfPart = 48;

/// What is done again may be a tenth of the work.
static constexpr double kWorkPerRepeated = 10;

/// Whether the library computes `op` on the rows of a part, too.
static bool isLibraryWorkOfPart(Library library, Operation *op, int64_t parts) {
  if (!isLibraryWork(library, op))
    return false;
  ArrayRef<int64_t> y = shapeOf(op->getResult(0)),
                    w = shapeOf(op->getOperand(1));
  return isa<ConvOp>(op) || y.size() > 2 || gains(w[0] * w[1], y[0] / parts);
}

bool gainsFromParts(Library library, ArrayRef<Operation *> split,
                    ArrayRef<Operation *> whole, int64_t parts) {
  bool isAsked = false;
  double work = 0, again = 0; // as much may be done again
  auto addWork = [&](Operation *op, bool isSplit) {
    auto conv = dyn_cast<ConvOp>(op);
    ArrayRef<int64_t> y = shapeOf(op->getResult(0)),
                      w = shapeOf(op->getOperand(1));
    if (ShapedType::getNumElements(y) == 0)
      return;
    const bool isShared = conv || y.size() == 2;
    const int64_t channels = conv ? w.front() : y.back(),
                  rows = ShapedType::getNumElements(y) / channels;
    const auto weights = static_cast<double>(
        ShapedType::getNumElements(isShared ? w : w.take_back(2)));
    const double own = weights * static_cast<double>(rows);
    work += own;
    if (!isSplit)
      again += kWorkPerRepeated * static_cast<double>(parts - 1) * own;
    else if (isShared && rows / parts < kLeastRowsOfPart)
      again += static_cast<double>(parts) * kWorkPerWeight * weights;
  };
  for (Operation *op : split) {
    if (!isa<ConvOp, MatmulOp>(op))
      continue;
    const bool isOfPart = isLibraryWorkOfPart(library, op, parts);
    if (isLibraryWork(library, op) && !isOfPart)
      return false;
    isAsked |= isOfPart;
    addWork(op, /*isSplit=*/true);
  }
  for (Operation *op : whole)
    if (isa<ConvOp, MatmulOp>(op))
      addWork(op, /*isSplit=*/false);
  return isAsked && again <= work;
}

} // namespace weft
