// SPDX-License-Identifier: Apache-2.0
// What a mistake leads to: a tensor that carries the first error.
#include "Values.h"

#include "weft/NN/Linear.h"
#include "weft/NN/Sequential.h"
#include "weft/Runtime.h"

#include <limits>

namespace weft {
namespace {

using test::expect_values;
using test::message;

TEST(Error, TheFirstIsPassedOn) {
  Tensor bad = matmul(zeros({4, 3}), zeros({5, 2}));
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(message(bad), "matmul: inner sizes differ: lhs [4, 3], rhs [5, 2]");
  Tensor later = relu(sum(bad + 1, 0)) * tensor({1, 2});
  EXPECT_EQ(later.status(), bad.status());
  EXPECT_EQ(later.shape(), Shape{});
  EXPECT_EQ(later.eval(), bad.status());
  EXPECT_EQ(later.item<float>().status(), bad.status());
  EXPECT_EQ(later.to_vector<float>().status(), bad.status());
  EXPECT_EQ(eval({zeros({1}), later}), bad.status());
}

TEST(Error, NamesTheCallSite) {
  const int line = __LINE__ + 1;
  Tensor bad = exp(tensor({1, 2}));
  EXPECT_EQ(bad.status().message(),
            "exp: needs a floating-point type: got int32 (ErrorTest.cpp:" +
                std::to_string(line) + ")");
}

TEST(Error, OperatorsNameTheirCallSite) {
  Tensor x = tensor({1, 2}), y = tensor({1.0, 2.0});
  const int line = __LINE__ + 1;
  Tensor bad = x + y;
  EXPECT_EQ(bad.status().message(),
            "add: mixed types: int32 and float32 (ErrorTest.cpp:" +
                std::to_string(line) + ")");
}

TEST(Error, NamesTheModule) {
  nn::Sequential net(nn::Linear(2, 3), relu, nn::Linear(4, 1));
  const int line = __LINE__ + 1;
  Tensor bad = net(zeros({1, 2}));
  EXPECT_EQ(bad.status().message(),
            "linear: last size of x is not the weight's: x [1, 3], weight "
            "[1, 4] (in 2; ErrorTest.cpp:" +
                std::to_string(line) + ")");
}

TEST(Error, ATensorWithoutValue) {
  Tensor none;
  EXPECT_EQ(none.status().message(), "tensor: has no value");
  EXPECT_EQ((none + 1).status().message(), "tensor: has no value");
  EXPECT_EQ((1 - none).status().message(), "tensor: has no value");
  EXPECT_EQ(sum(none).eval().message(), "tensor: has no value");
  EXPECT_EQ(none.eval().message(), "tensor: has no value");
  EXPECT_EQ(to_string(none), "tensor(error: tensor: has no value)");
  Tensor moved = tensor({1});
  Tensor to = std::move(moved);
  EXPECT_EQ(moved.shape(), Shape{}); // NOLINT(bugprone-use-after-move)
}

TEST(Error, NumbersThatDoNotFit) {
  EXPECT_EQ(message(tensor({1}) + 0.5),
            "add: a real number for int32: got 0.5");
  EXPECT_EQ(message(0.5 - tensor({1})),
            "sub: a real number for int32: got 0.5");
  EXPECT_EQ(message(tensor({1}, int8) * 1000),
            "mul: number does not fit int8: got 1000");
  const uint64_t largest = std::numeric_limits<uint64_t>::max();
  const std::string rest = ": number does not fit int64: got "
                           "18446744073709551615";
  EXPECT_EQ(message(full({2}, largest, int64)), "full" + rest);
  EXPECT_EQ(message(full({2}, largest, int8)),
            "full: number does not fit int8: got 18446744073709551615");
  EXPECT_EQ(message(tensor({largest})), "tensor" + rest);
  EXPECT_EQ(message(tensor({1}, int64) * largest), "mul" + rest);
  EXPECT_EQ(message(add(largest, 1)), "add" + rest);
  EXPECT_EQ(message(add(1, largest)), "add" + rest);
  EXPECT_EQ(message(where(largest, 1, 2)), "tensor" + rest);
  EXPECT_EQ(message(where(tensor({true}), largest, 1)), "where" + rest);
  EXPECT_EQ(message(arange(largest, largest)),
            "arange: a number does not fit int64: start "
            "18446744073709551615, stop 18446744073709551615, step 1");
  // A float has it, rounded.
  expect_values(full({1}, largest), {1}, {0x1p64});
  expect_values(tensor({1.0}) * largest, {1}, {0x1p64});
  EXPECT_EQ((tensor({1.0}) + 1).dtype(), float32);
  EXPECT_EQ((2 < tensor({1})).dtype(), boolean);
}

TEST(Error, ADeviceThatIsNotThereIsOneWhenAValueIsNeeded) {
  const Status reason = is_usable(Device::gpu(100));
  ASSERT_FALSE(reason.ok());
  const Tensor x = ones({2}, float32, Device::gpu(100));
  EXPECT_TRUE(x.ok());
  const unsigned line = __LINE__ + 1;
  const Tensor y = relu(x);
  const Status expected(
      reason.code(),
      "eval: relu of float32 [2]: " + std::string(reason.message()) +
          " (ErrorTest.cpp:" + std::to_string(line) + ")");
  EXPECT_EQ(y.eval(), expected);
  EXPECT_EQ(y.to_vector<float>().status(), expected);
  EXPECT_EQ(sum(y).item<float>().status().code(), reason.code());
  EXPECT_THAT(std::string(x.eval().message()),
              testing::StartsWith("eval: splat of float32 [2]: gpu:"));
}

TEST(Error, Broadcasting) {
  EXPECT_EQ(message(zeros({2, 3}) + zeros({2})),
            "add: shapes do not broadcast: [2, 3] and [2]");
  EXPECT_EQ((zeros({2, 1}) + zeros({3})).shape(), (Shape{2, 3}));
  EXPECT_EQ((zeros({0}) + zeros({1})).shape(), Shape{0});
}

TEST(Error, Devices) {
  Tensor cpu = zeros({1}, float32, Device::cpu());
  Tensor gpu = zeros({1}, float32, Device::gpu());
  EXPECT_EQ(message(cpu + gpu), "add: devices differ: cpu:0 and gpu:0");
  EXPECT_EQ(message(matmul(gpu, cpu)),
            "matmul: devices differ: gpu:0 and cpu:0");
  EXPECT_EQ(message(concatenate({cpu, gpu})),
            "concatenate: devices differ: cpu:0 and gpu:0");
  EXPECT_EQ(message(where(cpu < 1, gpu, cpu)),
            "where: devices differ: cpu:0 and gpu:0");
}

TEST(Error, Types) {
  Tensor i = tensor({1, 2}), b = tensor({true, false}), f = tensor({1.0, 2.0});
  EXPECT_EQ(message(neg(b)), "neg: needs a number type: got bool");
  EXPECT_EQ(message(!i), "logical_not: needs bool: got int32");
  EXPECT_EQ(message(i & i), "logical_and: needs bool: got int32");
  EXPECT_EQ(message(sum(b)), "sum: needs a number type: got bool");
  EXPECT_EQ(message(mean(b)), "mean: needs a number type: got bool");
  EXPECT_EQ(message(all(i)), "all: needs bool: got int32");
  EXPECT_EQ(message(var(i)), "var: needs a floating-point type: got int32");
  EXPECT_EQ(message(softmax(i)),
            "softmax: needs a floating-point type: got int32");
  EXPECT_EQ(message(matmul(i, f)), "matmul: mixed types: int32 and float32");
  EXPECT_EQ(message(where(i, f, f)), "where: needs bool: got int32");
  EXPECT_EQ(message(where(b, i, f)), "where: mixed types: int32 and float32");
  EXPECT_EQ(message(where(b, i, 0.5)),
            "where: a real number for int32: got 0.5");
  EXPECT_EQ(message(concatenate({i, f})),
            "concatenate: mixed types: int32 and float32");
  EXPECT_EQ(message(argmax(b)), "argmax: needs a number type: got bool");
  EXPECT_EQ(message(maxpool(cast(zeros({1, 1, 2, 2}), boolean), {2})),
            "maxpool: needs a number type: got bool");
  EXPECT_EQ(
      message(conv(zeros({1, 1, 2, 2}, int32), zeros({1, 1, 2, 2}, int32))),
      "conv: needs a floating-point type: got int32");
}

TEST(Error, Shapes) {
  Tensor x = zeros({2, 3});
  EXPECT_EQ(message(reshape(x, {4})),
            "reshape: element counts differ: shape [2, 3], sizes [4]");
  EXPECT_EQ(message(transpose(x, 0, 2)),
            "transpose: axis out of range: axis 2, rank 2");
  EXPECT_EQ(message(permute(x, {0})),
            "permute: permutation does not name every dim: permutation [0], "
            "shape [2, 3]");
  EXPECT_EQ(message(permute(x, {0, 2})),
            "permute: axis out of range: permutation [0, 2], shape [2, 3]");
  EXPECT_EQ(message(permute(x, {-1, 1})),
            "permute: duplicate axis: permutation [1, 1], shape [2, 3]");
  EXPECT_EQ(message(squeeze(x, {0})),
            "squeeze: size is not 1: axis 0, shape [2, 3]");
  EXPECT_EQ(message(unsqueeze(x, 4)),
            "unsqueeze: axis out of range: axis 4, rank 2");
  EXPECT_EQ(message(expand(x, {4, 3})),
            "expand: shape does not broadcast to sizes: sizes [4, 3], shape "
            "[2, 3]");
  EXPECT_EQ(message(slice(x, {{}, {}, {}})),
            "slice: more slices than dims: got 3, shape [2, 3]");
  EXPECT_EQ(message(slice(x, {{.step = 0}})),
            "slice: step is 0: step 0, size 2");
  EXPECT_EQ(message(concatenate({})),
            "concatenate: needs at least one tensor: got 0");
  EXPECT_EQ(message(stack({})), "stack: needs at least one tensor: got 0");
  EXPECT_EQ(message(stack({x, zeros({2})})),
            "stack: shapes differ: [2, 3] and [2]");
  EXPECT_EQ(message(sum(x, {0, -2})),
            "sum: duplicate axis: axes [0, -2], rank 2");
  EXPECT_EQ(message(mean(x, 2)), "mean: axis out of range: axis 2, rank 2");
  EXPECT_EQ(message(max(zeros({0}))),
            "max: no value over an empty axis: axis 0, shape [0]");
  EXPECT_EQ(message(argmin(zeros({2, 0}), 1)),
            "argmin: no value over an empty axis: axis 1, shape [2, 0]");
  EXPECT_EQ(message(argmax(zeros({3, 1'000'000'000}))),
            "argmax: positions do not fit int32: axis 0 has 3000000000 "
            "elements, at most 2147483647");
  EXPECT_EQ(message(matmul(zeros({}), x)),
            "matmul: rank below 1: lhs [], rhs [2, 3]");
  EXPECT_EQ(message(matmul(zeros({2, 4, 3}), zeros({5, 3, 2}))),
            "matmul: shapes do not broadcast: [2] and [5]");
  EXPECT_EQ(message(outer(x, x)),
            "outer: needs vectors: shapes [2, 3] and [2, 3]");
  EXPECT_EQ(message(softmax(x, 2)),
            "softmax: axis out of range: axis 2, rank 2");
}

TEST(Error, NormalisationsAndLinear) {
  Tensor x = zeros({2, 4, 3}), c = ones({4}), d = ones({3});
  EXPECT_EQ(message(batch_norm(x, d, c, c, c)),
            "batch_norm: weight does not match the channels: weight [3], input "
            "[2, 4, 3]");
  EXPECT_EQ(message(batch_norm(x, c, c, c, c, -1)),
            "batch_norm: eps is negative or not finite: got -1");
  EXPECT_EQ(message(batch_norm(x, cast(c, float16), c, c, c)),
            "batch_norm: mixed types: float16 and float32");
  EXPECT_EQ(message(layer_norm(x, c, c)),
            "layer_norm: weight and bias are not the last sizes of x: x "
            "[2, 4, 3], weight [4], bias [4]");
  EXPECT_EQ(message(group_norm(x, 3, c, c)),
            "group_norm: channels are not a multiple of groups: x [2, 4, 3], "
            "groups 3");
  EXPECT_EQ(message(group_norm(x, 2, d, c)),
            "group_norm: weight or bias does not match the channels: x "
            "[2, 4, 3], got [3]");
  EXPECT_EQ(message(group_norm(d, 1, c, c)),
            "group_norm: rank of x below 2: got [3]");
  EXPECT_EQ(message(linear(x, ones({2, 3}), c)),
            "linear: bias does not match the weight's rows: bias [4], weight "
            "[2, 3]");
}

TEST(Error, PrintsItself) {
  EXPECT_THAT(to_string(exp(tensor({1}))),
              testing::StartsWith(
                  "tensor(error: exp: needs a floating-point type: got int32"));
}

} // namespace
} // namespace weft
