// SPDX-License-Identifier: Apache-2.0
#include "KernelPrinter.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

// ---- types and numbers ------------------------------------------------------

std::string storageType(Type type) {
  switch (ir::toDType(type)) {
  case DType::float64:
    return "double";
  case DType::float32:
    return "float";
  case DType::float16:
    return "weft::half";
  case DType::bfloat16:
    return "weft::bfloat16";
  case DType::float8:
    return "weft::float8";
  case DType::int64:
    return "long long";
  case DType::int32:
    return "int";
  case DType::int8:
    return "signed char";
  case DType::int4:
    return "weft::int4";
  case DType::uint8:
    return "unsigned char";
  case DType::boolean:
    return "bool";
  }
  llvm_unreachable("every DType is listed");
}

std::string computeType(Type type) {
  return ir::isNarrowFloat(type) ? "float" : storageType(type);
}

int64_t storageBytes(Type type) {
  return std::max<int64_t>(type.getIntOrFloatBitWidth() / 8, 1);
}

static std::string realLiteral(bool isDouble, double value) {
  if (std::isnan(value))
    return isDouble ? "double(weft::nan())" : "weft::nan()";
  if (std::isinf(value))
    return std::string(isDouble ? "double(" : "") + (value < 0 ? "-" : "") +
           "weft::infinity()" + (isDouble ? ")" : "");
  // The shortest text that reads back as the same number.
  char text[40];
  for (int digits = 1; digits <= 17; ++digits) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    double back = std::strtod(text, nullptr);
    if (isDouble ? back == value
                 : static_cast<float>(back) == static_cast<float>(value))
      break;
  }
  std::string result = text;
  if (result.find_first_of(".e") == std::string::npos)
    result += ".0";
  return isDouble ? result : result + "f";
}

std::string literal(Type type, double value) {
  if (isa<FloatType>(type))
    return realLiteral(type.isF64(), value);
  return literal(type, static_cast<int64_t>(value));
}

std::string literal(Type type, int64_t value) {
  if (isa<FloatType>(type))
    return literal(type, static_cast<double>(value));
  switch (ir::toDType(type)) {
  case DType::boolean:
    return value ? "true" : "false";
  case DType::int32:
    return value == INT32_MIN ? "(-2147483647 - 1)" : std::to_string(value);
  case DType::int64:
    return value == INT64_MIN ? "(-9223372036854775807ll - 1)"
                              : std::to_string(value) + "ll";
  case DType::int4:
    return "weft::int4(" + std::to_string(value) + ")";
  default:
    return "static_cast<" + storageType(type) + ">(" + std::to_string(value) +
           ")";
  }
}

static std::string literal(Type type, Attribute value) {
  if (auto real = dyn_cast<FloatAttr>(value))
    return literal(type, real.getValueAsDouble());
  APInt bits = cast<IntegerAttr>(value).getValue();
  bool isUnsigned = type.isUnsignedInteger() || type.isInteger(1);
  return literal(type, isUnsigned ? static_cast<int64_t>(bits.getZExtValue())
                                  : bits.getSExtValue());
}

// ---- text -------------------------------------------------------------------

KernelPrinter::KernelPrinter(ir::GroupOp group, const LoopNest &nest)
    : group_(group), nest_(&nest), names_(nameGroup(group)) {
  for (auto &names : {names_.inputs, names_.outputs})
    for (const std::string &name : names)
      taken_.insert(name);
  // Words that the schedules use for indices, and those that mean something.
  for (const char *word :
       {"i", "j", "k", "u", "int", "float", "double", "bool", "half", "weft"})
    taken_.insert(word);
  enter(nest);
}

void KernelPrinter::enter(const LoopNest &nest) {
  nest_ = &nest;
  for (auto *texts : {&values_, &ahead_, &elements_, &divisors_})
    texts->assign(nest.stmts.size(), "");
  wide_ |= needsWideIndices();
  findFinalCasts();
  nameDims();
}

void KernelPrinter::nameDims() {
  dims.clear();
  for (unsigned i = 0; i < nest_->sizes.size(); ++i) {
    bool inner = i >= nest_->numParallel;
    unsigned count =
        inner ? nest_->sizes.size() - nest_->numParallel : nest_->numParallel;
    std::string name = inner ? "j" : "i";
    if (count > 1)
      name += std::to_string(inner ? i - nest_->numParallel : i);
    taken_.insert(name);
    dims.push_back(name);
  }
}

void KernelPrinter::line(const Twine &text) {
  std::string string = text.str();
  if (string[0] != '#')
    text_.append(2 * indent_, ' ');
  text_ += string + "\n";
}

void KernelPrinter::open(const Twine &head) {
  line(head.isTriviallyEmpty() ? Twine("{") : head + " {");
  ++indent_;
}

void KernelPrinter::close(StringRef behind) {
  --indent_;
  line("}" + behind);
}

void KernelPrinter::openLoop(StringRef name, int64_t count, bool unrolled) {
  if (unrolled)
    line("#pragma unroll");
  open("for (" + indexType() + " " + name + " = 0; " + name + " < " +
       Twine(count) + "; ++" + name + ")");
}

std::string KernelPrinter::fresh(StringRef base) {
  std::string name = base.str();
  for (int i = 2; !taken_.insert(name).second; ++i)
    name = (base + Twine(i)).str();
  return name;
}

Type KernelPrinter::inputType(unsigned i) const {
  return getElementTypeOrSelf(group_.getInputs()[i].getType());
}

Type KernelPrinter::outputType(unsigned i) const {
  return getElementTypeOrSelf(group_.getResultTypes()[i]);
}

// ---- indices ----------------------------------------------------------------

/// Where 32 bits end, with room for a block that reaches beyond the end.
static constexpr int64_t kIntLimit = (int64_t{1} << 31) - (1 << 20);

bool KernelPrinter::fitsInt(AffineExpr expr) const {
  auto [low, high] = rangeOf(expr, nest_->sizes);
  if (low <= -kIntLimit || high >= kIntLimit)
    return false;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  return !binary || (fitsInt(binary.getLHS()) && fitsInt(binary.getRHS()));
}

bool KernelPrinter::needsWideIndices() const {
  // Positions count the points of the parallel dims, or of the inner ones.
  for (ArrayRef<int64_t> sizes :
       {nest_->parallelSizes(), nest_->innerSizes()}) {
    int64_t points = 1;
    for (int64_t size : sizes)
      if (llvm::MulOverflow(points, std::max<int64_t>(size, 1), points))
        return true;
    if (points >= kIntLimit)
      return true;
  }
  auto fits = [&](AffineExpr expr) { return !expr || fitsInt(expr); };
  for (const Stmt &stmt : nest_->stmts) {
    if (!fits(stmt.expr))
      return true;
    for (const Guard &guard : stmt.guards)
      if (!fits(guard.expr))
        return true;
  }
  for (const Stage &stage : nest_->stages)
    for (const Store &store : stage.stores)
      if (!fits(store.offset))
        return true;
  return false;
}

std::string KernelPrinter::index(AffineExpr expr) const {
  return index(expr, /*asFactor=*/false);
}

std::string KernelPrinter::index(AffineExpr expr, bool asFactor) const {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return std::to_string(constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  AffineExpr lhs = binary.getLHS(), rhs = binary.getRHS();
  std::string text;
  switch (binary.getKind()) {
  case AffineExprKind::Add: {
    text = index(lhs);
    std::string right = index(rhs);
    text += right[0] == '-' ? " - " + right.substr(1) : " + " + right;
    break;
  }
  case AffineExprKind::Mul: {
    auto factor = dyn_cast<AffineConstantExpr>(rhs);
    if (factor && factor.getValue() == -1)
      text = "-" + index(lhs, true);
    else
      text = index(rhs, true) + " * " + index(lhs, true);
    return text;
  }
  case AffineExprKind::FloorDiv:
  case AffineExprKind::Mod: {
    bool isMod = binary.getKind() == AffineExprKind::Mod;
    auto [low, high] = rangeOf(lhs, nest_->sizes);
    int64_t divisor = cast<AffineConstantExpr>(rhs).getValue();
    if (!isMod && low >= 0 && high < 2 * divisor) { // 0 or 1
      text = "(" + index(lhs) + " >= " + index(rhs) + ")";
      // Sums and products of truth values are those of an int.
      return wide_ ? "static_cast<" + indexType().str() + ">" + text : text;
    }
    if (low < 0)
      return (isMod ? "weft::mod_index<" : "weft::floor_div_index<") +
             indexType().str() + ">(" + index(lhs) + ", " + index(rhs) + ")";
    text = index(lhs, true) + (isMod ? " % " : " / ") + index(rhs, true);
    break;
  }
  default:
    llvm_unreachable("loop nests hold no other expression");
  }
  return asFactor ? "(" + text + ")" : text;
}

std::string KernelPrinter::condition(ArrayRef<Guard> guards) const {
  std::string text;
  auto add = [&](const Twine &part) {
    text += (text.empty() ? "" : " && ") + part.str();
  };
  for (const Guard &guard : guards) {
    auto [low, high] = rangeOf(guard.expr, nest_->sizes);
    std::string expr = index(guard.expr);
    if (low < guard.low)
      add(expr + " >= " + Twine(guard.low));
    if (high >= guard.high)
      add(expr + " < " + Twine(guard.high));
  }
  return text.empty() ? "true" : text;
}

llvm::SmallBitVector
KernelPrinter::usedDims(llvm::function_ref<bool(AffineExpr)> skip) const {
  llvm::SmallBitVector used(nest_->sizes.size());
  auto visit = [&](AffineExpr expr, bool isAddress = false) {
    if (!expr || (isAddress && skip && skip(expr)))
      return;
    for (unsigned i = 0; i < nest_->sizes.size(); ++i)
      if (expr.isFunctionOfDim(i))
        used.set(i);
  };
  for (const Stmt &stmt : nest_->stmts) {
    visit(stmt.expr, stmt.kind == Stmt::Kind::load);
    for (const Guard &guard : stmt.guards)
      visit(guard.expr);
  }
  for (const Stage &stage : nest_->stages) {
    for (const Store &store : stage.stores)
      visit(store.offset, true);
    for (const Accumulator &accumulator : stage.accumulators)
      visit(accumulator.index);
  }
  return used;
}

void KernelPrinter::splitPosition(StringRef position, unsigned first,
                                  ArrayRef<int64_t> sizes,
                                  const llvm::SmallBitVector &used,
                                  int64_t step) {
  SmallVector<unsigned> which;
  for (unsigned i = 0; i < sizes.size(); ++i)
    which.push_back(first + i);
  splitDims(position, which, used, step);
}

void KernelPrinter::splitDims(StringRef position, ArrayRef<unsigned> which,
                              const llvm::SmallBitVector &used, int64_t step) {
  int64_t inner = 1;
  for (unsigned i = which.size(); i-- > 0;) {
    bool last = i + 1 == which.size();
    int64_t size = nest_->sizes[which[i]] / (last ? step : 1);
    std::string text = position.str();
    if (inner > 1)
      text += " / " + std::to_string(inner);
    if (i > 0)
      text += " % " + std::to_string(size);
    if (last && step > 1)
      text += " * " + std::to_string(step);
    if (size == 1)
      text = "0";
    if (used.test(which[i]))
      line("const " + indexType() + " " + dims[which[i]] + " = " + text + ";");
    inner *= size;
  }
}

std::string KernelPrinter::globalThread(int64_t perBlock) const {
  std::string count = std::to_string(perBlock);
  if (wide_)
    return "blockIdx.x * " + count + "ll + threadIdx.x";
  return "static_cast<int>(blockIdx.x * " + count + " + threadIdx.x)";
}

// ---- statements -------------------------------------------------------------

std::string KernelPrinter::widened(Type type, StringRef element) {
  return ir::isNarrowFloat(type) ? ("weft::widen(" + element + ")").str()
                                 : element.str();
}

/// Whether rounding before the op or behind it gives the same, once the result
/// is rounded: it takes one of its operands, and rounding keeps their order.
/// Not where numbers beyond the largest become NaN, which wins over both.
static bool commutesWithRounding(const Stmt &stmt) {
  return stmt.kind == Stmt::Kind::row && !stmt.type.isFloat8E4M3FN() &&
         (stmt.op == OpKind::relu || stmt.op == OpKind::maximum ||
          stmt.op == OpKind::minimum);
}

/// A cast is the rounding of a store where all that becomes of its result is
/// stored, in its type.
void KernelPrinter::findFinalCasts() {
  // By statement: nothing but stores, and what commutes with rounding in front
  // of them, has its value.
  llvm::SmallBitVector isFinal(nest_->stmts.size(), true), used(isFinal.size());
  for (const Stage &stage : nest_->stages) {
    for (const Accumulator &accumulator : stage.accumulators)
      isFinal.reset(accumulator.value);
    for (const Store &store : stage.stores) {
      used.set(store.value);
      if (nest_->stmts[store.value].type != outputType(store.output))
        isFinal.reset(store.value);
    }
  }
  for (size_t id = nest_->stmts.size(); id-- > 0;) { // users before operands
    const Stmt &stmt = nest_->stmts[id];
    isFinal[id] = isFinal[id] && used[id];
    for (int operand : stmt.operands) {
      used.set(operand);
      if (!isFinal[id] || !commutesWithRounding(stmt) ||
          nest_->stmts[operand].type != stmt.type)
        isFinal.reset(operand);
    }
  }
  finalCasts_.resize(nest_->stmts.size());
  for (auto [id, stmt] : llvm::enumerate(nest_->stmts)) {
    bool rounds =
        stmt.kind == Stmt::Kind::cast || stmt.kind == Stmt::Kind::round;
    finalCasts_[id] =
        isFinal[id] && rounds && ir::isNarrowFloat(stmt.type) &&
        computeType(nest_->stmts[stmt.operands[0]].type) == "float";
  }
}

void KernelPrinter::defineAs(int id, const std::string &element) {
  Type type = nest_->stmts[id].type;
  elements_[id] = element;
  values_[id] = nameOf(id);
  line("const " + computeType(type) + " " + values_[id] + " = " +
       widened(type, element) + ";");
}

void KernelPrinter::narrow(const Store &store, StringRef element) {
  Type type = outputType(store.output);
  const std::string &moved = elements_[store.value];
  if (!moved.empty() && nest_->stmts[store.value].type == type)
    line(element + " = " + moved + ";");
  else if (ir::isNarrowFloat(type))
    line("weft::narrow(" + value(store.value) + ", " + element + ");");
  else
    line(element + " = " + value(store.value) + ";");
}

std::string KernelPrinter::loaded(int id) const {
  const Stmt &stmt = nest_->stmts[id];
  if (!ahead_[id].empty())
    return widened(stmt.type, ahead_[id]);
  return widened(stmt.type, input(stmt.input) + "[" + index(stmt.expr) + "]");
}

std::string KernelPrinter::loadedVector(int id, int64_t lanes) const {
  if (!ahead_[id].empty())
    return ahead_[id];
  const Stmt &stmt = nest_->stmts[id];
  std::string count = std::to_string(lanes);
  std::string from = address(input(stmt.input), stmt.expr);
  if (stmt.guards.empty())
    return "weft::load_vector<" + count + ">(" + from + ")";
  return "weft::load_vector_if<" + count + ">(" + condition(stmt.guards) +
         ", " + from + ")";
}

void KernelPrinter::printTurns(int64_t count, ArrayRef<int> loads,
                               int64_t lanes, llvm::function_ref<int()> open,
                               llvm::function_ref<void()> print) {
  std::vector<int> ahead;
  for (int id : loads)
    if (count > 1 && isInPlace(nest_->stmts[id].input, /*isInput=*/true))
      ahead.push_back(id);
  auto printEach = [&](llvm::function_ref<void()> body) {
    openLoop("u", count, /*unrolled=*/true);
    int scopes = open();
    body();
    for (int i = 0; i <= scopes; ++i)
      close();
  };
  std::vector<std::string> names;
  for (int id : ahead) {
    const Stmt &stmt = nest_->stmts[id];
    std::string type = storageType(stmt.type);
    if (lanes > 0)
      type = "weft::Vector<" + type + ", " + std::to_string(lanes) + ">";
    names.push_back(fresh(input(stmt.input) + "_ahead"));
    line(type + " " + names.back() + "[" + Twine(count) + "];");
  }
  if (!ahead.empty())
    printEach([&] {
      for (auto [id, name] : llvm::zip(ahead, names)) {
        const Stmt &stmt = nest_->stmts[id];
        line(name + "[u] = " +
             (lanes > 0 ? loadedVector(id, lanes)
                        : input(stmt.input) + "[" + index(stmt.expr) + "]") +
             ";");
      }
    });
  for (auto [id, name] : llvm::zip(ahead, names))
    ahead_[id] = name + "[u]";
  printEach(print);
  for (int id : ahead)
    ahead_[id].clear();
}

std::string KernelPrinter::address(StringRef buffer, AffineExpr offset) const {
  std::string text = index(offset);
  return text == "0" ? buffer.str() : (buffer + " + " + text).str();
}

void KernelPrinter::store(const Store &store) {
  narrow(store, output(store.output) + "[" + index(store.offset) + "]");
}

std::string KernelPrinter::nameOf(int id) {
  const Stmt &stmt = nest_->stmts[id];
  switch (stmt.kind) {
  case Stmt::Kind::load:
    return fresh(input(stmt.input) + "_i");
  case Stmt::Kind::index:
    return fresh("position");
  case Stmt::Kind::select:
    return fresh("chosen");
  case Stmt::Kind::round:
    return fresh("rounded");
  case Stmt::Kind::cast:
    return fresh("cast");
  default:
    return fresh(StringRef(name(stmt.op).data(), name(stmt.op).size()));
  }
}

/// Whether a cast changes nothing of a value in registers: f16 to f32.
static bool isFreeCast(Type from, Type to) {
  return from == to ||
         (computeType(from) == computeType(to) && !ir::isNarrowFloat(to));
}

/// Outside, element 0 is loaded and not used: loads under branches would wait
/// for each other.
void KernelPrinter::defineGuardedLoad(int id) {
  const Stmt &stmt = nest_->stmts[id];
  auto tensor =
      cast<RankedTensorType>(group_.getInputs()[stmt.input].getType());
  std::string zero = literal(stmt.type, int64_t{0});
  if (tensor.getNumElements() == 0) {
    values_[id] = zero;
    return;
  }
  std::string inside = fresh("is_inside");
  line("const bool " + inside + " = " + condition(stmt.guards) + ";");
  // A statement of its own: under the `?` it would be computed in a branch.
  std::string offset = fresh("offset");
  line("const " + indexType() + " " + offset + " = " + index(stmt.expr) + ";");
  std::string element = fresh(input(stmt.input) + "_any");
  line("const " + computeType(stmt.type) + " " + element + " = " +
       widened(stmt.type,
               input(stmt.input) + "[" + inside + " ? " + offset + " : 0]") +
       ";");
  values_[id] = nameOf(id);
  line("const " + computeType(stmt.type) + " " + values_[id] + " = " + inside +
       " ? " + element + " : " + zero + ";");
}

void KernelPrinter::declareDivisor(int id) {
  bool isName = llvm::all_of(
      values_[id], [](char c) { return llvm::isAlnum(c) || c == '_'; });
  divisors_[id] = fresh(isName ? "by_" + values_[id] : "by_number");
  line("const weft::Divisor " + divisors_[id] + "(" + values_[id] + ");");
}

/// What Prelude.cuh computes a row with.
static std::string functionOf(const Stmt &stmt) {
  if (stmt.op == OpKind::where)
    return "select";
  std::string function(name(stmt.op));
  if (stmt.op == OpKind::gelu && stmt.type.isF16())
    return function + "_half";
  if (stmt.op == OpKind::gelu && stmt.type.isBF16())
    return function + "_bfloat16";
  return function;
}

void KernelPrinter::define(int id) {
  const Stmt &stmt = nest_->stmts[id];
  std::string text;
  switch (stmt.kind) {
  case Stmt::Kind::constant:
    values_[id] = literal(stmt.type, stmt.value);
    return;
  case Stmt::Kind::argument:
    values_[id] = widened(stmt.type, input(stmt.input));
    return;
  case Stmt::Kind::reduced:
    return; // its stage said
  case Stmt::Kind::index:
    text = "weft::cast<" + storageType(stmt.type) +
           ">(static_cast<long long>(" + index(stmt.expr) + "))";
    break;
  case Stmt::Kind::load:
    text = loaded(id);
    if (stmt.guards.empty())
      break;
    if (loadsOutside) {
      defineGuardedLoad(id);
      return;
    }
    text = condition(stmt.guards) + " ? " + text + " : " +
           literal(stmt.type, int64_t{0});
    break;
  case Stmt::Kind::row:
    if (stmt.op == OpKind::div && !divisors_[stmt.operands[1]].empty()) {
      text = divisors_[stmt.operands[1]] + ".divide(" +
             values_[stmt.operands[0]] + ")";
      break;
    }
    text = "weft::" + functionOf(stmt) + "(" +
           llvm::join(llvm::map_range(stmt.operands,
                                      [&](int o) { return values_[o]; }),
                      ", ") +
           ")";
    break;
  case Stmt::Kind::cast:
    if (finalCasts_.test(id) ||
        isFreeCast(nest_->stmts[stmt.operands[0]].type, stmt.type)) {
      values_[id] = values_[stmt.operands[0]];
      return;
    }
    text = "weft::cast<" + storageType(stmt.type) + ">(" +
           values_[stmt.operands[0]] + ")";
    break;
  case Stmt::Kind::round:
    if (finalCasts_.test(id)) {
      values_[id] = values_[stmt.operands[0]];
      return;
    }
    text = (stmt.type.isF32() ? "weft::nearest_tf32"
                              : "weft::cast<" + storageType(stmt.type) + ">") +
           "(" + values_[stmt.operands[0]] + ")";
    break;
  case Stmt::Kind::select:
    text = condition(stmt.guards) + " ? " + values_[stmt.operands[0]] + " : " +
           values_[stmt.operands[1]];
    break;
  }
  values_[id] = nameOf(id);
  line("const " + computeType(stmt.type) + " " + values_[id] + " = " + text +
       ";");
}

// ---- accumulators -----------------------------------------------------------

static bool isArg(OpKind op) {
  return op == OpKind::argmax || op == OpKind::argmin;
}

std::string
KernelPrinter::accumulatorType(const Accumulator &accumulator) const {
  std::string type = computeType(accumulated(accumulator));
  return isArg(accumulator.op) ? "weft::Best<" + type + ">" : type;
}

std::string KernelPrinter::identity(const Accumulator &accumulator) const {
  Type type = accumulated(accumulator);
  int64_t bits = type.getIntOrFloatBitWidth();
  bool isUnsigned = type.isUnsignedInteger();
  switch (accumulator.op) {
  case OpKind::sum:
    return literal(type, int64_t{0});
  case OpKind::prod:
    return literal(type, int64_t{1});
  case OpKind::max:
    if (isa<FloatType>(type))
      return literal(type, -HUGE_VAL);
    return literal(type, isUnsigned ? int64_t{0} : llvm::minIntN(bits));
  case OpKind::min:
    if (isa<FloatType>(type))
      return literal(type, HUGE_VAL);
    return literal(type, isUnsigned ? static_cast<int64_t>(llvm::maxUIntN(bits))
                                    : llvm::maxIntN(bits));
  case OpKind::all:
    return "true";
  case OpKind::any:
    return "false";
  default: // argmax, argmin: nothing seen yet
    return "{" + literal(type, int64_t{0}) + ", -1}";
  }
}

StringRef KernelPrinter::functor(OpKind op) {
  switch (op) {
  case OpKind::sum:
    return "weft::Sum()";
  case OpKind::prod:
    return "weft::Product()";
  case OpKind::max:
    return "weft::Maximum()";
  case OpKind::min:
    return "weft::Minimum()";
  case OpKind::all:
    return "weft::All()";
  case OpKind::any:
    return "weft::Any()";
  case OpKind::argmax:
    return "weft::Argmax()";
  default:
    return "weft::Argmin()";
  }
}

static StringRef combiner(OpKind op) {
  switch (op) {
  case OpKind::sum:
    return "weft::add";
  case OpKind::prod:
    return "weft::mul";
  case OpKind::max:
    return "weft::maximum";
  case OpKind::min:
    return "weft::minimum";
  case OpKind::all:
    return "weft::logical_and";
  default:
    return "weft::logical_or";
  }
}

void KernelPrinter::declare(const Accumulator &accumulator, StringRef name) {
  line(accumulatorType(accumulator) + " " + name + " = " +
       identity(accumulator) + ";");
}

void KernelPrinter::combine(const Accumulator &accumulator, StringRef name) {
  const std::string &next = value(accumulator.value);
  if (!isArg(accumulator.op)) {
    line(name + " = " + combiner(accumulator.op) + "(" + name + ", " + next +
         ");");
    return;
  }
  line(name + " = " + functor(accumulator.op) + "(" + name + ", " +
       accumulatorType(accumulator) + "{" + next + ", static_cast<int>(" +
       index(accumulator.index) + ")});");
}

void KernelPrinter::finish(const Accumulator &accumulator, StringRef name) {
  setValue(accumulator.result,
           isArg(accumulator.op) ? (name + ".position").str() : name.str());
}

// ---- the kernel -------------------------------------------------------------

bool KernelPrinter::isInPlace(unsigned number, bool isInput) const {
  auto operands = group_->getAttrOfType<DenseI64ArrayAttr>(ir::kInPlaceAttr);
  if (!operands)
    return false;
  return isInput ? llvm::is_contained(operands.asArrayRef(), number)
                 : operands[number] >= 0;
}

std::string KernelPrinter::addTensorMap(StringRef base, TensorMap map) {
  tensorMaps_.push_back(std::move(map));
  return mapNames_.emplace_back(fresh(base));
}

void KernelPrinter::fetchTensorMaps() {
  for (const std::string &name : mapNames_)
    line("weft::fetch_map(" + name + ");");
}

std::string KernelPrinter::parameters() const {
  std::vector<std::string> list;
  auto pointer = [&](Type type, unsigned number, bool isInput) {
    return storageType(getElementTypeOrSelf(type)) +
           (isInPlace(number, isInput) ? " *" : " *__restrict__ ");
  };
  for (auto [i, type] : llvm::enumerate(group_.getInputs().getTypes())) {
    if (isa<RankedTensorType>(type))
      list.push_back("const " + pointer(type, i, /*isInput=*/true) + input(i));
    else
      list.push_back("const " + storageType(type) + " " + input(i));
  }
  for (auto [i, type] : llvm::enumerate(group_.getResultTypes()))
    list.push_back(pointer(type, i, /*isInput=*/false) + output(i));
  for (const std::string &name : mapNames_)
    list.push_back("const WEFT_IN_PLACE weft::TensorMap " + name);
  return llvm::join(list, ",\n    ");
}

CudaKernel KernelPrinter::take(int64_t blocks, int64_t threads) {
  return take(ArrayRef<int64_t>{blocks}, threads);
}

CudaKernel KernelPrinter::take(ArrayRef<int64_t> grid, int64_t threads) {
  CudaKernel kernel;
  kernel.name = names_.kernel;
  // Some have work to do before they wait.
  bool followsItself = StringRef(text_).contains("weft::follow_previous();");
  std::string blocks;
  for (auto [i, size] : llvm::enumerate(grid)) {
    int64_t count = std::max<int64_t>(size, 1);
    int64_t most = i == 0 ? std::numeric_limits<int32_t>::max() : 65535;
    kernel.grid[i] = count <= most ? static_cast<uint32_t>(count) : 0;
    blocks += (i > 0 ? " x " : "") + std::to_string(count);
  }
  std::string text =
      "// " + names_.ops + "; blocks: " + blocks + "\nWEFT_GLOBAL(" +
      std::to_string(threads) + (avoidsSpills ? ", 1" : "") + ")" +
      (attributes.empty() ? "" : " " + attributes) + "\n" + names_.kernel +
      "(\n    " + parameters() + ") {\n" +
      (followsItself ? "" : "  weft::follow_previous();\n") + text_ + "}\n";
  kernel.text = cudaPrelude(text) + "\n" + text;
  kernel.block[0] = static_cast<uint32_t>(threads);
  kernel.tensorMaps = std::move(tensorMaps_);
  return kernel;
}

} // namespace weft::cuda
