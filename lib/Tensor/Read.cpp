// SPDX-License-Identifier: Apache-2.0
// What can be asked of a tensor, and reading its elements on the host.
#include "Evaluate.h"
#include "Record.h"

#include "weft/Core/Float.h"
#include "weft/Core/ShapeRules.h"
#include "weft/Functions.h"

#include "runtime/StreamOrder.h"

#include <cstring>

namespace weft {
namespace {

/// Bits of an integer type's magnitude, or of a float's significand: a type
/// holds the values of those with fewer.
int digits(DType type) {
  switch (type) {
  case DType::float64:
    return 53;
  case DType::float32:
    return 24;
  case DType::float16:
    return 11;
  case DType::bfloat16:
    return 8;
  case DType::float8:
    return 4;
  case DType::int64:
    return 63;
  case DType::int32:
    return 31;
  case DType::int8:
    return 7;
  case DType::int4:
    return 3;
  case DType::uint8:
    return 8;
  case DType::boolean:
    return 1;
  }
  return 64;
}

/// Whether `to` (a type of C++) holds every value of `from`.
bool holds(DType to, DType from) {
  if (to == from)
    return true;
  if (is_floating(from))
    return is_floating(to) && digits(to) > digits(from);
  const bool is_signed = is_integer(from) && from != uint8;
  if (to == boolean || (to == uint8 && is_signed))
    return false;
  return digits(to) >= digits(from);
}

} // namespace

const Node &Tensor::empty_node() {
  static const Node &node = *[] {
    auto *node = new Node;
    node->status = failed_precondition_error("tensor: has no value");
    return node;
  }();
  return node;
}

StatusOr<std::shared_ptr<const void>> Tensor::host_data() const {
  StatusOr<std::shared_ptr<runtime::Storage>> storage = storage_of(node_);
  if (!storage.ok())
    return storage.status();
  if (!(*storage)->device().is_cpu()) {
    storage = runtime::copyTo(**storage, Device::cpu());
    if (!storage.ok())
      return storage.status();
  }
  const void *data = (*storage)->data();
  return std::shared_ptr<const void>(*std::move(storage), data);
}

Status Tensor::read(void *out, DType type, int64_t expected,
                    const char *op) const {
  if (!ok())
    return status();
  const int64_t count = num_elements();
  if (expected >= 0 && count != expected)
    return invalid_argument_error(
        std::string(op) + ": needs one element: shape " + to_string(shape()));
  if (!holds(type, dtype()))
    return invalid_argument_error(
        std::string(op) + ": " + std::string(name(dtype())) +
        " values do not fit " + std::string(name(type)) + ": cast first");
  StatusOr<std::shared_ptr<const void>> data = host_data();
  if (!data.ok())
    return data.status();
  if (type == dtype()) {
    if (count > 0)
      std::memcpy(out, data->get(),
                  static_cast<size_t>(count * size_in_bytes(type)));
    return {};
  }
  for (int64_t i = 0; i < count; ++i)
    if (is_floating(type))
      store_from_double(out, type, i, load_as_double(data->get(), dtype(), i));
    else
      store_from_int64(out, type, i, load_as_int64(data->get(), dtype(), i));
  return {};
}

Tensor copy(const Tensor &x, Device device, std::source_location location) {
  if (!x.ok())
    return x;
  StatusOr<std::shared_ptr<runtime::Storage>> storage = storage_of(x.node());
  if (!storage.ok())
    return record::fail(storage.status(), location, {&x});
  if (device == (*storage)->device())
    return x;
  storage = runtime::copyTo(**storage, device);
  if (!storage.ok())
    return record::fail(storage.status(), location, {&x});
  return record::leaf(*std::move(storage), x.dtype(), x.shape(), device,
                      location);
}

StatusOr<bool> allclose(const Tensor &x, const Tensor &y, double rtol,
                        double atol) {
  for (const Tensor *operand : {&x, &y})
    if (!operand->ok())
      return operand->status();
  if (Status s = record::same_types("allclose", {&x, &y}); !s.ok())
    return s;
  const Shape shapes[] = {x.shape(), y.shape()};
  if (auto s = shape_rules::broadcast("allclose", shapes); !s.ok())
    return s.status();
  // Tolerances are real numbers.
  const DType type = is_floating(x.dtype()) ? x.dtype() : float64;
  const Tensor a = cast(x, type), b = cast(y, type);
  // An infinity minus itself is NaN, so equality counts by itself.
  Tensor close = abs(a - b) <= abs(b) * rtol + atol;
  Tensor finite = abs(b) < std::numeric_limits<double>::infinity();
  return all((x == y) | (close & finite)).item<bool>();
}

StatusOr<bool> array_equal(const Tensor &x, const Tensor &y) {
  for (const Tensor *operand : {&x, &y})
    if (!operand->ok())
      return operand->status();
  if (Status s = record::same_types("array_equal", {&x, &y}); !s.ok())
    return s;
  if (x.shape() != y.shape())
    return false;
  return all(x == y).item<bool>();
}

} // namespace weft
