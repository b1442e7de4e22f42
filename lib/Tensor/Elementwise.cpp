// SPDX-License-Identifier: Apache-2.0
// The functions that work element by element: the rows, their operators, and
// the three that are no rows.
#include "Record.h"

#include "weft/Core/ShapeRules.h"
#include "weft/Functions.h"

namespace weft {

#include "weft/IR/RowFunctions.cpp.inc"

Tensor operator+(const Arg &x, const Arg &y) { return add(x, y); }
Tensor operator-(const Arg &x, const Arg &y) { return sub(x, y); }
Tensor operator*(const Arg &x, const Arg &y) { return mul(x, y); }
Tensor operator/(const Arg &x, const Arg &y) { return div(x, y); }
Tensor operator%(const Arg &x, const Arg &y) { return mod(x, y); }
Tensor operator==(const Arg &x, const Arg &y) { return equal(x, y); }
Tensor operator!=(const Arg &x, const Arg &y) { return not_equal(x, y); }
Tensor operator<(const Arg &x, const Arg &y) { return less(x, y); }
Tensor operator<=(const Arg &x, const Arg &y) { return less_equal(x, y); }
Tensor operator>(const Arg &x, const Arg &y) { return greater(x, y); }
Tensor operator>=(const Arg &x, const Arg &y) { return greater_equal(x, y); }
Tensor operator&(const Arg &x, const Arg &y) { return logical_and(x, y); }
Tensor operator|(const Arg &x, const Arg &y) { return logical_or(x, y); }

Tensor operator-(const Arg &x) {
  return neg(record::to_tensor(x), x.location());
}
Tensor operator!(const Arg &x) {
  return logical_not(record::to_tensor(x), x.location());
}
Tensor operator~(const Arg &x) { return !x; }

Tensor &Tensor::operator+=(const Arg &y) {
  return *this = add(Arg(*this, y.location()), y);
}
Tensor &Tensor::operator-=(const Arg &y) {
  return *this = sub(Arg(*this, y.location()), y);
}
Tensor &Tensor::operator*=(const Arg &y) {
  return *this = mul(Arg(*this, y.location()), y);
}
Tensor &Tensor::operator/=(const Arg &y) {
  return *this = div(Arg(*this, y.location()), y);
}

/// `where`, under the name that its messages carry.
static Tensor select(std::string_view op, const Arg &condition, const Arg &x,
                     const Arg &y) {
  const std::source_location location = condition.location();
  const Tensor chosen = record::to_tensor(condition);
  // What a number becomes: the other value's type, or the type of both.
  DType dtype = record::common_type(x.scalar(), y.scalar());
  for (const Arg *value : {&y, &x})
    if (value->tensor())
      dtype = value->tensor()->dtype();
  const Device device = chosen.device();
  Status status;
  auto as_tensor = [&](const Arg &value) {
    if (value.tensor())
      return *value.tensor();
    if (Status fits = record::fits(op, value.scalar(), dtype); !fits.ok())
      status = fits;
    return record::splat(value.scalar(), dtype, {}, device, location);
  };
  const Tensor a = as_tensor(x), b = as_tensor(y);
  for (const Tensor *operand : {&chosen, &a, &b})
    if (!operand->ok())
      return *operand;
  if (status.ok() && chosen.dtype() != boolean)
    status = record::accepts(op, record::Types::boolean, chosen.dtype());
  if (status.ok())
    status = record::same_types(op, {&a, &b});
  if (status.ok())
    status = record::same_devices(op, {&chosen, &a, &b});
  if (!status.ok())
    return record::fail(status, location, {&chosen, &a, &b});

  const Shape shapes[] = {chosen.shape(), a.shape(), b.shape()};
  StatusOr<Shape> shape = shape_rules::broadcast(op, shapes);
  if (!shape.ok())
    return record::fail(shape.status(), location, {&chosen, &a, &b});
  // Numbers fill the result's shape at once; only rows broadcast implicitly.
  auto spread = [&](const Arg &value, const Tensor &tensor) {
    return value.tensor()
               ? record::broadcast_to(tensor, *shape, location)
               : record::splat(value.scalar(), dtype, *shape, device, location);
  };
  const Tensor c = record::broadcast_to(chosen, *shape, location);
  const Tensor p = spread(x, a), q = spread(y, b);
  return record::node(OpKind::where, dtype, *shape, {&c, &p, &q}, {}, location);
}

Tensor where(const Arg &condition, const Arg &x, const Arg &y) {
  return select("where", condition, x, y);
}

Tensor masked_fill(const Arg &x, const Arg &mask, Scalar value) {
  return select("masked_fill", Arg(record::to_tensor(mask), x.location()),
                Arg(value, x.location()), x);
}

Tensor cast(const Tensor &x, DType dtype, std::source_location location) {
  if (!x.ok() || x.dtype() == dtype)
    return x;
  return record::node(OpKind::cast, dtype, x.shape(), {&x}, {}, location);
}

} // namespace weft
