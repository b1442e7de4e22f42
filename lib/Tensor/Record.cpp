// SPDX-License-Identifier: Apache-2.0
// Recording: checks at the call, then one node, which is the one allocation of
// most ops.
#include "Record.h"

#include "weft/Core/ShapeRules.h"
#include "weft/Runtime.h"

#include "absl/strings/str_cat.h"

#include <algorithm>
#include <limits>

namespace weft {
namespace record {
namespace {

std::string_view describe(Types types) {
  switch (types) {
  case Types::floating:
    return "a floating-point type";
  case Types::number:
    return "a number type";
  case Types::boolean:
    return "bool";
  case Types::any:
    break;
  }
  return "any type";
}

/// `layer3.0.conv2` of the first operand that is a parameter of a module.
std::string_view owner(std::initializer_list<const Tensor *> operands) {
  for (const Tensor *operand : operands)
    if (operand && operand->node() && operand->node()->parameter_name) {
      std::string_view path = *operand->node()->parameter_name;
      size_t dot = path.rfind('.');
      if (dot != std::string_view::npos)
        return path.substr(0, dot);
    }
  return {};
}

std::string_view file_name(std::source_location location) {
  std::string_view path = location.file_name();
  return path.substr(path.find_last_of('/') + 1);
}

} // namespace

Tensor fail(const Status &error, std::source_location location,
            std::initializer_list<const Tensor *> operands) {
  std::string message(error.message());
  std::string_view module = owner(operands);
  absl::StrAppend(&message, " (", module.empty() ? "" : "in ");
  message.append(module).append(module.empty() ? "" : "; ");
  message.append(file_name(location));
  absl::StrAppend(&message, ":", location.line(), ")");

  NodePtr node(new Node);
  node->status = Status(error.code(), std::move(message));
  node->location = location;
  return Tensor(std::move(node));
}

/// What all nodes of ops have in common, once their inputs are there.
static Tensor finish(NodePtr node, DType dtype, const Shape &shape, double real,
                     Device device, std::source_location location) {
  for (const Operand &input : node->inputs)
    if (input.node &&
        input.node->awaits_parameters.load(std::memory_order_acquire))
      node->awaits_parameters.store(true, std::memory_order_relaxed);
  node->dtype = dtype;
  node->shape = shape;
  node->attributes.real = real;
  node->device = device;
  node->location = location;
  node->sign();
  return Tensor(std::move(node));
}

Tensor node(OpKind kind, DType dtype, const Shape &shape,
            std::span<Operand> operands, const Attributes &attributes,
            Device device, std::source_location location) {
  NodePtr node = Node::make(kind, operands.size(), attributes.ints);
  std::ranges::move(operands, node->inputs.begin());
  return finish(std::move(node), dtype, shape, attributes.real, device,
                location);
}

Tensor node(OpKind kind, DType dtype, const Shape &shape,
            std::initializer_list<const Tensor *> operands,
            const Attributes &attributes, std::source_location location) {
  NodePtr node = Node::make(kind, operands.size(), attributes.ints);
  for (size_t i = 0; const Tensor *operand : operands)
    node->inputs[i++].node = operand->node();
  return finish(std::move(node), dtype, shape, attributes.real,
                (*operands.begin())->device(), location);
}

Tensor leaf(std::shared_ptr<runtime::Storage> storage, DType dtype,
            const Shape &shape, Device device, std::source_location location) {
  NodePtr node = Node::make(OpKind::leaf, 0);
  node->storage = std::move(storage);
  node->dtype = dtype;
  node->shape = shape;
  node->device = device;
  node->location = location;
  return Tensor(std::move(node));
}

Tensor splat(Scalar value, DType dtype, const Shape &shape, Device device,
             std::source_location location) {
  Operand number{{}, value, dtype};
  return node(OpKind::splat, dtype, shape, {&number, 1}, {}, device, location);
}

Status accepts(std::string_view op, Types types, DType dtype) {
  bool accepted = types == Types::any;
  if (types == Types::floating)
    accepted = is_floating(dtype);
  if (types == Types::number)
    accepted = dtype != boolean;
  if (types == Types::boolean)
    accepted = dtype == boolean;
  if (accepted)
    return {};
  std::string message(op);
  message.append(": needs ").append(describe(types)).append(": got ");
  message.append(name(dtype));
  return invalid_argument_error(std::move(message));
}

Status mixed_types(std::string_view op, DType first, DType other) {
  std::string message(op);
  message.append(": mixed types: ").append(name(first));
  message.append(" and ").append(name(other));
  return invalid_argument_error(std::move(message));
}

Status mixed_devices(std::string_view op, Device first, Device other) {
  std::string message(op);
  message.append(": devices differ: ");
  message.append(to_string(first)).append(" and ").append(to_string(other));
  return invalid_argument_error(std::move(message));
}

std::string to_text(Scalar value) {
  switch (value.kind()) {
  case Scalar::Kind::truth:
    return value.to_int64() ? "true" : "false";
  case Scalar::Kind::integer:
    return std::to_string(value.to_int64());
  case Scalar::Kind::large:
    return std::to_string(value.to_uint64());
  case Scalar::Kind::real:
    break;
  }
  return absl::StrCat(value.to_double());
}

Status fits(std::string_view op, Scalar value, DType dtype) {
  if (is_floating(dtype) || value.kind() == Scalar::Kind::truth)
    return {};
  auto error = [&](const char *rule, const char *separator) {
    std::string message(op);
    message.append(rule).append(name(dtype)).append(separator);
    return invalid_argument_error(message + to_text(value));
  };
  if (value.kind() == Scalar::Kind::real)
    return error(": a real number for ", ": got ");
  if (dtype == boolean)
    return {};
  if (value.kind() == Scalar::Kind::large)
    return error(": number does not fit ", ": got ");
  if (dtype == int64)
    return {};
  int64_t low = 0, high = 0;
  switch (dtype) {
  case DType::int32:
    low = std::numeric_limits<int32_t>::min();
    high = std::numeric_limits<int32_t>::max();
    break;
  case DType::int8:
    low = -128, high = 127;
    break;
  case DType::int4:
    low = -8, high = 7;
    break;
  default: // uint8
    high = 255;
    break;
  }
  if (value.to_int64() < low || value.to_int64() > high)
    return error(": number does not fit ", ": got ");
  return {};
}

Tensor to_tensor(const Arg &arg) {
  if (arg.tensor())
    return *arg.tensor();
  const DType dtype = default_dtype(arg.scalar());
  if (Status s = fits("tensor", arg.scalar(), dtype); !s.ok())
    return fail(s, arg.location());
  return splat(arg.scalar(), dtype, {}, default_device(), arg.location());
}

DType common_type(Scalar x, Scalar y) {
  const DType a = default_dtype(x), b = default_dtype(y);
  for (DType type : {float32, int64, int32})
    if (a == type || b == type)
      return type;
  return boolean;
}

Tensor broadcast_to(const Tensor &x, const Shape &shape,
                    std::source_location location) {
  if (x.shape() == shape)
    return x;
  return node(OpKind::broadcast, x.dtype(), shape, {&x}, {}, location);
}

} // namespace record

namespace {

/// The columns of a row that recording needs.
struct Row {
  bool is_row = false;
  bool is_predicate = false;
  record::Types types = record::Types::any;
};

constexpr size_t kNumOpKinds = 1
#define WEFT_OP(mnemonic) +1
#include "weft/IR/OpKinds.inc"
#undef WEFT_OP
    ;

constexpr auto kRows = [] {
  using enum record::Types;
  constexpr auto Floating = floating, Number = number,
                 Bool = record::Types::boolean, Any = any;
  (void)Floating, (void)Number, (void)Bool, (void)Any;
  std::array<Row, kNumOpKinds> rows{};
#define WEFT_ROW(mnemonic, op_class, arity, predicate, types, ...)             \
  rows[static_cast<size_t>(OpKind::mnemonic)] = {true, predicate, types};
#include "weft/IR/Rows.inc"
#undef WEFT_ROW
  return rows;
}();

const Row &row(OpKind kind) { return kRows[static_cast<size_t>(kind)]; }

Tensor record_scalar_operand(OpKind kind, const Tensor &x, Scalar scalar,
                             bool scalar_is_first,
                             std::source_location location) {
  if (!x.ok())
    return x;
  Status status = record::accepts(name(kind), row(kind).types, x.dtype());
  if (status.ok())
    status = record::fits(name(kind), scalar, x.dtype());
  if (!status.ok())
    return record::fail(status, location, {&x});
  Operand operands[2];
  operands[scalar_is_first ? 1 : 0].node = x.node();
  operands[scalar_is_first ? 0 : 1] = {{}, scalar, x.dtype()};
  return record::node(kind, row(kind).is_predicate ? boolean : x.dtype(),
                      x.shape(), operands, {}, x.device(), location);
}

} // namespace

Tensor record_unary(OpKind kind, const Tensor &x,
                    std::source_location location) {
  if (!x.ok())
    return x;
  Status status = record::accepts(name(kind), row(kind).types, x.dtype());
  if (!status.ok())
    return record::fail(status, location, {&x});
  return record::node(kind, x.dtype(), x.shape(), {&x}, {}, location);
}

Tensor record_binary(OpKind kind, const Arg &lhs, const Arg &rhs) {
  const std::source_location location = lhs.location();
  if (!lhs.tensor() && !rhs.tensor()) {
    const DType dtype = record::common_type(lhs.scalar(), rhs.scalar());
    if (Status s = record::fits(name(kind), lhs.scalar(), dtype); !s.ok())
      return record::fail(s, location);
    return record_scalar_operand(
        kind,
        record::splat(lhs.scalar(), dtype, {}, default_device(), location),
        rhs.scalar(), false, location);
  }
  if (!rhs.tensor())
    return record_scalar_operand(kind, *lhs.tensor(), rhs.scalar(), false,
                                 location);
  if (!lhs.tensor())
    return record_scalar_operand(kind, *rhs.tensor(), lhs.scalar(), true,
                                 location);

  const Tensor &x = *lhs.tensor(), &y = *rhs.tensor();
  for (const Tensor *operand : {&x, &y})
    if (!operand->ok())
      return *operand;
  Status status = record::same_types(name(kind), {&x, &y});
  if (status.ok())
    status = record::accepts(name(kind), row(kind).types, x.dtype());
  if (status.ok())
    status = record::same_devices(name(kind), {&x, &y});
  if (!status.ok())
    return record::fail(status, location, {&x, &y});
  const DType dtype = row(kind).is_predicate ? boolean : x.dtype();
  if (x.shape() == y.shape())
    return record::node(kind, dtype, x.shape(), {&x, &y}, {}, location);
  const Shape shapes[] = {x.shape(), y.shape()};
  StatusOr<Shape> shape = shape_rules::broadcast(name(kind), shapes);
  if (!shape.ok())
    return record::fail(shape.status(), location, {&x, &y});
  return record::node(kind, dtype, *shape, {&x, &y}, {}, location);
}

} // namespace weft
