// SPDX-License-Identifier: Apache-2.0
// A value of a narrow float type is the same wherever it is read: in the kernel
// that computes it, in others, and by the caller.
#include "Values.h"

namespace weft::test {
namespace {

const DType kNarrow[] = {float16, bfloat16, float8};

/// Numbers whose products with 0.1 no narrow type holds.
Tensor numbers(DType dtype, const Shape &shape) {
  return cast(reshape(arange(1, 1 + double(shape.num_elements())), shape),
              dtype);
}

TEST(Rounding, SameInEveryKernel) {
  // The pooling is a kernel of its own and has a copy of the product.
  for (DType dtype : {float16, bfloat16}) {
    auto matches = [&](bool stored) {
      Tensor h = numbers(dtype, {1, 1, 32}) * 0.1;
      if (stored)
        EXPECT_TRUE(h.eval().ok());
      Tensor m = maxpool(h, {2}, {.stride = {2}});
      Tensor wide =
          reshape(expand(reshape(m, {1, 1, 16, 1}), {1, 1, 16, 2}), {1, 1, 32});
      return values(sum(cast(equal(h, wide), float32)))[0];
    };
    EXPECT_EQ(matches(false), 16);
    EXPECT_EQ(matches(true), 16);
  }
}

TEST(Rounding, WhatIsStoredIsReadAsStored) {
  for (DType dtype : kNarrow) {
    Tensor h = numbers(dtype, {16}) * 0.1, wide = cast(h, float32);
    ASSERT_TRUE(eval({h, wide}).ok());
    EXPECT_EQ(values(h), values(wide)) << name(dtype);
    // Through a view.
    Tensor k = numbers(dtype, {4, 4}) * 0.1, t = transpose(k);
    Tensor wider = cast(k, float32);
    ASSERT_TRUE(eval({t, wider}).ok());
    EXPECT_EQ(values(transpose(t)), values(wider)) << name(dtype);
  }
}

TEST(Rounding, SumsThatAreStored) {
  // 2049 is no float16.
  Tensor x = tensor({2048, 1}, float16), s = sum(x, {0}, true);
  Tensor y = cast(s, float32) - cast(x, float32);
  ASSERT_TRUE(eval({s, y}).ok());
  expect_values(s, {1}, {2048});
  expect_values(y, {2}, {0, 2047});
  // Nobody else sees this one.
  Tensor z = cast(sum(x, {0}, true), float32) - cast(x, float32);
  expect_values(z, {2}, {1, 2048});
}

TEST(Rounding, CastsRound) {
  Tensor h = tensor({300}, float16) * tensor({300}, float16);
  expect_values(cast(cast(cast(h, float32), float16), float32), {1},
                {HUGE_VAL});
}

TEST(Rounding, ConstantsAreAsUnroundedAsOtherNumbers) {
  Tensor data = tensor({300}, float16), constant = full({1}, 300, float16);
  expect_values(cast(data * data, float32), {1}, {90000});
  expect_values(cast(constant * constant, float32), {1}, {90000});
}

} // namespace
} // namespace weft::test
