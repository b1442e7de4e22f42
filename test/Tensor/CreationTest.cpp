// SPDX-License-Identifier: Apache-2.0
// Making tensors from literals, from memory and by rule.
#include "Values.h"

namespace weft {
namespace {

using test::expect_values;
using test::message;

const Device kCpu = Device::cpu();

TEST(Creation, LiteralExamples) {
  Tensor matrix = tensor({{1, 2}, {3, 4}}, {}, kCpu);
  EXPECT_EQ(matrix.dtype(), int32);
  expect_values(matrix, {2, 2}, {1, 2, 3, 4});
  Tensor mixed = tensor({1, 2.5}, {}, kCpu);
  EXPECT_EQ(mixed.dtype(), float32);
  expect_values(mixed, {2}, {1, 2.5});
  EXPECT_EQ(message(tensor({{1, 2}, {3}})),
            "tensor: rows differ in length: 2 and 1 at depth 1");
  EXPECT_EQ(message(tensor({0.5}, int32)),
            "tensor: a real number for int32: got 0.5");
}

TEST(Creation, LiteralsOfEveryRank) {
  expect_values(tensor(7, {}, kCpu), {}, {7});
  expect_values(tensor({7}, {}, kCpu), {1}, {7});
  expect_values(tensor({{{{1}}, {{2}}}}, {}, kCpu), {1, 2, 1, 1}, {1, 2});
  expect_values(tensor({{{{{1, 2}}}}}, {}, kCpu), {1, 1, 1, 1, 2}, {1, 2});
  Tensor empty = tensor({}, {}, kCpu);
  EXPECT_EQ(empty.dtype(), float32);
  expect_values(empty, {0}, {});
  expect_values(tensor({{}, {}}, {}, kCpu), {2, 0}, {});
}

TEST(Creation, LiteralTypes) {
  EXPECT_EQ(tensor({true, false}).dtype(), boolean);
  EXPECT_EQ(tensor({1, int64_t{1} << 40}).dtype(), int64);
  EXPECT_EQ(tensor({1.5f, 2}).dtype(), float32);
  EXPECT_EQ(tensor({1, 2}, float16).dtype(), float16);
  EXPECT_EQ(tensor({true, false}, uint8).dtype(), uint8);
}

TEST(Creation, LiteralErrors) {
  EXPECT_EQ(message(tensor({{1, 2}, 3})),
            "tensor: numbers beside lists: at depth 1");
  EXPECT_EQ(message(tensor({3, {1, 2}})),
            "tensor: numbers beside lists: at depth 1");
  EXPECT_EQ(message(tensor({true, 2})),
            "tensor: bools beside numbers: give a type");
  EXPECT_EQ(message(tensor({300}, int8)),
            "tensor: number does not fit int8: got 300");
  EXPECT_EQ(message(tensor({-1}, uint8)),
            "tensor: number does not fit uint8: got -1");
  EXPECT_EQ(message(tensor({8}, int4)),
            "tensor: number does not fit int4: got 8");
  EXPECT_EQ(message(tensor({{{{{{{{{1}}}}}}}}})),
            "tensor: too many dims: got 9, limit 8");
}

TEST(Creation, CopiesFromTheHost) {
  std::vector<float> data = {1, 2, 3, 4, 5, 6};
  Tensor x = Tensor::from_host(data.data(), float32, {2, 3}, kCpu);
  data[0] = 100;
  expect_values(x, {2, 3}, {1, 2, 3, 4, 5, 6});
  expect_values(Tensor::from_host<float>(data, {}, kCpu), {6},
                {100, 2, 3, 4, 5, 6});
  expect_values(Tensor::from_host<float>(data, {{3, 2}}, kCpu), {3, 2},
                {100, 2, 3, 4, 5, 6});
}

TEST(Creation, FromHostErrors) {
  std::vector<float> data(6);
  EXPECT_EQ(message(Tensor::from_host<float>(data, {{4}})),
            "from_host: element counts differ: got 6, shape [4]");
  EXPECT_EQ(message(Tensor::from_host(nullptr, float32, {2})),
            "from_host: no memory: shape [2]");
  EXPECT_EQ(message(Tensor::from_host(data.data(), float32, {-1})),
            "from_host: negative size: shape [-1]");
}

TEST(Creation, AdoptsAVector) {
  std::vector<int32_t> data = {1, 2, 3, 4};
  const void *memory = data.data();
  Tensor x = adopt(std::move(data), {2, 2}, kCpu);
  expect_values(x, {2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(x.host_data()->get(), memory);
  EXPECT_EQ(message(adopt(std::vector<float>(3), {2})),
            "adopt: element counts differ: got 3, shape [2]");
}

TEST(Creation, BorrowsWithoutACopy) {
  float pixels[6] = {1, 2, 3, 4, 5, 6};
  int released = 0;
  {
    Tensor x =
        borrow(pixels, float32, {2, 3}, {.on_release = [&] { ++released; }});
    EXPECT_EQ(x.device(), kCpu);
    EXPECT_EQ(x.host_data()->get(), pixels);
    expect_values(x, {2, 3}, {1, 2, 3, 4, 5, 6});
    Tensor copy = x;
    EXPECT_EQ(released, 0);
  }
  EXPECT_EQ(released, 1);
}

TEST(Creation, BorrowGivesBackWhatItRefuses) {
  float pixels[2] = {};
  int released = 0;
  auto on_release = [&] { ++released; };
  EXPECT_EQ(message(borrow(nullptr, float32, {2}, {.on_release = on_release})),
            "borrow: no memory: shape [2]");
  EXPECT_EQ(message(borrow(pixels, float32, {2},
                           {.strides = {{1, 1}}, .on_release = on_release})),
            "borrow: wrong number of strides: got 2, shape [2]");
  EXPECT_EQ(message(borrow(pixels, float32, {-2}, {.on_release = on_release})),
            "borrow: negative size: shape [-2]");
  EXPECT_EQ(
      message(borrow(pixels, float32, {4},
                     {.strides = {{INT64_MAX}}, .on_release = on_release})),
      "borrow: strides reach too far: strides [9223372036854775807], "
      "shape [4]");
  EXPECT_EQ(released, 4);
}

TEST(Creation, ArangeExamples) {
  Tensor x = arange(0, 5, 2, float32, kCpu);
  EXPECT_EQ(x.dtype(), float32);
  expect_values(x, {3}, {0, 2, 4});
  expect_values(arange(3, 0, -1, int32, kCpu), {3}, {3, 2, 1});
  expect_values(arange(0, 1, 0.25, float64, kCpu), {4}, {0, 0.25, 0.5, 0.75});
  expect_values(arange(5, 0, 1, float32, kCpu), {0}, {});
}

TEST(Creation, ArangeErrors) {
  EXPECT_EQ(message(arange(0, 5, 0)),
            "arange: step is 0: start 0, stop 5, step 0");
  EXPECT_EQ(message(arange(0, 5, 0.5, int32)),
            "arange: a real number for int32: start 0, stop 5, step 0.5");
  EXPECT_EQ(message(arange(0, INFINITY)),
            "arange: a number is not finite: start 0, stop inf, step 1");
  EXPECT_EQ(message(arange(0, 1e300)),
            "arange: too many elements: start 0, stop 1e+300, step 1");
}

TEST(Creation, FullErrors) {
  EXPECT_EQ(message(full({2}, 0.5, int8)),
            "full: a real number for int8: got 0.5");
  EXPECT_EQ(message(full({2, -3}, 1)), "full: negative size: shape [2, -3]");
  EXPECT_EQ(message(zeros({2, -3})), "zeros: negative size: shape [2, -3]");
  EXPECT_EQ(message(ones({int64_t{1} << 40, int64_t{1} << 40})),
            "ones: too many elements: shape [1099511627776, 1099511627776], "
            "limit 576460752303423488");
  EXPECT_EQ(message(full_like(tensor({1}), 0.5)),
            "full_like: a real number for int32: got 0.5");
  EXPECT_EQ(message(iota({2, 3}, 2)),
            "iota: axis out of range: axis 2, rank 2");
  EXPECT_EQ(message(iota({}, 0)), "iota: axis out of range: axis 0, rank 0");
}

TEST(Creation, LikeTakesShapeTypeAndDevice) {
  Tensor x = tensor({{1, 2}}, int8, kCpu);
  for (const Tensor &y :
       {full_like(x, 3), zeros_like(x), ones_like(x), iota_like(x, 1)}) {
    EXPECT_EQ(y.shape(), x.shape());
    EXPECT_EQ(y.dtype(), int8);
    EXPECT_EQ(y.device(), kCpu);
  }
  EXPECT_EQ(zeros_like(x, float32).dtype(), float32);
}

TEST(Creation, ReadsIntoWiderTypes) {
  EXPECT_EQ(*tensor(3, int8, kCpu).item<int64_t>(), 3);
  EXPECT_EQ(*tensor(0.5, float16, kCpu).item<float>(), 0.5f);
  EXPECT_EQ(*tensor(true, {}, kCpu).item<bool>(), true);
  EXPECT_EQ(*tensor(7, int32, kCpu).item<double>(), 7.0);
  EXPECT_EQ(tensor(0.5, float64, kCpu).item<float>().status().message(),
            "item: float64 values do not fit float32: cast first");
  EXPECT_EQ(tensor(1, int32, kCpu).item<float>().status().message(),
            "item: int32 values do not fit float32: cast first");
  EXPECT_EQ(tensor(-1, int8, kCpu).item<uint8_t>().status().message(),
            "item: int8 values do not fit uint8: cast first");
  EXPECT_EQ(tensor({1, 2}, {}, kCpu).item<int>().status().message(),
            "item: needs one element: shape [2]");
}

} // namespace
} // namespace weft
