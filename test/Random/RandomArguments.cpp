// SPDX-License-Identifier: Apache-2.0
// Values for the arguments of random graphs.
#include "RandomGraph.h"

#include <limits>

namespace weft::random {

/// Numbers small enough that chains of ops keep some accuracy.
static double ordinary(Draw &draw) {
  // A third lie on a grid, so that equal elements and exact results occur.
  return draw.chance(0.3) ? static_cast<double>(draw.integer(-4, 4)) * 0.5
                          : draw.real(-2, 2);
}

static double special(Draw &draw) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  return draw.pick({std::numeric_limits<double>::quiet_NaN(), kInf, -kInf, -0.0,
                    0.0, 1e-42, -6e-8, 1e30, -65504.0});
}

static int64_t extreme(DType dtype, Draw &draw) {
  if (dtype == boolean)
    return draw.integer(0, 1);
  if (dtype == uint8)
    return draw.pick<int64_t>({0, 255, 128});
  const auto bits = dtype == int64   ? 64
                    : dtype == int32 ? 32
                    : dtype == int8  ? 8
                                     : 4;
  auto low = static_cast<int64_t>(~uint64_t{0} << (bits - 1));
  return draw.pick({low, ~low, int64_t{-1}, low + 1});
}

static reference::Value someValue(DType dtype, const Shape &shape, Draw &draw,
                                  bool withSpecials) {
  reference::Value value = reference::zeros(dtype, shape);
  for (double &x : value.reals)
    x = reference::roundTo(dtype, withSpecials && draw.chance(0.1)
                                      ? special(draw)
                                      : ordinary(draw));
  for (int64_t &x : value.ints)
    x = withSpecials && draw.chance(0.1)
            ? extreme(dtype, draw)
            : reference::wrap(dtype, dtype == boolean ? draw.integer(0, 1)
                                     : dtype == uint8 ? draw.integer(0, 9)
                                                      : draw.integer(-7, 7));
  return value;
}

reference::Arguments randomArguments(mlir::ModuleOp module, uint64_t seed) {
  // Another stream of numbers than the graph's.
  Draw draw(~seed);
  const bool withSpecials = draw.chance(0.125);
  reference::Arguments arguments;
  auto main = module.lookupSymbol<mlir::func::FuncOp>(ir::kMainName);
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    mlir::Type type = main.getArgument(i).getType();
    bool isTensor = mlir::isa<mlir::RankedTensorType>(type);
    reference::Value value =
        someValue(ir::toDType(mlir::getElementTypeOrSelf(type)),
                  isTensor ? ir::toShape(type) : Shape(), draw, withSpecials);
    if (main.getArgAttr(i, ir::kParameterAttr))
      arguments
          .parameters[main.getArgAttrOfType<mlir::StringAttr>(i, ir::kNameAttr)
                          .str()] = std::move(value);
    else
      arguments.inputs.push_back(std::move(value));
  }
  return arguments;
}

} // namespace weft::random
