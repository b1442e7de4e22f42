// SPDX-License-Identifier: Apache-2.0
// The statements of a nest at one point (or one vector of points): values,
// loads and stores.
#include "Emitter.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace weft::cpu {

std::pair<int, Emitter::Point> Emitter::keyOf(int id,
                                              const Point &point) const {
  Point varying = point;
  for (auto [d, step] : llvm::enumerate(varying))
    if (!(s_.varies[id] >> d & 1))
      step = 0;
  return {id, varying};
}

Value Emitter::valueOf(int id, const Point &point, const Scope &scope) const {
  auto key = keyOf(id, point);
  for (const Scope *s = &scope; s; s = s->outer)
    if (auto found = s->values.find(key); found != s->values.end())
      return found->second;
  llvm_unreachable("statements are evaluated in order");
}

void Emitter::evaluate(int id, const Point &point, Scope &scope) {
  auto key = keyOf(id, point);
  for (const Scope *s = &scope; s; s = s->outer)
    if (s->values.count(key))
      return;
  scope.values[key] = compute(id, key.second, scope);
}

Value Emitter::constantOf(const Stmt &stmt) {
  ScalarBuilder s = ops(ir::toDType(stmt.type));
  Type type = computeType(b_.getContext(), ir::toDType(stmt.type));
  if (auto real = dyn_cast<FloatAttr>(stmt.value))
    return s.real(type, real.getValueAsDouble());
  APInt value = cast<IntegerAttr>(stmt.value).getValue();
  bool isUnsigned = stmt.type.isUnsignedInteger() || stmt.type.isInteger(1);
  return s.integer(type, isUnsigned ? static_cast<int64_t>(value.getZExtValue())
                                    : value.getSExtValue());
}

Value Emitter::compute(int id, const Point &point, const Scope &scope) {
  const Stmt &stmt = nest_.stmts[id];
  Values operands;
  for (int operand : stmt.operands)
    operands.push_back(valueOf(operand, point, scope));
  switch (stmt.kind) {
  case Stmt::Kind::constant:
    return constantOf(stmt);
  case Stmt::Kind::argument:
    return inputs_[stmt.input];
  case Stmt::Kind::index: {
    if (!variesWithLanes(id))
      return elements_.cast(scalarIndex(stmt.expr, point), DType::int64,
                            typeOf(id));
    Type type = laneIndexType(stmt.expr);
    return elements_.cast(laneIndex(stmt.expr, point, type),
                          type.isInteger(32) ? DType::int32 : DType::int64,
                          typeOf(id));
  }
  case Stmt::Kind::load:
    return load(stmt, point);
  case Stmt::Kind::row: {
    ScalarBuilder s = ops(typeOf(stmt.operands.back()));
    return buildRow(s, stmt.op, operands);
  }
  case Stmt::Kind::cast:
    return elements_.cast(operands[0], typeOf(stmt.operands[0]), typeOf(id));
  case Stmt::Kind::round: {
    DType dtype = typeOf(id);
    if (dtype == DType::float32)
      return elements_.nearestTf32(operands[0]);
    return elements_.fromMemory(elements_.toMemory(operands[0], dtype), dtype);
  }
  case Stmt::Kind::select: {
    Condition chosen = condition(stmt.guards, point);
    ScalarBuilder s = ops(typeOf(id));
    if (chosen.isNever)
      return operands[1];
    Value result = operands[0];
    if (chosen.lanes)
      result = s.select(chosen.lanes, result, operands[1]);
    return chosen.all ? s.select(chosen.all, result, operands[1]) : result;
  }
  case Stmt::Kind::reduced:
    break;
  }
  llvm_unreachable("results of accumulators are known when their loop ends");
}

// ---- memory -----------------------------------------------------------------

/// Where the element lies; the start of the buffer where `condition` is false.
Value Emitter::address(Value base, Type element, AffineExpr expr,
                       const Point &point, Value condition) {
  Type pointer = LLVM::LLVMPointerType::get(b_.getContext());
  int64_t constant = 0;
  Value index = scalarIndex(expr, point, constant);
  bool isFar = constant != static_cast<int32_t>(constant);
  if (constant && (condition || isFar || !index)) {
    Value offset = number(constant);
    index = index ? b_.create<arith::AddIOp>(loc_, index, offset) : offset;
    constant = 0;
  }
  if (condition && index)
    index = b_.create<arith::SelectOp>(loc_, condition, index, number(0));
  if (index)
    base = b_.create<LLVM::GEPOp>(loc_, pointer, element, base,
                                  ArrayRef<LLVM::GEPArg>{index});
  if (constant)
    base = b_.create<LLVM::GEPOp>(
        loc_, pointer, element, base,
        ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(constant)});
  return base;
}

Value Emitter::load(const Stmt &stmt, const Point &point) {
  if (isPaired() && lanes().stride(stmt.expr) == 1)
    return loadOfPair(stmt, point);
  DType dtype = ir::toDType(stmt.type);
  Type element = elements_.memoryType(dtype);
  return elements_.fromMemory(loadRaw(stmt, point, element), dtype);
}

/// Both points of a pair load the same words; one of the loads goes away.
Value Emitter::loadOfPair(const Stmt &stmt, const Point &point) {
  Point first = point;
  first[s_.lanes.dim] = 0;
  Value where =
      address(inputs_[stmt.input], b_.getI16Type(), stmt.expr, first, {});
  bool isSecond = point[s_.lanes.dim] != 0;
  if (!isSecond)
    prefetch(where, first, 4 * width_);
  auto words = VectorType::get({width_}, b_.getI32Type());
  return elements_.fromPairs(
      b_.create<LLVM::LoadOp>(loc_, words, where, /*alignment=*/2), isSecond);
}

/// Asks for what a later step of the loop will read at this point, once for
/// each line of memory: the more arithmetic there is, the less the processor
/// runs ahead by itself.
void Emitter::prefetch(Value address, const Point &point, int64_t bytes) {
  constexpr int64_t kLine = 64, kAhead = 2048;
  bool hasInner =
      llvm::any_of(nest_.stages, [](auto &stage) { return stage.inner; });
  int64_t offset = point[s_.lanes.dim] / width_ * bytes;
  if (hasInner || s_.turnedDim >= 0 || offset % kLine != 0)
    return;
  Value ahead = b_.create<LLVM::GEPOp>(
      loc_, address.getType(), b_.getI8Type(), address,
      ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(kAhead)});
  b_.create<LLVM::Prefetch>(loc_, ahead, /*rw=*/0, /*hint=*/3, /*cache=*/1);
}

Value Emitter::loadRaw(const Stmt &stmt, const Point &point, Type element) {
  Value base = inputs_[stmt.input];
  Condition valid = condition(stmt.guards, point);
  auto tensor = cast<RankedTensorType>(signature_.inputs[stmt.input]);
  Value zero = b_.create<arith::ConstantOp>(loc_, b_.getZeroAttr(element));
  if (valid.isNever || tensor.getNumElements() == 0)
    return zero;
  int64_t width = width_;
  bool uniform = lanes().stride(stmt.expr) == 0 && !valid.lanes;
  if (width == 1 || uniform) {
    Value where = address(base, element, stmt.expr, point, valid.all);
    Value value = b_.create<LLVM::LoadOp>(loc_, element, where);
    return valid.all ? b_.create<arith::SelectOp>(loc_, valid.all, value, zero)
                     : value;
  }
  unsigned bytes = element.getIntOrFloatBitWidth() / 8;
  bool isGuarded = valid.all || valid.lanes;
  bool canMask = s_.features.maskedMemory && bytes >= 4;
  if (lanes().stride(stmt.expr) == 1 && (!isGuarded || canMask)) {
    auto type = VectorType::get({width}, element);
    Value where = address(base, element, stmt.expr, point, {});
    if (!isGuarded)
      prefetch(where, point, width * bytes);
    if (!isGuarded)
      return b_.create<LLVM::LoadOp>(loc_, type, where, bytes);
    Value zeros = ops(DType::boolean).broadcast(zero, width);
    return b_.create<LLVM::MaskedLoadOp>(loc_, type, where,
                                         laneMask(valid, bytes), zeros, bytes);
  }
  bool isLinear = lanes().stride(stmt.expr).has_value() && !isGuarded;
  if (!isLinear)
    if (Value gathered = gather(stmt, point, element, valid))
      return gathered;
  // One element after the other, each with its own guards.
  Value result = b_.create<arith::ConstantOp>(
      loc_, b_.getZeroAttr(VectorType::get({width}, element)));
  for (int64_t lane = 0; lane < width; ++lane) {
    width_ = 1;
    Value value = loadRaw(stmt, lanePoint(point, lane), element);
    width_ = width;
    result = b_.create<vector::InsertOp>(loc_, value, result, lane);
  }
  return result;
}

/// The condition for every lane. As a vector of whole elements it may live
/// across loops; bits would be packed and unpacked.
Value Emitter::laneMask(const Condition &valid, unsigned bytes) {
  ScalarBuilder s = ops(DType::boolean);
  Value mask = s.broadcast(both(valid.all, valid.lanes), width_);
  if (bytes < 4)
    return mask;
  auto wide = VectorType::get({width_}, b_.getIntegerType(bytes * 8));
  mask = b_.create<arith::ExtSIOp>(loc_, wide, mask);
  return b_.create<arith::CmpIOp>(loc_, arith::CmpIPredicate::slt, mask,
                                  s.integer(wide, 0));
}

/// Lanes that lie apart: what varies with lanes or guards becomes a vector of
/// offsets, which inner loops need not compute again, and the rest moves the
/// base. Null where the rest alone may lie outside of the buffer.
Value Emitter::gather(const Stmt &stmt, const Point &point, Type element,
                      const Condition &valid) {
  MLIRContext *context = stmt.expr.getContext();
  AffineExpr moving = getAffineConstantExpr(0, context), fixed = moving;
  auto moves = [&](AffineExpr part) {
    for (unsigned d = 0; d < nest_.sizes.size(); ++d) {
      bool decides = d == s_.lanes.dim;
      for (const Guard &guard : stmt.guards)
        decides |= guard.expr.isFunctionOfDim(d);
      if (decides && part.isFunctionOfDim(d))
        return true;
    }
    return isa<AffineConstantExpr>(part);
  };
  auto split = [&](auto &&self, AffineExpr part) -> void {
    auto binary = dyn_cast<AffineBinaryOpExpr>(part);
    if (binary && binary.getKind() == AffineExprKind::Add) {
      self(self, binary.getLHS());
      self(self, binary.getRHS());
      return;
    }
    (moves(part) ? moving : fixed) = (moves(part) ? moving : fixed) + part;
  };
  split(split, stmt.expr);
  bool isGuarded = valid.all || valid.lanes;
  auto tensor = cast<RankedTensorType>(signature_.inputs[stmt.input]);
  auto [least, most] = rangeOf(fixed, nest_.sizes);
  if (isGuarded && (least < 0 || most >= tensor.getNumElements()))
    return {};
  Type index = laneIndexType(moving);
  ScalarBuilder s = ops(DType::int64);
  Value offsets = laneIndex(moving, point, index);
  Value mask;
  if (isGuarded) {
    mask = laneMask(valid, element.getIntOrFloatBitWidth() / 8);
    offsets = s.select(mask, offsets, s.integer(offsets.getType(), 0));
  }
  Type pointer = LLVM::LLVMPointerType::get(b_.getContext());
  Value base = address(inputs_[stmt.input], element, fixed, point, {});
  Value result = b_.create<arith::ConstantOp>(
      loc_, b_.getZeroAttr(VectorType::get({width_}, element)));
  Value zeros = result;
  for (int64_t lane = 0; lane < width_; ++lane) {
    Value offset = b_.create<vector::ExtractOp>(loc_, offsets, lane);
    if (!index.isInteger(64))
      offset = b_.create<arith::ExtSIOp>(loc_, b_.getI64Type(), offset);
    Value where = b_.create<LLVM::GEPOp>(loc_, pointer, element, base,
                                         ArrayRef<LLVM::GEPArg>{offset});
    Value value = b_.create<LLVM::LoadOp>(loc_, element, where);
    result = b_.create<vector::InsertOp>(loc_, value, result, lane);
  }
  return mask ? s.select(mask, result, zeros) : result;
}

/// A vector whose elements lie side by side. `isAligned`: at a multiple of its
/// size, as only such can bypass the cache.
void Emitter::storeVector(Value vector, Value where, unsigned elementBytes,
                          bool isAligned, bool bypassesCache) {
  auto type = cast<VectorType>(vector.getType());
  int64_t whole = type.getNumElements() * type.getElementTypeBitWidth() / 8;
  b_.create<LLVM::StoreOp>(loc_, vector, where,
                           isAligned ? whole : elementBytes,
                           /*isVolatile=*/false,
                           /*isNonTemporal=*/isAligned && bypassesCache);
}

/// The pair is stored at its second point, when both values are known.
void Emitter::storePair(const Store &store, const Point &point,
                        const Scope &scope) {
  if (point[s_.lanes.dim] == 0)
    return;
  Point first = point;
  first[s_.lanes.dim] = 0;
  ScalarBuilder s = ops(DType::float32);
  Value words = elements_.toPairs(
      s.broadcast(valueOf(store.value, first, scope), width_),
      s.broadcast(valueOf(store.value, point, scope), width_));
  Value where =
      address(outputs_[store.output], b_.getI16Type(), store.offset, first, {});
  bool aligned =
      Lanes{s_.lanes.dim, 2 * width_}.isMultiple(store.offset, 2 * width_);
  storeVector(words, where, 2, aligned, s_.bypassesCache[store.output]);
}

/// Rows become columns: in each round, blocks of half the size change places
/// across the diagonal.
Emitter::Values Emitter::turned(Values rows) {
  const auto count = static_cast<int64_t>(rows.size());
  for (int64_t half = 1; half < count; half *= 2) {
    SmallVector<int64_t> upper, lower; // lanes of a row and of the one below
    for (int64_t lane = 0; lane < count; ++lane) {
      upper.push_back(lane & half ? count + lane - half : lane);
      lower.push_back(lane & half ? count + lane : lane + half);
    }
    for (int64_t row = 0; row < count; ++row) {
      if (row & half)
        continue;
      Value above = rows[row], below = rows[row + half];
      rows[row] = b_.create<vector::ShuffleOp>(loc_, above, below, upper);
      rows[row + half] =
          b_.create<vector::ShuffleOp>(loc_, above, below, lower);
    }
  }
  return rows;
}

/// The whole tile is stored at its first point, when all values are known.
void Emitter::storeTurned(const Store &store, const Point &point,
                          const Scope &scope) {
  if (point[s_.turnedDim] != width_ - 1)
    return;
  DType dtype = typeOf(store.value);
  ScalarBuilder s = ops(dtype);
  Point first = point;
  Values rows;
  for (int64_t row = 0; row < width_; ++row) {
    first[s_.turnedDim] = row;
    rows.push_back(s.broadcast(valueOf(store.value, first, scope), width_));
  }
  first[s_.turnedDim] = 0;
  Type element = elements_.memoryType(dtype);
  unsigned bytes = element.getIntOrFloatBitWidth() / 8;
  int64_t whole = width_ * bytes;
  Lanes along{static_cast<unsigned>(s_.turnedDim), width_};
  bool aligned = whole <= 64 && along.isMultiple(store.offset, width_);
  for (auto [lane, row] : llvm::enumerate(turned(std::move(rows)))) {
    Value where = address(outputs_[store.output], element, store.offset,
                          lanePoint(first, static_cast<int64_t>(lane)), {});
    // Part of a line would leave for memory alone: others come in between.
    storeVector(elements_.toMemory(row, dtype), where, bytes, aligned,
                whole == 64 && s_.bypassesCache[store.output]);
  }
}

void Emitter::store(const Store &store, const Point &point,
                    const Scope &scope) {
  if (isTurned()) {
    storeTurned(store, point, scope);
    return;
  }
  if (isPaired()) {
    storePair(store, point, scope);
    return;
  }
  DType dtype = typeOf(store.value);
  Type element = elements_.memoryType(dtype);
  unsigned bytes = element.getIntOrFloatBitWidth() / 8;
  Value base = outputs_[store.output];
  Value value = elements_.toMemory(valueOf(store.value, point, scope), dtype);
  auto stride = lanes().stride(store.offset);
  if (width_ == 1 || stride == 0) {
    Value where = address(base, element, store.offset, point, {});
    b_.create<LLVM::StoreOp>(loc_, value, where, bytes);
    return;
  }
  value = ops(dtype).broadcast(value, width_);
  if (stride == 1) {
    Value where = address(base, element, store.offset, point, {});
    int64_t whole = width_ * bytes;
    bool aligned = whole <= 64 && lanes().isMultiple(store.offset, width_);
    storeVector(value, where, bytes, aligned, s_.bypassesCache[store.output]);
    return;
  }
  for (int64_t lane = 0; lane < width_; ++lane) {
    Value where =
        address(base, element, store.offset, lanePoint(point, lane), {});
    Value scalar = b_.create<vector::ExtractOp>(loc_, value, lane);
    b_.create<LLVM::StoreOp>(loc_, scalar, where, bytes);
  }
}

} // namespace weft::cpu
