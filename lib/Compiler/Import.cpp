// SPDX-License-Identifier: Apache-2.0
// From a program to a module of weft ops. Broadcasting and numbers, implicit in
// the recorded graph, become ops here.
#include "Program.h"

#include "lib/Core/Phases.h"
#include "weft/IR/Dialect.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace weft::ir;

namespace weft::compiler {
namespace {

class Importer {
public:
  Importer(const Program &program, MLIRContext *context)
      : program_(program), context_(context), builder_(context) {}

  OwningOpRef<ModuleOp> run() {
    context_->loadDialect<WeftDialect, func::FuncDialect>();
    OwningOpRef<ModuleOp> module = ModuleOp::create(builder_.getUnknownLoc());
    builder_.setInsertionPointToStart(module->getBody());
    createMain();
    for (const ProgramOp &op : program_.ops)
      values_.push_back(importOp(op));
    SmallVector<Value> outputs;
    for (int32_t output : program_.outputs)
      outputs.push_back(values_[output]);
    builder_.create<func::ReturnOp>(builder_.getUnknownLoc(), outputs);
    return module;
  }

private:
  void createMain() {
    SmallVector<Type> inputs, outputs;
    SmallVector<DictionaryAttr> attributes;
    for (const ProgramInput &input : program_.inputs) {
      inputs.push_back(toTensorType(context_, input.dtype, input.shape));
      NamedAttrList list;
      if (!input.name.empty())
        list.set(kNameAttr, builder_.getStringAttr(input.name));
      if (input.isParameter)
        list.set(kParameterAttr, builder_.getUnitAttr());
      attributes.push_back(list.getDictionary(context_));
    }
    size_t numInputs = program_.inputs.size();
    for (const ProgramScalar &scalar : program_.scalars) {
      Type type = toElementType(context_, scalar.dtype);
      inputs.push_back(type);
      attributes.push_back(builder_.getDictionaryAttr(
          builder_.getNamedAttr(kValueAttr, number(type, scalar.value))));
    }
    for (int32_t output : program_.outputs) {
      auto index = static_cast<size_t>(output);
      const Shape &shape = index < numInputs
                               ? program_.inputs[index].shape
                               : program_.ops[index - numInputs].shape;
      DType dtype = index < numInputs ? program_.inputs[index].dtype
                                      : program_.ops[index - numInputs].dtype;
      outputs.push_back(toTensorType(context_, dtype, shape));
    }
    auto main = builder_.create<func::FuncOp>(
        builder_.getUnknownLoc(), kMainName,
        builder_.getFunctionType(inputs, outputs));
    main.setAllArgAttrs(attributes);
    Block *entry = main.addEntryBlock();
    builder_.setInsertionPointToStart(entry);
    for (size_t i = 0; i < numInputs; ++i)
      values_.push_back(entry->getArgument(i));
    for (size_t i = 0; i < program_.scalars.size(); ++i)
      scalars_.push_back(entry->getArgument(numInputs + i));
  }

  Location locationOf(const ProgramOp &op) {
    return FileLineColLoc::get(context_, op.location.file_name(),
                               op.location.line(), op.location.column());
  }

  /// The operand as a tensor of `shape`.
  Value operand(const ProgramOperand &operand, const Shape &shape,
                Location location) {
    auto type = toTensorType(context_, operand.scalarType, shape);
    switch (operand.kind) {
    case ProgramOperand::Kind::argument:
      return builder_.create<SplatOp>(location, type, scalars_[operand.index]);
    case ProgramOperand::Kind::constant:
      return builder_.create<ConstantOp>(location, type,
                                         splat(type, operand.constant));
    case ProgramOperand::Kind::value:
      break;
    }
    Value value = values_[operand.index];
    if (toShape(value.getType()) == shape)
      return value;
    return builder_.create<BroadcastOp>(
        location,
        RankedTensorType::get(ArrayRef(shape.begin(), shape.size()),
                              getElementTypeOrSelf(value.getType())),
        value);
  }

  static TypedAttr number(Type type, Scalar scalar) {
    if (isa<FloatType>(type))
      return FloatAttr::get(type, scalar.to_double());
    return IntegerAttr::get(type,
                            APInt(type.getIntOrFloatBitWidth(),
                                  static_cast<uint64_t>(scalar.to_int64()),
                                  /*isSigned=*/true));
  }

  static TypedAttr splat(RankedTensorType type, Scalar scalar) {
    return DenseElementsAttr::get(
        type, Attribute(number(type.getElementType(), scalar)));
  }

  SmallVector<Value> plainOperands(const ProgramOp &op) {
    SmallVector<Value> operands;
    for (const ProgramOperand &operand : op.operands)
      operands.push_back(values_[operand.index]);
    return operands;
  }

  Value importOp(const ProgramOp &op) {
    Location location = locationOf(op);
    if (isElementwise(op.kind)) {
      SmallVector<Value> operands;
      for (const ProgramOperand &programOperand : op.operands)
        operands.push_back(operand(programOperand, op.shape, location));
      if (op.kind == OpKind::where)
        return builder_.create<WhereOp>(location, operands[1].getType(),
                                        operands[0], operands[1], operands[2]);
      return createRow(builder_, location, op.kind, operands);
    }
    return importStructured(op, location);
  }

  static bool isElementwise(OpKind kind) {
    switch (kind) {
#define WEFT_ROW(mnemonic, ...) case OpKind::mnemonic:
#include "weft/IR/Rows.inc"
#undef WEFT_ROW
    case OpKind::where:
      return true;
    default:
      return false;
    }
  }

  /// Part `part` of several equally long lists behind the leading count.
  static ArrayRef<int64_t> ints(const ProgramOp &op, size_t from,
                                size_t count) {
    return ArrayRef<int64_t>(op.ints).slice(from, count);
  }

  template <typename Op> Value reduce(const ProgramOp &op, Location location) {
    return builder_.create<Op>(location, plainOperands(op)[0],
                               ArrayRef<int64_t>(op.ints));
  }

  Value importStructured(const ProgramOp &op, Location location) {
    auto type = toTensorType(context_, op.dtype, op.shape);
    const std::vector<int64_t> &all = op.ints;
    if (op.kind == OpKind::splat)
      return operand(op.operands[0], op.shape, location);
    SmallVector<Value> x = plainOperands(op);
    auto rank = static_cast<size_t>(op.shape.rank());
    switch (op.kind) {
    case OpKind::iota:
      return builder_.create<IotaOp>(location, type, all[0]);
    case OpKind::cast:
      return builder_.create<CastOp>(location, type, x[0]);
    case OpKind::broadcast:
      return builder_.create<BroadcastOp>(location, type, x[0]);
    case OpKind::reshape:
      return builder_.create<ReshapeOp>(location, type, x[0]);
    case OpKind::transpose:
      return builder_.create<TransposeOp>(location, type, x[0], all);
    case OpKind::slice:
      return builder_.create<SliceOp>(location, type, x[0], ints(op, 0, rank),
                                      ints(op, rank, rank));
    case OpKind::resample:
      return builder_.create<ResampleOp>(
          location, type, x[0], ints(op, 0, rank), ints(op, rank, rank),
          ints(op, 2 * rank, rank));
    case OpKind::concatenate:
      return builder_.create<ConcatenateOp>(location, type, x, all[0]);
    case OpKind::as_strided:
      return builder_.create<AsStridedOp>(location, type, x[0], all[0],
                                          ints(op, 1, rank));
    case OpKind::sum:
      return reduce<SumOp>(op, location);
    case OpKind::prod:
      return reduce<ProdOp>(op, location);
    case OpKind::max:
      return reduce<MaxOp>(op, location);
    case OpKind::min:
      return reduce<MinOp>(op, location);
    case OpKind::all:
      return reduce<AllOp>(op, location);
    case OpKind::any:
      return reduce<AnyOp>(op, location);
    case OpKind::argmax:
      return builder_.create<ArgmaxOp>(location, x[0], all[0]);
    case OpKind::argmin:
      return builder_.create<ArgminOp>(location, x[0], all[0]);
    case OpKind::softmax:
      return builder_.create<SoftmaxOp>(location, type, x[0], all[0]);
    case OpKind::batch_norm:
      return builder_.create<BatchNormOp>(location, type, x[0], x[1], x[2],
                                          x[3], x[4],
                                          builder_.getF64FloatAttr(op.real));
    case OpKind::matmul:
      return builder_.create<MatmulOp>(location, type, x[0], x[1]);
    default:
      return importWindow(op, type, x, location);
    }
  }

  Value importWindow(const ProgramOp &op, Type type, ArrayRef<Value> x,
                     Location location) {
    auto n = static_cast<size_t>(op.ints[0]);
    switch (op.kind) {
    case OpKind::conv:
      return builder_.create<ConvOp>(
          location, type, x[0], x[1], x.size() > 2 ? x[2] : Value(),
          ints(op, 1, n), ints(op, 1 + n, 2 * n), ints(op, 1 + 3 * n, n),
          op.ints[1 + 4 * n]);
    case OpKind::maxpool:
      return builder_.create<MaxpoolOp>(location, type, x[0], ints(op, 1, n),
                                        ints(op, 1 + n, n),
                                        ints(op, 1 + 2 * n, 2 * n));
    case OpKind::avgpool:
      return builder_.create<AvgpoolOp>(
          location, type, x[0], ints(op, 1, n), ints(op, 1 + n, n),
          ints(op, 1 + 2 * n, 2 * n), op.ints[1 + 4 * n] != 0);
    default:
      llvm_unreachable("every op is imported");
    }
  }

  const Program &program_;
  MLIRContext *context_;
  OpBuilder builder_;
  std::vector<Value> values_, scalars_;
};

} // namespace

OwningOpRef<ModuleOp> importProgram(const Program &program,
                                    MLIRContext *context) {
  PhaseTimer timer(Phase::import);
  return Importer(program, context).run();
}

} // namespace weft::compiler
