// SPDX-License-Identifier: Apache-2.0
// Walks functions and groups op by op.
#include "weft/Target/Reference/Interpreter.h"

#include "Evaluate.h"
#include "Noise.h"

#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/TypeSwitch.h"

#include <optional>

namespace weft::reference {
namespace {

constexpr int64_t kMaxElements = int64_t{1} << 28;

class Interpreter {
public:
  explicit Interpreter(const Options &options)
      : options_(options), noise_(options.noise, options.noiseSeed) {}

  /// The values that the block's terminator names.
  StatusOr<std::vector<Value>> run(mlir::Block &block,
                                   std::vector<Value> arguments) {
    for (auto [argument, value] : llvm::zip(block.getArguments(), arguments))
      values_[argument] = std::move(value);
    for (mlir::Operation &op : block.without_terminator())
      if (Status status = run(&op); !status.ok())
        return status;
    std::vector<Value> results;
    for (mlir::Value result : block.getTerminator()->getOperands())
      results.push_back(values_.at(result));
    return results;
  }

private:
  Status run(mlir::Operation *op) {
    if (op->getName().getDialectNamespace() != "weft")
      return unimplemented_error("interpret: op of another dialect: " +
                                 op->getName().getStringRef().str());
    for (mlir::Type type : op->getResultTypes())
      if (ir::toShape(type).num_elements() > kMaxElements)
        return resource_exhausted_error(
            "interpret: value has too many elements: limit " +
            std::to_string(kMaxElements) + ", " +
            std::string(ir::mnemonic(op)) + " makes " +
            to_string(ir::toShape(type)));
    if (auto group = mlir::dyn_cast<ir::GroupOp>(op))
      return run(group);
    if (mlir::isa<ir::ReducePrecisionOp, ir::ContiguousOp>(op)) {
      Value x = values_.at(op->getOperand(0)); // a copy: new values move others
      if (auto reduce = mlir::dyn_cast<ir::ReducePrecisionOp>(op))
        for (double &element : x.reals)
          element = reduce.getTf32() ? roundToTf32(element)
                                     : roundTo(x.dtype, element);
      values_[op->getResult(0)] = std::move(x);
      return {};
    }
    llvm::SmallVector<const Value *> operands;
    for (mlir::Value operand : op->getOperands())
      operands.push_back(&values_.at(operand));
    std::vector<Value> moved = noise_.moveOperands(op, operands);
    for (auto [operand, value] : llvm::zip(operands, moved))
      operand = &value;
    StatusOr<Value> result = evaluateOp(op, operands);
    if (!result.ok())
      return result.status();
    noise_.moveResult(op, operands, *result);
    if (options_.roundEachOp)
      for (double &element : result->reals)
        element = roundTo(result->dtype, element);
    values_[op->getResult(0)] = *std::move(result);
    return {};
  }

  Status run(ir::GroupOp group) {
    std::vector<Value> arguments;
    for (mlir::Value input : group.getInputs())
      arguments.push_back(values_.at(input));
    StatusOr<std::vector<Value>> results =
        run(group.getBody().front(), std::move(arguments));
    if (!results.ok())
      return results.status();
    for (auto [result, value] : llvm::zip(group.getResults(), *results))
      values_[result] = std::move(value);
    return {};
  }

  static StatusOr<Value> evaluateOp(mlir::Operation *op, Operands operands) {
    if (ir::isRow(op))
      return evaluateRow(op, operands);
    return llvm::TypeSwitch<mlir::Operation *, StatusOr<Value>>(op)
        .Case<ir::ConstantOp, ir::IotaOp>([](auto o) { return evaluate(o); })
        .Case<ir::SplatOp, ir::WhereOp, ir::BroadcastOp, ir::ReshapeOp,
              ir::TransposeOp, ir::SliceOp, ir::ResampleOp, ir::ConcatenateOp,
              ir::AsStridedOp, ir::ArgmaxOp, ir::ArgminOp, ir::SoftmaxOp,
              ir::BatchNormOp, ir::MatmulOp, ir::AttentionOp, ir::ConvOp,
              ir::MaxpoolOp, ir::AvgpoolOp>(
            [&](auto o) { return evaluate(o, operands); })
        .Case<ir::SumOp, ir::ProdOp, ir::MaxOp, ir::MinOp, ir::AllOp,
              ir::AnyOp>([&](auto o) { return evaluateReduction(o, operands); })
        .Case<ir::CastOp>([&](ir::CastOp o) {
          return cast(*operands[0], ir::elementDType(o.getResult()));
        })
        .Default([](mlir::Operation *o) {
          return unimplemented_error("interpret: unknown op: " +
                                     o->getName().getStringRef().str());
        });
  }

  Options options_;
  Noise noise_;
  llvm::DenseMap<mlir::Value, Value> values_;
};

std::string describe(DType dtype, const Shape &shape) {
  return std::string(name(dtype)) + " " + to_string(shape);
}

/// `value` must be what argument `i` of the function wants.
Status check(mlir::func::FuncOp function, unsigned i, const Value &value) {
  mlir::Type type = function.getArgument(i).getType();
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  mlir::Type element = tensor ? tensor.getElementType() : type;
  if (!ir::isWeftElementType(element))
    return invalid_argument_error("interpret: argument " + std::to_string(i) +
                                  " has a type that the dialect lacks");
  DType dtype = ir::toDType(element);
  Shape shape = tensor ? ir::toShape(tensor) : Shape();
  const size_t stored = value.isReal() ? value.reals.size() : value.ints.size();
  if (value.dtype != dtype || value.shape != shape)
    return invalid_argument_error(
        "interpret: argument " + std::to_string(i) + " differs: expects " +
        describe(dtype, shape) + ", got " + describe(value.dtype, value.shape));
  if (static_cast<int64_t>(stored) != shape.num_elements())
    return invalid_argument_error("interpret: argument " + std::to_string(i) +
                                  " has another number of elements: shape " +
                                  to_string(shape) + ", elements " +
                                  std::to_string(stored));
  return {};
}

std::string argumentName(mlir::func::FuncOp function, unsigned i) {
  auto name = function.getArgAttrOfType<mlir::StringAttr>(i, ir::kNameAttr);
  return name ? name.str() : "";
}

/// The value of parameter argument `i`.
StatusOr<Value> findParameter(mlir::func::FuncOp function, unsigned i,
                              const Arguments &arguments) {
  std::string name = argumentName(function, i);
  auto found = arguments.parameters.find(name);
  if (found == arguments.parameters.end())
    return not_found_error(
        "interpret: no value for parameter " + std::to_string(i) + " of @" +
        function.getName().str() + ": name \"" + name + "\"");
  return found->second;
}

StatusOr<std::vector<Value>> runPrepare(mlir::ModuleOp module,
                                        const Arguments &arguments,
                                        const Options &options) {
  auto prepare = module.lookupSymbol<mlir::func::FuncOp>(ir::kPrepareName);
  if (!prepare)
    return std::vector<Value>();
  std::vector<Value> values;
  for (unsigned i = 0; i < prepare.getNumArguments(); ++i) {
    StatusOr<Value> value = findParameter(prepare, i, arguments);
    if (!value.ok())
      return value.status();
    values.push_back(*std::move(value));
  }
  return interpret(prepare, values, options);
}

} // namespace

StatusOr<std::vector<Value>> interpret(mlir::func::FuncOp function,
                                       llvm::ArrayRef<Value> arguments,
                                       const Options &options) {
  if (function.isDeclaration())
    return invalid_argument_error("interpret: function has no body: @" +
                                  function.getName().str());
  if (arguments.size() != function.getNumArguments())
    return invalid_argument_error(
        "interpret: number of arguments differs: expects " +
        std::to_string(function.getNumArguments()) + ", got " +
        std::to_string(arguments.size()));
  for (auto [i, value] : llvm::enumerate(arguments))
    if (Status status = check(function, static_cast<unsigned>(i), value);
        !status.ok())
      return status;
  return Interpreter(options).run(function.getBody().front(), arguments.vec());
}

StatusOr<std::vector<Value>> interpret(mlir::ModuleOp module,
                                       const Arguments &arguments,
                                       const Options &options) {
  auto main = module.lookupSymbol<mlir::func::FuncOp>(ir::kMainName);
  if (!main)
    return not_found_error("interpret: module has no function @main");
  StatusOr<std::vector<Value>> prepared =
      runPrepare(module, arguments, options);
  if (!prepared.ok())
    return prepared.status();

  std::vector<Value> values;
  size_t next = 0;
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    if (auto number =
            main.getArgAttrOfType<mlir::IntegerAttr>(i, ir::kPreparedAttr)) {
      if (number.getValue().uge(prepared->size()))
        return invalid_argument_error(
            "interpret: no such prepared value: @prepare returns " +
            std::to_string(prepared->size()) + ", argument wants number " +
            std::to_string(number.getInt()));
      values.push_back((*prepared)[static_cast<size_t>(number.getInt())]);
      continue;
    }
    if (main.getArgAttr(i, ir::kParameterAttr)) {
      StatusOr<Value> value = findParameter(main, i, arguments);
      if (!value.ok())
        return value.status();
      values.push_back(*std::move(value));
      continue;
    }
    if (next < arguments.inputs.size())
      values.push_back(arguments.inputs[next]);
    ++next;
  }
  if (next != arguments.inputs.size())
    return invalid_argument_error(
        "interpret: number of inputs differs: expects " + std::to_string(next) +
        ", got " + std::to_string(arguments.inputs.size()));
  return interpret(main, values, options);
}

} // namespace weft::reference
