// SPDX-License-Identifier: Apache-2.0
// Tensor: a lazy array, how one is made, evaluated, read and printed. The
// functions on tensors are in weft/Functions.h.
#pragma once

#include "weft/Core/DType.h"
#include "weft/Core/Device.h"
#include "weft/Core/Graph.h"
#include "weft/Core/Scalar.h"
#include "weft/Core/Shape.h"
#include "weft/Core/Status.h"

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

class Arg;

/// An array of numbers that may not have been computed yet. Calling a function
/// records what to compute; `eval`, reading back and printing compute it, and
/// the value is kept. Copying a Tensor copies a reference.
///
/// A mistake does not stop the program where it is made: the tensor carries
/// the first error with its call site, functions pass it on, and `status`,
/// `eval` and everything that reads return it.
///
///   Tensor x = tensor({{1.0, 2.0}, {3.0, 4.0}});
///   Tensor y = relu(x - 2) * 10;   // recorded
///   std::cout << y;                // computed and printed
///   // tensor(
///   //     [[ 0.0000,  0.0000],
///   //      [10.0000, 20.0000]],
///   //     dtype=float32, loc=gpu:0, shape=(2, 2))
///   x + tensor({1, 2, 3});         // error: mixed types: float32 and int32
///
/// Tensors may be used from several threads at once, as `int`s may: a Tensor
/// that nobody changes can be shared.
class Tensor {
public:
  /// Holds an error: `tensor: has no value`.
  Tensor() = default;
  explicit Tensor(NodePtr node) : node_(std::move(node)) {}

  /// Copies row-major elements from the host. `device` is the default device
  /// unless given.
  ///
  ///   std::vector<float> v = {1, 2, 3, 4, 5, 6};
  ///   Tensor::from_host(v.data(), float32, {2, 3})
  ///
  /// Errors: a shape with a negative size or more than 2^59 elements; memory.
  static Tensor
  from_host(const void *data, DType dtype, const Shape &shape,
            std::optional<Device> device = {},
            std::source_location location = std::source_location::current());
  /// The same with the type of the span's elements; their number must be that
  /// of the shape, which is one dim unless given.
  ///
  ///   Tensor::from_host<float>(v, {{2, 3}})
  template <typename T>
  static Tensor
  from_host(std::span<const std::type_identity_t<T>> values,
            std::optional<Shape> shape = {}, std::optional<Device> device = {},
            std::source_location location = std::source_location::current()) {
    return from_span(values.data(), static_cast<int64_t>(values.size()),
                     dtype_of<T>(), shape, device, location);
  }

  /// Known without evaluation. Of a failed tensor `shape` is empty.
  const Shape &shape() const { return get().shape; }
  int rank() const { return shape().rank(); }
  int64_t num_elements() const { return shape().num_elements(); }
  DType dtype() const { return get().dtype; }
  Device device() const { return get().device; }

  /// The first error among the calls that made this tensor.
  const Status &status() const { return get().status; }
  bool ok() const { return status().ok(); }

  /// Computes the value unless it is there. On a GPU this only enqueues: the
  /// Status covers compilation, allocation and launch.
  Status eval() const;

  /// The value of a tensor with one element.
  ///
  ///   sum(tensor({1, 2, 3})).item<int>()   // 6
  ///
  /// Errors: more or fewer elements; T does not hold every value of the type
  /// (`item: float64 values do not fit float32`).
  template <typename T> StatusOr<T> item() const {
    T value{};
    Status status = read(&value, dtype_of<T>(), 1, "item");
    if (!status.ok())
      return status;
    return value;
  }

  /// All elements, row-major. T may be wider than the tensor's type: float for
  /// float16, int64_t for int32.
  ///
  ///   tensor({{1, 2}, {3, 4}}).to_vector<int>()   // {1, 2, 3, 4}
  template <typename T> StatusOr<std::vector<T>> to_vector() const {
    // Before memory is asked for that may be too much.
    if (Status status = eval(); !status.ok())
      return status;
    if constexpr (std::is_same_v<T, bool>) { // has no array of bools inside
      auto bytes = std::make_unique<bool[]>(count());
      Status status = read(bytes.get(), boolean, -1, "to_vector");
      if (!status.ok())
        return status;
      return std::vector<bool>(bytes.get(), bytes.get() + count());
    } else {
      std::vector<T> values(count());
      Status status = read(values.data(), dtype_of<T>(), -1, "to_vector");
      if (!status.ok())
        return status;
      return values;
    }
  }

  /// The elements in host memory, row-major, in the tensor's own type: shared,
  /// not copied, where the tensor lives on the CPU. Must not be written to.
  ///
  ///   auto data = *tensor({1.5, 2.5}).host_data();
  ///   static_cast<const float *>(data.get())[1]   // 2.5
  ///
  /// Errors: those of `eval`; memory.
  StatusOr<std::shared_ptr<const void>> host_data() const;

  Tensor &operator+=(const Arg &y);
  Tensor &operator-=(const Arg &y);
  Tensor &operator*=(const Arg &y);
  Tensor &operator/=(const Arg &y);

  // Element by element, with broadcasting; a number on either side adapts to
  // the type of the tensor. See the functions of the same meaning (add, less,
  // logical_and, ...) in weft/Functions.h.
  friend Tensor operator+(const Arg &x, const Arg &y);
  friend Tensor operator-(const Arg &x, const Arg &y);
  friend Tensor operator*(const Arg &x, const Arg &y);
  friend Tensor operator/(const Arg &x, const Arg &y);
  friend Tensor operator%(const Arg &x, const Arg &y);
  friend Tensor operator==(const Arg &x, const Arg &y);
  friend Tensor operator!=(const Arg &x, const Arg &y);
  friend Tensor operator<(const Arg &x, const Arg &y);
  friend Tensor operator<=(const Arg &x, const Arg &y);
  friend Tensor operator>(const Arg &x, const Arg &y);
  friend Tensor operator>=(const Arg &x, const Arg &y);
  friend Tensor operator&(const Arg &x, const Arg &y);
  friend Tensor operator|(const Arg &x, const Arg &y);
  friend Tensor operator-(const Arg &x);
  friend Tensor operator!(const Arg &x);
  friend Tensor operator~(const Arg &x);

  /// What has been recorded; null for `Tensor()`. For the compiler.
  const NodePtr &node() const { return node_; }

private:
  static Tensor from_span(const void *data, int64_t count, DType dtype,
                          const std::optional<Shape> &shape,
                          std::optional<Device> device,
                          std::source_location location);
  const Node &get() const { return node_ ? *node_ : empty_node(); }
  static const Node &empty_node(); // carries the error of `Tensor()`
  size_t count() const { return static_cast<size_t>(num_elements()); }
  /// Converts all elements into `out`; `expected` < 0 allows any number.
  Status read(void *out, DType type, int64_t expected, const char *op) const;

  NodePtr node_;
};

/// An operand of a function: a tensor or a number, with the place of the call
/// for messages. Made implicitly.
class Arg {
public:
  Arg(const Tensor &tensor,
      std::source_location location = std::source_location::current())
      : tensor_(&tensor), location_(location) {}
  template <typename T>
    requires std::is_arithmetic_v<T>
  Arg(T value, std::source_location location = std::source_location::current())
      : scalar_(value), location_(location) {}
  Arg(Scalar value,
      std::source_location location = std::source_location::current())
      : scalar_(value), location_(location) {}

  /// Null for a number. Lives as long as the call's operand.
  const Tensor *tensor() const { return tensor_; }
  Scalar scalar() const { return scalar_; }
  std::source_location location() const { return location_; }

private:
  const Tensor *tensor_ = nullptr;
  Scalar scalar_;
  std::source_location location_;
};

/// Computes several tensors together: work they share is done once.
///
///   if (Status s = eval({loss, accuracy}); !s.ok())
///     return s;
Status eval(std::span<const Tensor> tensors);
Status eval(std::initializer_list<Tensor> tensors);

/// Prints the elements, and evaluates if needed; a failed tensor prints its
/// error. Floats have four decimals; above 1000 elements each axis shows its
/// first and last three.
///
///   std::cout << tensor({1, 2});
///   // tensor([1, 2], dtype=int32, loc=gpu:0, shape=(2,))
std::ostream &operator<<(std::ostream &os, const Tensor &tensor);
std::string to_string(const Tensor &tensor);

// ---- making tensors ---------------------------------------------------------
// `device` is `default_device()` unless given.

/// Numbers in nested braces: what `tensor` takes.
class Literal {
public:
  Literal() : is_list_(true) {}
  template <typename T>
    requires std::is_arithmetic_v<T>
  Literal(T value) : scalar_(value) {}
  Literal(std::initializer_list<Literal> elements)
      : elements_(elements), is_list_(true) {}

  bool is_list() const { return is_list_; }
  Scalar scalar() const { return scalar_; }
  const std::vector<Literal> &elements() const { return elements_; }

private:
  Scalar scalar_;
  std::vector<Literal> elements_;
  bool is_list_ = false;
};

/// A tensor of the given numbers. Without `dtype`: bools make bool, integers
/// int32 (int64 if one does not fit), anything with a real number float32;
/// no numbers at all float32.
///
///   tensor({{1, 2}, {3, 4}})        // int32, shape [2, 2]
///   tensor({1, 2.5})                // float32, shape [2]
///   tensor({{1, 2}, {3}})           // error: tensor: rows differ in length:
///                                   // 2 and 1 at depth 1
///   tensor({0.5}, int32)            // error: a real number for int32
Tensor tensor(const Literal &values, std::optional<DType> dtype = {},
              std::optional<Device> device = {},
              std::source_location location = std::source_location::current());

/// A tensor filled with one number.
///
///   full({2}, 0.5)           // [0.5, 0.5] of float32
///   full({2}, 7, int8)       // [7, 7] of int8
///   full({2}, 0.5, int8)     // error: full: a real number for int8: got 0.5
///   zeros({2, 3})            // two rows of three zeros of float32
///
/// Errors: a shape with a negative size or more than 2^59 elements; a number
/// that the type does not have.
Tensor full(const Shape &shape, Scalar value, DType dtype = float32,
            std::optional<Device> device = {},
            std::source_location location = std::source_location::current());
Tensor zeros(const Shape &shape, DType dtype = float32,
             std::optional<Device> device = {},
             std::source_location location = std::source_location::current());
Tensor ones(const Shape &shape, DType dtype = float32,
            std::optional<Device> device = {},
            std::source_location location = std::source_location::current());

/// 0, 1, 2, ... along `axis`, constant along all others.
///
///   iota({2, 3})        // [[0, 0, 0], [1, 1, 1]]
///   iota({2, 3}, 1)     // [[0, 1, 2], [0, 1, 2]]
///
/// Errors: an axis the shape does not have.
Tensor iota(const Shape &shape, int64_t axis = 0, DType dtype = float32,
            std::optional<Device> device = {},
            std::source_location location = std::source_location::current());

/// start, start + step, ... up to but without `stop`: ceil((stop - start) /
/// step) elements, none if that is negative.
///
///   arange(0, 5, 2)           // [0, 2, 4] of float32
///   arange(3, 0, -1, int32)   // [3, 2, 1]
///
/// Errors: step 0; numbers that are not finite; a real step for an integer
/// type; integers that do not fit the type, or int64.
Tensor arange(Scalar start, Scalar stop, Scalar step = 1, DType dtype = float32,
              std::optional<Device> device = {},
              std::source_location location = std::source_location::current());

/// The shape, device and, unless given, type of `x`.
///
///   full_like(tensor({1, 2}), 7)   // [7, 7] of int32
Tensor
full_like(const Tensor &x, Scalar value, std::optional<DType> dtype = {},
          std::source_location location = std::source_location::current());
Tensor
zeros_like(const Tensor &x, std::optional<DType> dtype = {},
           std::source_location location = std::source_location::current());
Tensor
ones_like(const Tensor &x, std::optional<DType> dtype = {},
          std::source_location location = std::source_location::current());
Tensor
iota_like(const Tensor &x, int64_t axis = 0, std::optional<DType> dtype = {},
          std::source_location location = std::source_location::current());

struct BorrowOptions {
  /// Elements from one index to the next, an entry for each dim; row-major
  /// unless given. May be 0 or negative: `data` is the element at index 0.
  std::optional<std::vector<int64_t>> strides = {};
  Device device = Device::cpu();
  /// Called once, when nobody needs the memory any more and the device has
  /// finished with it; from any thread.
  std::function<void()> on_release = {};
};

/// Wraps memory of the caller's without a copy. The memory must stay, and its
/// contents must not change, until `on_release`.
///
///   float pixels[6] = {1, 2, 3, 4, 5, 6};
///   borrow(pixels, float32, {2, 3})
///   borrow(pixels, float32, {3, 2}, {.strides = {{1, 3}}})   // transposed
///
/// Errors: no memory; a wrong number of strides.
Tensor borrow(const void *data, DType dtype, const Shape &shape,
              BorrowOptions options = {},
              std::source_location location = std::source_location::current());

/// Takes over a vector without a copy (on the CPU; copied to a GPU).
///
///   adopt(std::move(values), {2, 3})
///
/// Errors: the vector has not as many elements as the shape.
template <typename T>
Tensor adopt(std::vector<T> values, const Shape &shape,
             std::optional<Device> device = {},
             std::source_location location = std::source_location::current());

namespace detail {
Tensor adopt(const void *data, int64_t count, DType dtype, const Shape &shape,
             std::optional<Device> device, std::function<void()> release,
             std::source_location location);
} // namespace detail

template <typename T>
Tensor adopt(std::vector<T> values, const Shape &shape,
             std::optional<Device> device, std::source_location location) {
  static_assert(!std::is_same_v<T, bool>,
                "std::vector<bool> has no array inside");
  auto owner = std::make_shared<std::vector<T>>(std::move(values));
  const void *data = owner->data();
  auto count = static_cast<int64_t>(owner->size());
  return detail::adopt(
      data, count, dtype_of<T>(), shape, device,
      [owner = std::move(owner)]() mutable { owner.reset(); }, location);
}

} // namespace weft
