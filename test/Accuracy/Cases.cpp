// SPDX-License-Identifier: Apache-2.0
// One graph of a single op for every row and type.
#include "Cases.h"

#include "test/BackEnds/Precision.h"
#include "test/Random/Draw.h"

#include "mlir/IR/Builders.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace weft::test {
namespace {

using random::Draw;

bool Floating(DType dtype) { return is_floating(dtype); }
bool Number(DType dtype) { return dtype != boolean; }
bool Bool(DType dtype) { return dtype == boolean; }
bool Any(DType) { return true; }

double largest(DType dtype) {
  switch (dtype) {
  case DType::float64:
    return std::numeric_limits<double>::max();
  case DType::float16:
    return 65504;
  case DType::bfloat16:
    return 0x1.fep127;
  case DType::float8:
    return 448;
  default:
    return std::numeric_limits<float>::max();
  }
}

std::vector<double> specialReals(DType dtype) {
  std::vector<double> numbers = {0,
                                 1,
                                 2.5,
                                 largest(dtype),
                                 unitInLastPlace(dtype, 0), // subnormal
                                 7 * unitInLastPlace(dtype, 0)};
  if (dtype != float8)
    numbers.push_back(std::numeric_limits<double>::infinity());
  for (size_t i = numbers.size(); i-- > 0;)
    numbers.push_back(-numbers[i]);
  numbers.push_back(std::nan(""));
  return numbers;
}

std::pair<int64_t, int64_t> range(DType dtype) {
  switch (dtype) {
  case DType::int64:
    return {INT64_MIN, INT64_MAX};
  case DType::int32:
    return {INT32_MIN, INT32_MAX};
  case DType::int8:
    return {INT8_MIN, INT8_MAX};
  case DType::int4:
    return {-8, 7};
  case DType::uint8:
    return {0, 255};
  default:
    return {0, 1};
  }
}

std::vector<int64_t> specialInts(DType dtype) {
  auto [low, high] = range(dtype);
  if (dtype == boolean)
    return {0, 1};
  std::vector<int64_t> numbers = {low, low + 1, high, high - 1, 0, 1, 2, 3, 5};
  if (low < 0)
    numbers.insert(numbers.end(), {-1, -2, -3, -5});
  return numbers;
}

/// Every number beside every other: x repeats each, y repeats all.
template <typename T>
std::pair<std::vector<T>, std::vector<T>> pairs(const std::vector<T> &all) {
  std::vector<T> x, y;
  for (T a : all)
    for (T b : all) {
      x.push_back(a);
      y.push_back(b);
    }
  return {x, y};
}

reference::Value realsOf(DType dtype, std::vector<double> elements) {
  Shape shape{static_cast<int64_t>(elements.size())};
  return {dtype, shape, std::move(elements), {}};
}
reference::Value intsOf(DType dtype, std::vector<int64_t> elements) {
  Shape shape{static_cast<int64_t>(elements.size())};
  return {dtype, shape, {}, std::move(elements)};
}

/// @main with `arity` tensors and the op that `make` builds from them.
template <typename Make>
OwningOpRef<ModuleOp> makeModule(MLIRContext *context, DType dtype,
                                 int64_t size, int arity, Make make) {
  context->loadDialect<ir::WeftDialect, func::FuncDialect>();
  OpBuilder builder(context);
  Location location = builder.getUnknownLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(location);
  builder.setInsertionPointToStart(module->getBody());
  Type type = ir::toTensorType(context, dtype, Shape{size});
  SmallVector<Type> inputs(static_cast<size_t>(arity), type);
  auto main = builder.create<func::FuncOp>(location, ir::kMainName,
                                           builder.getFunctionType(inputs, {}));
  builder.setInsertionPointToStart(main.addEntryBlock());
  mlir::Value result = make(builder, main.getArguments());
  builder.create<func::ReturnOp>(location, result);
  main.setType(builder.getFunctionType(inputs, result.getType()));
  return module;
}

int64_t someInteger(DType dtype, Draw &draw) {
  auto [low, high] = range(dtype);
  // Small ones as well: quotients and powers of large ones are mostly 0.
  return draw.chance(0.5)
             ? draw.integer(std::max<int64_t>(low, -9),
                            std::min<int64_t>(high, 9))
             : reference::wrap(dtype, static_cast<int64_t>(draw.bits()));
}

/// Quotients at an integer and a few units beside it, where the quotient
/// rounded is that integer.
void drawMultiples(const RowClaim &row, Draw &draw, reference::Value &x,
                   reference::Value &y) {
  const DType dtype = x.dtype;
  for (int64_t i = 0; i < kOnDomain / 2; ++i) {
    double divisor = reference::roundTo(
        dtype, std::ldexp(draw.real(row.low, row.high), -draw.integer(0, 20)));
    double multiple = reference::roundTo(
        dtype, divisor * draw.integer(0, int64_t{1} << draw.integer(0, 24)));
    multiple += draw.integer(-2, 2) * unitInLastPlace(dtype, multiple);
    if (divisor == 0 || multiple < row.low || multiple > row.high)
      continue;
    x.reals[i] = reference::roundTo(dtype, multiple);
    y.reals[i] = divisor;
  }
}

} // namespace

const std::vector<RowClaim> &rowClaims() {
  static const std::vector<RowClaim> rows = {
#define WEFT_ROW(mnemonic, opClass, arity, predicate, types, cpu, cuda,        \
                 percent, low, high)                                           \
  {OpKind::mnemonic, #mnemonic, arity, predicate, types, cpu, cuda,            \
   percent,          low,       high},
#include "weft/IR/Rows.inc"
#undef WEFT_ROW
  };
  return rows;
}

Case rowCase(MLIRContext *context, const RowClaim &row, DType dtype) {
  Draw draw(static_cast<uint64_t>(row.kind) * 16 +
            static_cast<uint64_t>(dtype));
  auto [realsX, realsY] = pairs(specialReals(dtype));
  auto [intsX, intsY] = pairs(specialInts(dtype));
  Case result;
  result.row = &row;
  result.dtype = dtype;
  result.name = row.name + " " + std::string(name(dtype));
  for (int i = 0; i < row.arity; ++i) {
    reference::Value x = reference::zeros(dtype, Shape{kOnDomain});
    for (double &element : x.reals)
      element = reference::roundTo(dtype, draw.real(row.low, row.high));
    for (int64_t &element : x.ints)
      element = someInteger(dtype, draw);
    const auto &reals = i == 0 ? realsX : realsY;
    const auto &ints = i == 0 ? intsX : intsY;
    if (x.isReal())
      x.reals.insert(x.reals.end(), reals.begin(), reals.end());
    else
      x.ints.insert(x.ints.end(), ints.begin(), ints.end());
    x.shape = Shape{
        static_cast<int64_t>(x.isReal() ? x.reals.size() : x.ints.size())};
    result.arguments.inputs.push_back(std::move(x));
  }
  if (row.kind == OpKind::floor_div || row.kind == OpKind::mod)
    if (auto &x = result.arguments.inputs; x[0].isReal())
      drawMultiples(row, draw, x[0], x[1]);
  result.module =
      makeModule(context, dtype, result.arguments.inputs[0].size(), row.arity,
                 [&](OpBuilder &builder, ValueRange inputs) {
                   return ir::createRow(builder, builder.getUnknownLoc(),
                                        row.kind, inputs);
                 });
  return result;
}

Case castCase(MLIRContext *context, DType from, DType to) {
  Draw draw(static_cast<uint64_t>(from) * 16 + static_cast<uint64_t>(to));
  Case result;
  result.dtype = from;
  result.name =
      "cast " + std::string(name(from)) + " to " + std::string(name(to));
  reference::Value x;
  if (is_floating(from)) {
    std::vector<double> numbers = specialReals(from);
    for (int i = 0; i < 1000; ++i) {
      numbers.push_back(draw.real(-300, 300));
      numbers.push_back(std::ldexp(draw.real(-1, 1), draw.integer(-30, 70)));
      // Half-way between numbers of fewer digits.
      numbers.push_back(static_cast<double>(draw.integer(-600, 600)) * 0.5);
      numbers.push_back(static_cast<double>(draw.integer(0, 1 << 13)) + 0.5);
    }
    for (double &number : numbers)
      number = reference::roundTo(from, number);
    x = realsOf(from, std::move(numbers));
  } else {
    std::vector<int64_t> numbers = specialInts(from);
    for (int i = 0; i < 1000; ++i)
      numbers.push_back(someInteger(from, draw));
    x = intsOf(from, std::move(numbers));
  }
  result.module = makeModule(
      context, from, x.size(), 1, [&](OpBuilder &builder, ValueRange inputs) {
        return builder.create<ir::CastOp>(
            builder.getUnknownLoc(), ir::toTensorType(context, to, x.shape),
            inputs[0]);
      });
  result.arguments.inputs.push_back(std::move(x));
  return result;
}

} // namespace weft::test
