// SPDX-License-Identifier: Apache-2.0
// Modules in text form, compiled.
#include "Executable.h"
#include "Module.h"

#include "weft/Compiler/Compiler.h"
#include "weft/IR/Dialect.h"

using namespace mlir;
using namespace weft::ir;

namespace weft::compiler {
namespace {

/// What a value is called that `attribute` may name.
ModuleValue valueOf(Type type, StringAttr attribute, std::string otherName) {
  ModuleValue value;
  value.name = attribute ? attribute.str() : std::move(otherName);
  value.dtype = toDType(getElementTypeOrSelf(type));
  value.isNumber = !isa<RankedTensorType>(type);
  if (!value.isNumber)
    value.shape = toShape(type);
  return value;
}

Scalar scalarOf(Attribute number) {
  if (auto floating = dyn_cast<FloatAttr>(number))
    return floating.getValueAsDouble();
  auto integer = cast<IntegerAttr>(number);
  const bool isSigned = !integer.getType().isUnsignedInteger() &&
                        !integer.getType().isSignlessInteger(1);
  return isSigned ? integer.getValue().getSExtValue()
                  : static_cast<int64_t>(integer.getValue().getZExtValue());
}

std::vector<ModuleValue> inputsOf(func::FuncOp main) {
  std::vector<ModuleValue> inputs;
  for (auto [i, type] : llvm::enumerate(main.getArgumentTypes())) {
    auto number = static_cast<unsigned>(i);
    inputs.push_back(
        valueOf(type, main.getArgAttrOfType<StringAttr>(number, kNameAttr),
                "arg" + std::to_string(i)));
    inputs.back().isParameter =
        main.getArgAttr(number, kParameterAttr) != nullptr;
    if (Attribute value = main.getArgAttr(number, kValueAttr))
      inputs.back().number = scalarOf(value);
  }
  return inputs;
}

std::vector<ModuleValue> outputsOf(func::FuncOp main) {
  std::vector<ModuleValue> outputs;
  for (auto [i, type] : llvm::enumerate(main.getResultTypes())) {
    auto number = static_cast<unsigned>(i);
    outputs.push_back(
        valueOf(type, main.getResultAttrOfType<StringAttr>(number, kNameAttr),
                "result" + std::to_string(i)));
  }
  return outputs;
}

class ModuleOnDevice final : public CompiledModule {
public:
  ModuleOnDevice(std::shared_ptr<const Executable> executable,
                 std::vector<ModuleValue> inputs,
                 std::vector<ModuleValue> outputs)
      : executable_(std::move(executable)), inputs_(std::move(inputs)),
        outputs_(std::move(outputs)) {}

  const std::vector<ModuleValue> &inputs() const override { return inputs_; }
  const std::vector<ModuleValue> &outputs() const override { return outputs_; }

  StatusOr<Storages> run(std::span<const Argument> arguments) const override {
    StoragePointers tensors;
    Storages results;
    std::vector<Scalar> numbers;
    for (auto [input, argument] : llvm::zip_equal(inputs_, arguments)) {
      if (input.isNumber)
        numbers.push_back(argument.number);
      else
        tensors.push_back(argument.tensor.get());
    }
    Status status = executable_->run(tensors, numbers, results,
                                     /*stream=*/nullptr);
    if (!status.ok())
      return status;
    return results;
  }

private:
  std::shared_ptr<const Executable> executable_;
  std::vector<ModuleValue> inputs_, outputs_;
};

/// Equal modules have equal keys, whatever their text looked like.
std::string keyOf(ModuleOp module) {
  std::string key = "module\n";
  llvm::raw_string_ostream os(key);
  module.print(os);
  return key;
}

} // namespace

StatusOr<std::shared_ptr<const CompiledModule>>
CompiledModule::compile(std::string_view text, std::string_view name,
                        Device device) {
  std::unique_ptr<MLIRContext> context = makeContext();
  StatusOr<OwningOpRef<ModuleOp>> module =
      parseModule(text, name, context.get());
  if (!module.ok())
    return module.status();
  auto main = (**module).lookupSymbol<func::FuncOp>(kMainName);
  auto numInputs = static_cast<size_t>(
      llvm::count_if(main.getArgumentTypes(), llvm::IsaPred<RankedTensorType>));
  std::vector<ModuleValue> inputs = inputsOf(main);
  // Other numbers need no other executable.
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    main.removeArgAttr(i, kValueAttr);
  auto import = [&] { return OwningOpRef<ModuleOp>((*module)->clone()); };
  auto executable = executableOf({keyOf(**module), numInputs, import}, device);
  if (!executable.ok())
    return executable.status();
  return std::shared_ptr<const CompiledModule>(std::make_shared<ModuleOnDevice>(
      *executable, std::move(inputs), outputsOf(main)));
}

} // namespace weft::compiler
