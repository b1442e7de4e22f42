// SPDX-License-Identifier: Apache-2.0
// Matrix products: the op wants equal ranks and batch sizes, so vectors become
// matrices and batches are repeated first.
#include "Record.h"

#include "weft/Core/ShapeRules.h"
#include "weft/Functions.h"

namespace weft {
namespace {

/// The last two sizes behind `batch`.
Shape with_batch(std::span<const int64_t> batch, const Shape &matrix) {
  Shape shape(batch);
  shape.push_back(matrix[-2]);
  shape.push_back(matrix[-1]);
  return shape;
}

std::span<const int64_t> batch_of(const Shape &shape) {
  return {shape.begin(), shape.end() - 2};
}

Tensor record_matmul(const Tensor &lhs, const Tensor &rhs,
                     std::source_location location) {
  StatusOr<Shape> shape = shape_rules::matmul(lhs.shape(), rhs.shape());
  if (!shape.ok())
    return record::fail(shape.status(), location, {&lhs, &rhs});
  return record::node(OpKind::matmul, lhs.dtype(), *shape, {&lhs, &rhs}, {},
                      location);
}

/// Operands of rank 2 and more.
Tensor batched(const Tensor &lhs, const Tensor &rhs,
               std::source_location location) {
  if (lhs.rank() == rhs.rank() &&
      std::equal(lhs.shape().begin(), lhs.shape().end() - 2,
                 rhs.shape().begin()))
    return record_matmul(lhs, rhs, location);
  // One matrix on the right serves all rows on the left: one large product
  // instead of many that read the same matrix.
  if (rhs.rank() == 2) {
    Shape shape = lhs.shape();
    shape[-1] = 1;
    Tensor rows =
        reshape(lhs, {shape.num_elements(), lhs.shape()[-1]}, location);
    shape[-1] = rhs.shape()[-1];
    return reshape(record_matmul(rows, rhs, location), shape, location);
  }
  const Shape batches[] = {Shape(batch_of(lhs.shape())),
                           Shape(batch_of(rhs.shape()))};
  StatusOr<Shape> batch = shape_rules::broadcast("matmul", batches);
  if (!batch.ok())
    return record::fail(batch.status(), location, {&lhs, &rhs});
  auto spread = [&](const Tensor &x) {
    return record::broadcast_to(
        x, with_batch({batch->begin(), batch->end()}, x.shape()), location);
  };
  return record_matmul(spread(lhs), spread(rhs), location);
}

Status check(std::string_view op,
             std::initializer_list<const Tensor *> operands,
             record::Types types) {
  Status status = record::same_types(op, operands);
  if (status.ok())
    status = record::accepts(op, types, (*operands.begin())->dtype());
  if (status.ok())
    status = record::same_devices(op, operands);
  return status;
}

} // namespace

Tensor matmul(const Tensor &lhs, const Tensor &rhs,
              std::source_location location) {
  for (const Tensor *operand : {&lhs, &rhs})
    if (!operand->ok())
      return *operand;
  Status status = check("matmul", {&lhs, &rhs}, record::Types::number);
  auto bad = [&](std::string_view rule) {
    std::string message("matmul: ");
    message.append(rule).append(": lhs ").append(to_string(lhs.shape()));
    message.append(", rhs ").append(to_string(rhs.shape()));
    return invalid_argument_error(std::move(message));
  };
  if (status.ok() && (lhs.rank() == 0 || rhs.rank() == 0))
    status = bad("rank below 1");
  if (status.ok() && lhs.shape()[-1] != rhs.shape()[rhs.rank() == 1 ? -1 : -2])
    status = bad("inner sizes differ");
  if (!status.ok())
    return record::fail(status, location, {&lhs, &rhs});

  Tensor product =
      batched(lhs.rank() == 1 ? unsqueeze(lhs, 0, location) : lhs,
              rhs.rank() == 1 ? unsqueeze(rhs, 1, location) : rhs, location);
  std::vector<int64_t> dropped;
  if (lhs.rank() == 1)
    dropped.push_back(-2);
  if (rhs.rank() == 1)
    dropped.push_back(-1);
  return dropped.empty() ? product : squeeze(product, dropped, location);
}

Tensor outer(const Tensor &x, const Tensor &y, std::source_location location) {
  for (const Tensor *operand : {&x, &y})
    if (!operand->ok())
      return *operand;
  if (x.rank() != 1 || y.rank() != 1)
    return record::fail(invalid_argument_error("outer: needs vectors: shapes " +
                                               to_string(x.shape()) + " and " +
                                               to_string(y.shape())),
                        location, {&x, &y});
  Tensor column = unsqueeze(x, 1, location), row = unsqueeze(y, 0, location);
  return mul(Arg(column, location), row);
}

Tensor linear(const Tensor &x, const Tensor &weight,
              const std::optional<Tensor> &bias,
              std::source_location location) {
  for (const Tensor *operand : {&x, &weight, bias ? &*bias : &weight})
    if (!operand->ok())
      return *operand;
  Status status = check("linear", {&x, &weight, bias ? &*bias : &weight},
                        record::Types::number);
  if (status.ok() && (weight.rank() != 2 || x.rank() == 0 ||
                      x.shape()[-1] != weight.shape()[1]))
    status = invalid_argument_error(
        "linear: last size of x is not the weight's: x " +
        to_string(x.shape()) + ", weight " + to_string(weight.shape()));
  if (status.ok() && bias && bias->shape() != Shape{weight.shape()[0]})
    status = invalid_argument_error(
        "linear: bias does not match the weight's rows: bias " +
        to_string(bias->shape()) + ", weight " + to_string(weight.shape()));
  if (!status.ok())
    return record::fail(status, location, {&weight, &x});
  Tensor y = matmul(x, transpose(weight, 0, 1, location), location);
  return bias ? add(Arg(y, location), *bias) : y;
}

} // namespace weft
