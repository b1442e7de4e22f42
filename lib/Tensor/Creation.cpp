// SPDX-License-Identifier: Apache-2.0
// Making tensors. What follows a rule (full, iota) is recorded; what the
// program's memory holds is copied at once, or referred to.
#include "Record.h"
#include "Strides.h"

#include "weft/Core/Float.h"
#include "weft/Core/ShapeRules.h"
#include "weft/Runtime.h"

#include "runtime/Storage.h"
#include "runtime/StreamOrder.h"

#include <cmath>

namespace weft {
namespace {

/// A tensor on `device` from dense memory on the host that `storage` owns.
Tensor place(std::string_view op, std::shared_ptr<runtime::Storage> storage,
             DType dtype, const Shape &shape, std::optional<Device> device,
             std::source_location location) {
  const Device target = device ? *device : default_device();
  if (!target.is_cpu()) {
    auto copied = runtime::copyTo(*storage, target);
    if (!copied.ok())
      return record::fail(Status(copied.status().code(),
                                 std::string(op) + ": " +
                                     std::string(copied.status().message())),
                          location);
    storage = *copied;
  }
  return record::leaf(std::move(storage), dtype, shape, target, location);
}

/// Memory on the host for `count` elements.
StatusOr<std::shared_ptr<runtime::Storage>> allocate(DType dtype,
                                                     int64_t count) {
  return runtime::Storage::allocate(Device::cpu(),
                                    count * size_in_bytes(dtype));
}

Status check_count(std::string_view op, int64_t count, const Shape &shape) {
  if (Status status = shape_rules::valid(op, shape); !status.ok())
    return status;
  if (count == shape.num_elements())
    return {};
  return invalid_argument_error(
      std::string(op) + ": element counts differ: got " +
      std::to_string(count) + ", shape " + to_string(shape));
}

// ---- literals ---------------------------------------------------------------

/// Reads nested braces: first the shape, which every list of a level must
/// have, then the numbers.
class LiteralReader {
public:
  Status read_shape(const Literal &literal, int depth = 0) {
    const bool is_first = depth == static_cast<int>(sizes_.size());
    if (!literal.is_list()) {
      if (depth != rank_ && rank_ >= 0)
        return mixed(depth);
      rank_ = depth;
      return {};
    }
    if (rank_ >= 0 && depth >= rank_)
      return mixed(depth);
    const auto size = static_cast<int64_t>(literal.elements().size());
    if (is_first)
      sizes_.push_back(size);
    else if (sizes_[static_cast<size_t>(depth)] != size)
      return invalid_argument_error(
          "tensor: rows differ in length: " +
          std::to_string(sizes_[static_cast<size_t>(depth)]) + " and " +
          std::to_string(size) + " at depth " + std::to_string(depth));
    for (const Literal &element : literal.elements())
      if (Status status = read_shape(element, depth + 1); !status.ok())
        return status;
    return {};
  }

  Shape shape() const { return Shape(std::span<const int64_t>(sizes_)); }

  void read_numbers(const Literal &literal) {
    if (!literal.is_list())
      numbers_.push_back(literal.scalar());
    for (const Literal &element : literal.elements())
      read_numbers(element);
  }

  const std::vector<Scalar> &numbers() const { return numbers_; }

  /// The narrowest default type of all numbers.
  StatusOr<DType> type() const {
    if (numbers_.empty())
      return float32;
    DType type = default_dtype(numbers_.front());
    for (Scalar number : numbers_) {
      const DType other = default_dtype(number);
      if ((other == boolean) != (type == boolean))
        return invalid_argument_error(
            "tensor: bools beside numbers: give a type");
      if (other == float32 || (other == int64 && type == int32))
        type = other;
    }
    return type;
  }

private:
  static Status mixed(int depth) {
    return invalid_argument_error("tensor: numbers beside lists: at depth " +
                                  std::to_string(depth));
  }

  std::vector<int64_t> sizes_;
  std::vector<Scalar> numbers_;
  int rank_ = -1; // where numbers have been seen
};

} // namespace

Tensor tensor(const Literal &values, std::optional<DType> dtype,
              std::optional<Device> device, std::source_location location) {
  LiteralReader reader;
  Status status = reader.read_shape(values);
  if (status.ok())
    status = shape_rules::valid("tensor", reader.shape());
  if (!status.ok())
    return record::fail(status, location);
  reader.read_numbers(values);
  StatusOr<DType> type = dtype ? StatusOr<DType>(*dtype) : reader.type();
  if (!type.ok())
    return record::fail(type.status(), location);
  const auto count = static_cast<int64_t>(reader.numbers().size());
  status = check_count("tensor", count, reader.shape());
  for (Scalar number : reader.numbers())
    if (status.ok())
      status = record::fits("tensor", number, *type);
  if (!status.ok())
    return record::fail(status, location);
  auto storage = allocate(*type, count);
  if (!storage.ok())
    return record::fail(storage.status(), location);
  for (int64_t i = 0; i < count; ++i)
    store_scalar((*storage)->data(), *type, i,
                 reader.numbers()[static_cast<size_t>(i)]);
  return place("tensor", *storage, *type, reader.shape(), device, location);
}

// ---- by a rule --------------------------------------------------------------

/// `full`, under the name that its messages carry.
static Tensor filled(std::string_view op, const Shape &shape, Scalar value,
                     DType dtype, std::optional<Device> device,
                     std::source_location location) {
  Status status = shape_rules::valid(op, shape);
  if (status.ok())
    status = record::fits(op, value, dtype);
  if (!status.ok())
    return record::fail(status, location);
  return record::splat(value, dtype, shape, device ? *device : default_device(),
                       location);
}

Tensor full(const Shape &shape, Scalar value, DType dtype,
            std::optional<Device> device, std::source_location location) {
  return filled("full", shape, value, dtype, device, location);
}

Tensor zeros(const Shape &shape, DType dtype, std::optional<Device> device,
             std::source_location location) {
  return filled("zeros", shape, 0, dtype, device, location);
}

Tensor ones(const Shape &shape, DType dtype, std::optional<Device> device,
            std::source_location location) {
  return filled("ones", shape, 1, dtype, device, location);
}

Tensor iota(const Shape &shape, int64_t axis, DType dtype,
            std::optional<Device> device, std::source_location location) {
  if (Status status = shape_rules::valid("iota", shape); !status.ok())
    return record::fail(status, location);
  StatusOr<int> dim = shape_rules::axis("iota", axis, shape.rank());
  if (!dim.ok())
    return record::fail(dim.status(), location);
  const int64_t along[] = {*dim};
  return record::node(OpKind::iota, dtype, shape, std::span<Operand>(),
                      {.ints = along}, device ? *device : default_device(),
                      location);
}

/// How many integers a range of them has: exact up to 2^53, and beyond that
/// more than memory holds.
static double steps_between(Scalar start, Scalar stop, Scalar step) {
  const __int128 distance = __int128(stop.to_int64()) - start.to_int64();
  const __int128 stride = step.to_int64();
  const bool none = stride > 0 ? distance <= 0 : distance >= 0;
  return none ? 0
              : static_cast<double>(
                    (distance - (stride > 0 ? 1 : -1)) / stride + 1);
}

Tensor arange(Scalar start, Scalar stop, Scalar step, DType dtype,
              std::optional<Device> device, std::source_location location) {
  auto bad = [&](const std::string &rule) {
    return record::fail(
        invalid_argument_error("arange: " + rule + ": start " +
                               record::to_text(start) + ", stop " +
                               record::to_text(stop) + ", step " +
                               record::to_text(step)),
        location);
  };
  const double a = start.to_double(), b = stop.to_double(),
               s = step.to_double();
  bool is_real = false;
  for (Scalar value : {start, stop, step}) {
    is_real |= value.kind() == Scalar::Kind::real;
    if (!std::isfinite(value.to_double()))
      return bad("a number is not finite");
    if (value.kind() == Scalar::Kind::large)
      return bad("a number does not fit int64");
  }
  if (s == 0)
    return bad("step is 0");
  if (is_real && !is_floating(dtype))
    return bad("a real number for " + std::string(name(dtype)));

  const double elements =
      is_real ? std::ceil((b - a) / s) : steps_between(start, stop, step);
  if (elements > static_cast<double>(shape_rules::kMaxElements))
    return bad("too many elements");
  const int64_t count = elements > 0 ? static_cast<int64_t>(elements) : 0;
  if (!is_real && count > 0) {
    const Scalar last = start.to_int64() + (count - 1) * step.to_int64();
    for (Scalar end : {start, last})
      if (Status status = record::fits("arange", end, dtype); !status.ok())
        return record::fail(status, location);
  }
  auto storage = allocate(dtype, count);
  if (!storage.ok())
    return record::fail(storage.status(), location);
  // Every element is rounded once, from exact or double values.
  for (int64_t i = 0; i < count; ++i)
    if (is_real)
      store_from_double((*storage)->data(), dtype, i,
                        a + static_cast<double>(i) * s);
    else
      store_from_int64((*storage)->data(), dtype, i,
                       start.to_int64() + i * step.to_int64());
  return place("arange", *storage, dtype, {count}, device, location);
}

Tensor full_like(const Tensor &x, Scalar value, std::optional<DType> dtype,
                 std::source_location location) {
  if (!x.ok())
    return x;
  return filled("full_like", x.shape(), value, dtype.value_or(x.dtype()),
                x.device(), location);
}

Tensor zeros_like(const Tensor &x, std::optional<DType> dtype,
                  std::source_location location) {
  return full_like(x, 0, dtype, location);
}

Tensor ones_like(const Tensor &x, std::optional<DType> dtype,
                 std::source_location location) {
  return full_like(x, 1, dtype, location);
}

Tensor iota_like(const Tensor &x, int64_t axis, std::optional<DType> dtype,
                 std::source_location location) {
  if (!x.ok())
    return x;
  return iota(x.shape(), axis, dtype.value_or(x.dtype()), x.device(), location);
}

// ---- from memory ------------------------------------------------------------

Tensor Tensor::from_host(const void *data, DType dtype, const Shape &shape,
                         std::optional<Device> device,
                         std::source_location location) {
  if (Status status = shape_rules::valid("from_host", shape); !status.ok())
    return record::fail(status, location);
  const int64_t count = shape.num_elements();
  if (!data && count > 0)
    return record::fail(invalid_argument_error("from_host: no memory: shape " +
                                               to_string(shape)),
                        location);
  auto storage = allocate(dtype, count);
  if (!storage.ok())
    return record::fail(storage.status(), location);
  if (count > 0)
    std::copy_n(static_cast<const char *>(data), count * size_in_bytes(dtype),
                static_cast<char *>((*storage)->data()));
  return place("from_host", *storage, dtype, shape, device, location);
}

Tensor Tensor::from_span(const void *data, int64_t count, DType dtype,
                         const std::optional<Shape> &shape,
                         std::optional<Device> device,
                         std::source_location location) {
  const Shape given = shape ? *shape : Shape{count};
  if (Status status = check_count("from_host", count, given); !status.ok())
    return record::fail(status, location);
  return from_host(data, dtype, given, device, location);
}

Tensor detail::adopt(const void *data, int64_t count, DType dtype,
                     const Shape &shape, std::optional<Device> device,
                     std::function<void()> release,
                     std::source_location location) {
  if (Status status = check_count("adopt", count, shape); !status.ok())
    return record::fail(status, location);
  auto storage = std::make_shared<runtime::Storage>(
      Device::cpu(), const_cast<void *>(data), count * size_in_bytes(dtype),
      std::move(release));
  return place("adopt", std::move(storage), dtype, shape, device, location);
}

Tensor borrow(const void *data, DType dtype, const Shape &shape,
              BorrowOptions options, std::source_location location) {
  StatusOr<StridedMemory> memory =
      strided_memory("borrow", shape, options.strides);
  Status status = memory.status();
  if (status.ok() && !data && shape.num_elements() > 0)
    status =
        invalid_argument_error("borrow: no memory: shape " + to_string(shape));
  if (!status.ok()) {
    // The caller gave the memory away, and gets it back.
    if (options.on_release)
      options.on_release();
    return record::fail(status, location);
  }

  const int64_t size = size_in_bytes(dtype);
  char *lowest = static_cast<char *>(const_cast<void *>(data));
  if (memory->offset > 0)
    lowest -= memory->offset * size;
  auto storage = std::make_shared<runtime::Storage>(
      options.device, lowest, memory->elements * size,
      std::move(options.on_release));
  if (memory->is_dense)
    return record::leaf(std::move(storage), dtype, shape, options.device,
                        location);
  Tensor elements = record::leaf(std::move(storage), dtype, {memory->elements},
                                 options.device, location);
  std::vector<int64_t> layout = {memory->offset};
  layout.insert(layout.end(), options.strides->begin(), options.strides->end());
  return record::node(OpKind::as_strided, dtype, shape, {&elements},
                      {.ints = layout}, location);
}

} // namespace weft
