// SPDX-License-Identifier: Apache-2.0
// When things are computed, and how often.
#include "Values.h"

#include "weft/Explain.h"
#include "weft/NN/BatchNorm.h"
#include "weft/NN/Conv.h"
#include "weft/NN/Parameter.h"
#include "weft/Runtime.h"

namespace weft {
namespace {

using test::expect_values;

int64_t launches() { return statistics().kernels_launched; }

TEST(Evaluate, NothingRunsBeforeItIsAskedFor) {
  const int64_t before = launches();
  Tensor x = relu(tensor({-1.0, 2.0}) * 3 + 1);
  EXPECT_EQ(x.shape(), Shape{2});
  EXPECT_EQ(x.dtype(), float32);
  EXPECT_EQ(launches(), before);
  expect_values(x, {2}, {0, 7});
  EXPECT_GT(launches(), before);
}

TEST(Evaluate, AValueIsKept) {
  Tensor x = exp(tensor({0.0, 1.0}));
  ASSERT_TRUE(x.eval().ok());
  const int64_t before = launches();
  ASSERT_TRUE(x.eval().ok());
  Tensor copy = x;
  EXPECT_EQ(slice(copy, {{}}).node()->storage, x.node()->storage);
  EXPECT_EQ(launches(), before);
}

TEST(Evaluate, SeveralAtOnceShareWork) {
  Tensor common = exp(tensor({0.0, 1.0, 2.0}));
  Tensor a = common + 1, b = common * 2;
  const int64_t before = statistics().evaluations;
  ASSERT_TRUE(eval({a, b}).ok());
  EXPECT_EQ(statistics().evaluations, before + 1);
  EXPECT_NEAR(test::values(a)[0], 2, 1e-6);
  EXPECT_NEAR(test::values(b)[0], 2, 1e-6);
}

TEST(Evaluate, OfNothingAndOfTheSameTwice) {
  EXPECT_TRUE(eval(std::initializer_list<Tensor>{}).ok());
  Tensor x = tensor({1}) + 1;
  ASSERT_TRUE(eval({x, x}).ok());
  expect_values(x, {1}, {2});
}

TEST(Evaluate, EqualGraphsAreCompiledOnce) {
  auto make = [](double a) { return tanh(tensor({a, 2.0}) * 0.25) - a; };
  // Not 0 and 1: kernels may know those.
  ASSERT_TRUE(make(5).eval().ok());
  const Statistics before = statistics();
  ASSERT_TRUE(make(3).eval().ok());
  EXPECT_EQ(statistics().graphs_compiled, before.graphs_compiled);
  EXPECT_EQ(statistics().kernels_compiled, before.kernels_compiled);
  EXPECT_EQ(statistics().graphs_reused, before.graphs_reused + 1);
}

TEST(Evaluate, ParametersGivenAsLazyTensors) {
  nn::Parameter weight = ones({2}) * 3;
  EXPECT_TRUE(weight.is_loaded());
  nn::Parameter scaled = weight * 2;
  expect_values(tensor({1.0, 2.0}) * scaled + weight, {2}, {9, 15});
  expect_values(weight, {2}, {3, 3});
}

TEST(Evaluate, WhatDependsOnParametersAloneIsPreparedOnce) {
  nn::Parameter weight = tensor({4.0, 9.0});
  auto run = [&](double x) { return tensor({x, x}) + sqrt(weight); };
  expect_values(run(1), {2}, {3, 4});
  const int64_t before = statistics().prepares;
  expect_values(run(2), {2}, {4, 5});
  EXPECT_EQ(statistics().prepares, before);
  weight = tensor({16.0, 25.0});
  expect_values(run(1), {2}, {5, 6});
  EXPECT_EQ(statistics().prepares, before + 1);
}

TEST(Evaluate, DeepGraphsAreBuiltEvaluatedAndDestroyed) {
  Tensor x = tensor({0}), one = tensor({1});
  for (int i = 0; i < 2000; ++i)
    x = x + one;
  expect_values(x, {1}, {2000});
  Tensor y = tensor({0.0});
  for (int i = 0; i < 200000; ++i)
    y = y + 1;
  // Never evaluated: destroyed without recursion.
}

TEST(Evaluate, CopiesBetweenDevices) {
  Tensor x = tensor({1, 2}, {}, Device::cpu());
  EXPECT_EQ(copy(x, Device::cpu()).node(), x.node());
  Tensor failed = copy(exp(tensor({1})), Device::cpu());
  EXPECT_FALSE(failed.ok());
}

TEST(EvaluateGpu, CopiesBetweenDevices) {
  if (!is_usable(Device::gpu()).ok())
    GTEST_SKIP() << "no GPU";
  Tensor x = tensor({1, 2}, {}, Device::cpu());
  Tensor y = copy(x, Device::gpu());
  EXPECT_EQ(y.device(), Device::gpu());
  expect_values(copy(y + 1, Device::cpu()), {2}, {2, 3});
}

TEST(Evaluate, ExplainsWhatItWouldDo) {
  StatusOr<Explanation> e = explain({relu(tensor({1.0, -1.0}) + 2)});
  ASSERT_TRUE(e.ok()) << e.status();
  EXPECT_EQ(e->recorded_ops, 2);
  EXPECT_EQ(e->launches, 1);
  EXPECT_THAT(e->graph, testing::HasSubstr("weft.relu"));
  EXPECT_THAT(e->fused, testing::HasSubstr("weft.group"));
  EXPECT_FALSE(e->kernels.empty());
  EXPECT_FALSE(explain({exp(tensor({1}))}).ok());
}

TEST(Evaluate, BytesToConvolvedAndNormalisedIsOneKernel) {
  nn::Conv conv(3, 4, {.kernel = {3, 3}, .padding = {1}, .bias = false});
  nn::BatchNorm norm(4);
  for (nn::Module *module :
       {static_cast<nn::Module *>(&conv), static_cast<nn::Module *>(&norm)}) {
    StateDict state;
    for (const auto &[name, value] : module->state_dict())
      state[name] = ones_like(value);
    ASSERT_TRUE(module->load_state_dict(state).ok());
  }
  Tensor image = cast(ones({8, 8, 3}, float32), uint8);
  ASSERT_TRUE(image.eval().ok());
  Tensor x = permute(cast(image, float32) / 255, {2, 0, 1});
  StatusOr<Explanation> e = explain({relu(norm(conv(unsqueeze(x, 0))))});
  ASSERT_TRUE(e.ok()) << e.status();
  EXPECT_EQ(e->launches, 1);
}

TEST(Evaluate, ADeviceThatCannotBeUsed) {
  const Device device = Device::gpu(7);
  if (is_usable(device).ok())
    GTEST_SKIP() << "eight GPUs";
  Tensor x = ones({2}, float32, device) + 1;
  EXPECT_EQ(x.device(), device);
  EXPECT_FALSE(x.eval().ok());
  EXPECT_FALSE(tensor({1}, {}, device).ok());
  EXPECT_FALSE(copy(tensor({1}), device).ok());
}

} // namespace
} // namespace weft
