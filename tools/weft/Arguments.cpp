// SPDX-License-Identifier: Apache-2.0
#include "Arguments.h"

#include "weft/Core/Float.h"
#include "weft/IO/Npy.h"
#include "weft/IO/Safetensors.h"

#include "runtime/StreamOrder.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"

#include <random>

using namespace llvm;

namespace weft::tools {
namespace {

using Argument = compiler::CompiledModule::Argument;
using compiler::ModuleValue;

std::string quoted(StringRef text) { return "\"" + text.str() + "\""; }

// ---- random -----------------------------------------------------------------

/// Standard distributions differ between libraries; the generator does not.
double randomElement(std::mt19937_64 &generator, DType dtype) {
  uint64_t bits = generator();
  if (is_floating(dtype))
    return static_cast<double>(bits >> 11) * 0x1p-53;
  return static_cast<double>(bits % (dtype == DType::boolean ? 2 : 8));
}

StatusOr<Argument> randomArgument(const ModuleValue &input,
                                  std::mt19937_64 &generator, Device device) {
  if (input.isNumber) {
    double value = randomElement(generator, input.dtype);
    return Argument{nullptr, is_floating(input.dtype)
                                 ? Scalar(value)
                                 : Scalar(static_cast<int64_t>(value))};
  }
  int64_t count = input.shape.num_elements();
  auto memory = runtime::Storage::allocate(Device::cpu(),
                                           count * size_in_bytes(input.dtype));
  if (!memory.ok())
    return memory.status();
  for (int64_t i = 0; i < count; ++i)
    store_from_double((*memory)->data(), input.dtype, i,
                      randomElement(generator, input.dtype));
  if (device.is_gpu())
    memory = runtime::copyTo(**memory, device);
  if (!memory.ok())
    return memory.status();
  return Argument{*memory, {}};
}

// ---- given ------------------------------------------------------------------

/// The integers a type holds.
std::pair<int64_t, int64_t> range(DType dtype) {
  switch (dtype) {
  case DType::boolean:
    return {0, 1};
  case DType::uint8:
    return {0, 255};
  case DType::int4:
    return {-8, 7};
  case DType::int8:
    return {-128, 127};
  case DType::int32:
    return {INT32_MIN, INT32_MAX};
  default:
    return {INT64_MIN, INT64_MAX};
  }
}

StatusOr<Argument> numberArgument(const ModuleValue &input, StringRef text) {
  if (is_floating(input.dtype)) {
    double value;
    if (!text.getAsDouble(value))
      return Argument{nullptr, Scalar(value)};
  } else if (input.dtype == DType::boolean &&
             (text == "true" || text == "false")) {
    return Argument{nullptr, Scalar(text == "true")};
  } else {
    int64_t value;
    auto [least, most] = range(input.dtype);
    if (!text.getAsInteger(10, value) && value >= least && value <= most)
      return Argument{nullptr, Scalar(value)};
  }
  return invalid_argument_error(
      "input " + input.name + ": expected a number of " +
      std::string(name(input.dtype)) + ", got " + quoted(text));
}

/// `path` is the file that the tensor is from.
StatusOr<Argument> tensorArgument(const ModuleValue &input,
                                  const Tensor &tensor, StringRef path) {
  auto differs = [&](const char *what, const std::string &expected,
                     const std::string &got) {
    return invalid_argument_error("input " + input.name + ": " + what +
                                  " differs: @main expects " + expected + ", " +
                                  path.str() + " has " + got);
  };
  if (tensor.dtype() != input.dtype)
    return differs("type", std::string(name(input.dtype)),
                   std::string(name(tensor.dtype())));
  if (tensor.shape() != input.shape)
    return differs("shape", to_string(input.shape), to_string(tensor.shape()));
  if (Status status = tensor.eval(); !status.ok())
    return status;
  return Argument{tensor.node()->storage, {}};
}

/// What the text of an --input says.
StatusOr<Argument> inputArgument(const ModuleValue &input, StringRef text,
                                 Device device) {
  if (input.isNumber)
    return numberArgument(input, text);
  StatusOr<Tensor> tensor = load_npy(text.str(), {.device = device});
  double number;
  if (tensor.status().code() == StatusCode::not_found &&
      !text.getAsDouble(number))
    return invalid_argument_error(
        "input " + input.name + ": @main expects a tensor of " +
        std::string(name(input.dtype)) + " " + to_string(input.shape) +
        ", from a .npy file: got " + quoted(text));
  if (!tensor.ok())
    return tensor.status();
  return tensorArgument(input, *tensor, text);
}

/// Of hundreds of names the first few.
std::string listed(ArrayRef<std::string> names) {
  constexpr size_t kMost = 8;
  std::string text = join(names.take_front(kMost), ", ");
  if (names.size() > kMost)
    text += " and " + std::to_string(names.size() - kMost) + " more";
  return names.empty() ? "none" : text;
}

std::string namesOf(ArrayRef<ModuleValue> inputs) {
  std::vector<std::string> names;
  for (const ModuleValue &input : inputs)
    names.push_back(input.name);
  return listed(names);
}

/// The input that `name=...` is for.
StatusOr<size_t> inputNamed(ArrayRef<ModuleValue> inputs, StringRef name) {
  SmallVector<size_t> found;
  for (auto [i, input] : enumerate(inputs))
    if (input.name == name)
      found.push_back(i);
  if (found.empty())
    return invalid_argument_error("--input: @main has no argument " +
                                  quoted(name) + ", it has " + namesOf(inputs));
  if (found.size() > 1)
    return invalid_argument_error(
        "--input: arguments " + std::to_string(found[0]) + " and " +
        std::to_string(found[1]) + " of @main are both called " + quoted(name) +
        ": give them by position");
  return found[0];
}

/// Which input each text is for: `value[i]` is what is given for input i.
StatusOr<std::vector<std::optional<StringRef>>>
assign(ArrayRef<ModuleValue> inputs, ArrayRef<std::string> given) {
  std::vector<std::optional<StringRef>> values(inputs.size());
  for (StringRef text : given) {
    const bool isNamed = text.contains('=');
    auto [name, after] = text.split('=');
    StatusOr<size_t> i =
        isNamed
            ? inputNamed(inputs, name)
            : static_cast<size_t>(find(values, std::nullopt) - values.begin());
    if (!i.ok())
      return i.status();
    if (*i == inputs.size())
      return invalid_argument_error(
          "--input: @main has " + std::to_string(inputs.size()) +
          " arguments, nothing takes " + quoted(text));
    StringRef value = isNamed ? after : text;
    if (values[*i])
      return invalid_argument_error("--input: " + inputs[*i].name +
                                    " is given twice: " + quoted(*values[*i]) +
                                    " and " + quoted(value));
    values[*i] = value;
  }
  return values;
}

// ---- weights ----------------------------------------------------------------

std::string namesOf(const StateDict &state) {
  std::vector<std::string> names;
  for (const auto &[name, tensor] : state)
    names.push_back(name);
  return listed(names);
}

/// The tensors of a file of weights; none if there is no file.
StatusOr<StateDict> loadWeights(const std::string &path,
                                ArrayRef<ModuleValue> inputs, Device device) {
  if (path.empty())
    return StateDict();
  StatusOr<StateDict> weights = load_safetensors(path, {.device = device});
  if (weights.ok() && none_of(inputs, [&](const ModuleValue &input) {
        return weights->contains(input.name);
      }))
    return invalid_argument_error(
        path + ": no tensor has the name of an argument: @main has " +
        namesOf(inputs) + "; the file has " + namesOf(*weights));
  return weights;
}

/// What nobody gives: of the file of weights, of the module, or by chance.
StatusOr<Argument> defaultArgument(const ModuleValue &input,
                                   const StateDict &weights, const Given &given,
                                   std::mt19937_64 &generator, Device device) {
  const Tensor *weight = weights.find(input.name);
  if (weight && input.isNumber)
    return invalid_argument_error("input " + input.name +
                                  ": @main expects a number, " + given.weights +
                                  " has a tensor");
  if (weight)
    return tensorArgument(input, *weight, given.weights);
  // Random numbers in place of one weight would go unnoticed.
  if (input.isParameter && !given.weights.empty())
    return invalid_argument_error("input " + input.name + ": " + given.weights +
                                  " has no tensor for this parameter, it has " +
                                  namesOf(weights));
  if (input.number)
    return Argument{nullptr, *input.number};
  return randomArgument(input, generator, device);
}

} // namespace

StatusOr<std::vector<Argument>> argumentsOf(ArrayRef<ModuleValue> inputs,
                                            const Given &given, Device device) {
  auto texts = assign(inputs, given.inputs);
  if (!texts.ok())
    return texts.status();
  StatusOr<StateDict> weights = loadWeights(given.weights, inputs, device);
  if (!weights.ok())
    return weights.status();
  std::vector<Argument> arguments;
  for (size_t i = 0; i < inputs.size(); ++i) {
    // A generator of its own: what others are given does not matter.
    std::mt19937_64 generator(given.seed + i * 0x9e3779b97f4a7c15);
    StatusOr<Argument> argument =
        (*texts)[i]
            ? inputArgument(inputs[i], *(*texts)[i], device)
            : defaultArgument(inputs[i], *weights, given, generator, device);
    if (!argument.ok())
      return argument.status();
    arguments.push_back(*argument);
  }
  return arguments;
}

Tensor tensorOf(const ModuleValue &value,
                std::shared_ptr<runtime::Storage> storage, Device device) {
  NodePtr node(new Node);
  node->storage = std::move(storage);
  node->dtype = value.dtype;
  node->shape = value.shape;
  node->device = device;
  node->location = std::source_location::current();
  return Tensor(node);
}

} // namespace weft::tools
