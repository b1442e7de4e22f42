// SPDX-License-Identifier: Apache-2.0
// How a call becomes a node: what all functions on tensors share.
#pragma once

#include "weft/Core/Graph.h"
#include "weft/Tensor.h"

#include <initializer_list>
#include <source_location>
#include <span>
#include <string_view>

namespace weft::record {

/// What kinds of element types an op accepts.
enum class Types : uint8_t { floating, number, boolean, any };

/// A tensor that carries `error`, to which the place of the call and the
/// module that owns one of `operands` are added: `conv: ... (in layer1.0.conv1;
/// net.cpp:12)`.
Tensor fail(const Status &error, std::source_location location,
            std::initializer_list<const Tensor *> operands = {});

/// A node for an op on `operands`, which are fine and of one device. Its device
/// is theirs. The node has its own copy of the attributes.
Tensor node(OpKind kind, DType dtype, const Shape &shape,
            std::initializer_list<const Tensor *> operands,
            const Attributes &attributes, std::source_location location);
/// The same with numbers among the operands, which are moved from.
Tensor node(OpKind kind, DType dtype, const Shape &shape,
            std::span<Operand> operands, const Attributes &attributes,
            Device device, std::source_location location);
/// A node of known elements.
Tensor leaf(std::shared_ptr<runtime::Storage> storage, DType dtype,
            const Shape &shape, Device device, std::source_location location);
/// A tensor whose elements all equal `value`.
Tensor splat(Scalar value, DType dtype, const Shape &shape, Device device,
             std::source_location location);

/// Checks of arguments; the messages begin with `op`.
Status accepts(std::string_view op, Types types, DType dtype);
Status mixed_types(std::string_view op, DType first, DType other);
Status mixed_devices(std::string_view op, Device first, Device other);
inline Status same_types(std::string_view op,
                         std::initializer_list<const Tensor *> operands) {
  const DType first = (*operands.begin())->dtype();
  for (const Tensor *operand : operands)
    if (operand->dtype() != first)
      return mixed_types(op, first, operand->dtype());
  return {};
}
inline Status same_devices(std::string_view op,
                           std::initializer_list<const Tensor *> operands) {
  const Device first = (*operands.begin())->device();
  for (const Tensor *operand : operands)
    if (operand->device() != first)
      return mixed_devices(op, first, operand->device());
  return {};
}
/// Whether a number can stand beside or become a tensor of `dtype`.
Status fits(std::string_view op, Scalar value, DType dtype);

/// An operand as a tensor; a number as one of its default type.
Tensor to_tensor(const Arg &arg);
/// The type of two numbers that meet without a tensor.
DType common_type(Scalar x, Scalar y);
/// `x` repeated to a shape that it broadcasts to.
Tensor broadcast_to(const Tensor &x, const Shape &shape,
                    std::source_location location);

/// 16- and 8-bit floats are summed in float32.
inline DType summing_type(DType dtype) {
  return is_floating(dtype) && size_in_bytes(dtype) < 4 ? float32 : dtype;
}

/// `2`, `0.5`, `true`
std::string to_text(Scalar value);

} // namespace weft::record

namespace weft {

// What the generated functions of the rows call.
Tensor record_unary(OpKind kind, const Tensor &x,
                    std::source_location location);
Tensor record_binary(OpKind kind, const Arg &x, const Arg &y);

} // namespace weft
