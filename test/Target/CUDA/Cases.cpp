// SPDX-License-Identifier: Apache-2.0
// Making groups from text, inputs for them, and comparing what comes out.
#include "Cases.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <cstring>

using namespace mlir;

namespace weft::cuda_tests {

// ---- text -------------------------------------------------------------------

/// Splits at commas outside of brackets.
static std::vector<std::string> splitList(StringRef list) {
  std::vector<std::string> parts;
  int depth = 0;
  std::string part;
  for (char c : list) {
    depth += (c == '<' || c == '[') - (c == '>' || c == ']');
    if (c == ',' && depth == 0) {
      parts.push_back(StringRef(part).trim().str());
      part.clear();
    } else {
      part += c;
    }
  }
  if (!StringRef(part).trim().empty())
    parts.push_back(StringRef(part).trim().str());
  return parts;
}

static std::string moduleText(const Case &c) {
  std::string parameters, pairs, types, results, values, returned;
  auto add = [](std::string &list, const Twine &part) {
    list += (list.empty() ? "" : ", ") + part.str();
  };
  for (const std::string &input : splitList(c.inputs)) {
    auto [name, type] = StringRef(input).split(':');
    StringRef plain = name.trim().drop_front();
    add(parameters, "%in_" + plain + " : " + type);
    add(pairs, name + " = %in_" + plain);
    add(types, type.trim());
  }
  int number = 0;
  for (const std::string &result : splitList(c.results)) {
    auto [name, type] = StringRef(result).split(':');
    add(results, type.trim());
    add(values, name.trim());
    add(returned, "%r#" + Twine(number++));
  }
  std::string schedule =
      c.schedule.empty() ? "" : " schedule(<" + c.schedule + ">)";
  return "func.func @main(" + parameters + ") -> (" + results +
         ") {\n%r:" + std::to_string(number) + " = weft.group(" + pairs + ")" +
         schedule + " : " + types + " -> " + results + " {\n" + c.body +
         "\nweft.yield " + values + " : " + results + "\n}\nreturn " +
         returned + " : " + results + "\n}\n";
}

// ---- values -----------------------------------------------------------------

static reference::Value randomValue(DType dtype, const Shape &shape,
                                    uint32_t &seed) {
  reference::Value value = reference::zeros(dtype, shape);
  auto next = [&] {
    seed = seed * 1664525u + 1013904223u;
    return static_cast<int64_t>(seed >> 16) % 61 - 30;
  };
  // Multiples of 1/8: small enough that every float type holds most of them.
  for (double &real : value.reals)
    real = reference::roundTo(dtype, static_cast<double>(next()) / 8);
  for (int64_t &integer : value.ints)
    integer =
        reference::wrap(dtype, dtype == DType::boolean ? next() > 0 : next());
  return value;
}

/// The first operands that the results may be written over.
static std::vector<int64_t> inPlaceOperands(ir::GroupOp group) {
  std::vector<int64_t> operands(group.getNumResults(), -1);
  for (unsigned result = 0; result < group.getNumResults(); ++result)
    for (unsigned i = 0; i < group.getInputs().size(); ++i)
      if (operands[result] < 0 && !llvm::is_contained(operands, i) &&
          group.mayRunInPlace(i, result))
        operands[result] = i;
  return operands;
}

static OwningOpRef<ModuleOp> parse(const Case &c, MLIRContext &context) {
  context.loadDialect<ir::WeftDialect, func::FuncDialect>();
  return parseSourceString<ModuleOp>(moduleText(c), &context);
}

Emitted::Emitted(const Case &c, bool isInPlace)
    : name(c.name + (isInPlace ? ", in place" : "")), arch(c.arch) {
  MLIRContext context;
  OwningOpRef<ModuleOp> module = parse(c, context);
  if (!module || failed(verify(*module))) {
    error = c.name + ": does not parse:\n" + moduleText(c);
    return;
  }
  auto main = module->lookupSymbol<func::FuncOp>("main");
  std::string why;
  auto group = cast<ir::GroupOp>(*main.getBody().front().begin());
  inPlace.resize(group.getNumResults(), -1);
  if (isInPlace) {
    inPlace = inPlaceOperands(group);
    group->setAttr(ir::kInPlaceAttr, DenseI64ArrayAttr::get(&context, inPlace));
    if (failed(verify(*module))) {
      error = c.name + ": not in place";
      return;
    }
  }
  FailureOr<CudaKernel> emitted =
      emitCuda(group, {arch, c.multiprocessors, c.tf32}, why, c.tile);
  if (succeeded(emitted) && !c.tile.empty() &&
      !llvm::is_contained(emitted->tiles, c.tile)) {
    error = c.name + ": has no tile " + c.tile;
    return;
  }
  if (failed(emitted)) {
    error = c.name + ": " + why;
    return;
  }
  kernel = std::move(*emitted);
}

bool Emitted::runsInPlace() const {
  return llvm::any_of(inPlace, [](int64_t input) { return input >= 0; });
}

Prepared::Prepared(const Case &c, bool isInPlace) : Emitted(c, isInPlace) {
  if (!ok())
    return;
  MLIRContext context;
  OwningOpRef<ModuleOp> module = parse(c, context);
  auto main = module->lookupSymbol<func::FuncOp>("main");
  uint32_t seed = 1;
  for (Type type : main.getArgumentTypes()) {
    Shape shape;
    isScalar.push_back(!isa<RankedTensorType>(type));
    if (isa<RankedTensorType>(type))
      shape = ir::toShape(type);
    inputs.push_back(
        randomValue(ir::toDType(getElementTypeOrSelf(type)), shape, seed));
    if (c.tf32) // which has the bits of float16
      for (double &real : inputs.back().reals)
        real = reference::roundTo(float16, real);
  }
  auto values = reference::interpret(main, inputs);
  if (!values.ok()) {
    error = c.name + ": " + std::string(values.status().message());
    return;
  }
  expected = std::move(*values);
  for (reference::Value &value : expected)
    for (double &real : value.reals)
      real = reference::roundTo(value.dtype, real);
}

size_t Prepared::placeOf(size_t argument) const {
  if (argument < inputs.size() || inPlace[argument - inputs.size()] < 0)
    return argument;
  return static_cast<size_t>(inPlace[argument - inputs.size()]);
}

static double tolerance(DType dtype) {
  switch (dtype) {
  case DType::float64:
    return 1e-13;
  case DType::float32:
    return 2e-6;
  case DType::float16:
    return 1e-3;
  case DType::bfloat16:
    return 8e-3;
  case DType::float8:
    return 0.13;
  default:
    return 0;
  }
}

std::string
Prepared::compare(const std::vector<reference::Value> &outputs) const {
  for (size_t i = 0; i < expected.size(); ++i) {
    double allowed = tolerance(expected[i].dtype);
    for (int64_t j = 0; j < expected[i].size(); ++j) {
      double want = expected[i].at(j), got = outputs[i].at(j);
      if (want == got || (std::isnan(want) && std::isnan(got)))
        continue;
      if (std::abs(want - got) <= allowed * std::max(1.0, std::abs(want)))
        continue;
      return kernel.name + ": result " + std::to_string(i) + ", element " +
             std::to_string(j) + ": expected " + std::to_string(want) +
             ", got " + std::to_string(got) +
             kernel.text.substr(kernel.text.rfind("\n// "));
    }
  }
  return "";
}

// ---- memory -----------------------------------------------------------------

static constexpr unsigned char kFiller = 0xa5;

Memory::Memory(DType dtype, const Shape &shape)
    : size_(static_cast<size_t>(shape.num_elements() * size_in_bytes(dtype))) {
  bytes_.resize(size_ / 64 + 2);
  std::memset(bytes_.data(), kFiller, bytes_.size() * 64);
}

Memory::Memory(const reference::Value &value)
    : Memory(value.dtype, value.shape) {
  reference::toMemory(value, bytes_.data());
}

reference::Value Memory::read(DType dtype, const Shape &shape) {
  return reference::fromMemory(dtype, shape, bytes_.data());
}

bool Memory::isIntact() const {
  auto *begin = reinterpret_cast<const unsigned char *>(bytes_.data());
  return std::all_of(begin + size_, begin + bytes_.size() * 64,
                     [](unsigned char byte) { return byte == kFiller; });
}

} // namespace weft::cuda_tests
