// SPDX-License-Identifier: Apache-2.0
// Functions compiled ahead of their inputs.
#include "Values.h"

#include "weft/Compile.h"
#include "weft/Explain.h"
#include "weft/NN/Conv.h"
#include "weft/NN/Linear.h"
#include "weft/Runtime.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace weft {
namespace {

using test::expect_values;

Tensor twice(const Tensor &x) { return x * 2; }

TEST(Compile, AFunction) {
  StatusOr<Executable> exe = compile(twice, {{float32, {2}}});
  ASSERT_TRUE(exe.ok()) << exe.status();
  const Statistics before = statistics();
  for (double x : {1.0, 5.0}) {
    auto y = exe->run({tensor({x, -x})});
    ASSERT_TRUE(y.ok()) << y.status();
    expect_values(y->front(), {2}, {2 * x, -2 * x});
  }
  EXPECT_EQ(statistics().graphs_compiled, before.graphs_compiled);
  EXPECT_EQ(exe->inputs().size(), 1u);
  EXPECT_EQ(exe->outputs()[0].shape, Shape{2});
  EXPECT_EQ(exe->device(), default_device());
}

TEST(Compile, SeveralInputsAndOutputs) {
  auto f = [](const Tensor &x, const Tensor &y) {
    return std::pair(x + y, sum(x * y));
  };
  StatusOr<Executable> exe = compile(f, {{int32, {2}}, {int32, {2}}});
  ASSERT_TRUE(exe.ok()) << exe.status();
  auto out = exe->run({tensor({1, 2}), tensor({3, 4})});
  ASSERT_TRUE(out.ok()) << out.status();
  ASSERT_EQ(out->size(), 2u);
  expect_values((*out)[0], {2}, {4, 6});
  expect_values((*out)[1], {}, {11});
}

TEST(Compile, AFunctionOfAVector) {
  auto f = [](const std::vector<Tensor> &x) {
    return std::vector<Tensor>{x[0] - x[1], x[1]};
  };
  StatusOr<Executable> exe = compile(f, {{float32, {1}}, {float32, {1}}});
  ASSERT_TRUE(exe.ok()) << exe.status();
  auto out = exe->run({tensor({3.0}), tensor({1.0})});
  ASSERT_TRUE(out.ok()) << out.status();
  expect_values((*out)[0], {1}, {2});
  expect_values((*out)[1], {1}, {1}); // an input as it is
}

TEST(Compile, AModuleKeepsTheWeightsItWasCompiledWith) {
  nn::Linear layer(2, 1);
  layer.weight = tensor({{1.0, 1.0}});
  layer.bias = ones({1}) * 10;
  StatusOr<Executable> exe = compile(layer, {{float32, {1, 2}}});
  ASSERT_TRUE(exe.ok()) << exe.status();
  layer.weight = tensor({{0.0, 0.0}});
  auto y = exe->run({tensor({{1.0, 2.0}})});
  ASSERT_TRUE(y.ok()) << y.status();
  expect_values(y->front(), {1, 1}, {13});
}

TEST(Compile, RefusesParametersThatNobodyLoaded) {
  EXPECT_EQ(compile(nn::Linear(2, 1), {{float32, {1, 2}}}).status().message(),
            "compile: parameters that nobody loaded: weight, bias "
            "(load_state_dict loads the fields that WEFT_FIELDS names)");
}

TEST(Compile, ErrorsOfTheFunction) {
  auto bad = [](const Tensor &x) { return exp(x); };
  EXPECT_EQ(test::message(compile(bad, {{int32, {1}}}).status()),
            "exp: needs a floating-point type: got int32");
  EXPECT_EQ(compile(twice, {{float32, {1}}, {float32, {1}}}).status().message(),
            "compile: the function does not take 2 tensors");
  EXPECT_EQ(compile(twice, {}).status().message(),
            "compile: the function does not take 0 tensors");
  auto none = [](const Tensor &) { return std::vector<Tensor>(); };
  EXPECT_EQ(compile(none, {{float32, {1}}}).status().message(),
            "compile: the function returns no tensor");
  EXPECT_EQ(compile(twice, {{float32, {-1}}}).status().message(),
            "compile: input 0: negative size: shape [-1]");
  auto reads = [](const Tensor &x) { return x * x.item<float>().value_or(7); };
  StatusOr<Executable> exe = compile(reads, {{float32, {}}});
  ASSERT_TRUE(exe.ok()) << exe.status(); // what it read is an error value
}

TEST(Compile, RunChecksItsInputs) {
  StatusOr<Executable> exe =
      compile(twice, {{float32, {2}}}, {.device = Device::cpu()});
  ASSERT_TRUE(exe.ok()) << exe.status();
  auto message = [&](const std::vector<Tensor> &inputs) {
    return std::string(exe->run(inputs).status().message());
  };
  const Device cpu = Device::cpu();
  EXPECT_EQ(message({}), "run: expects 1 input, got 0");
  EXPECT_EQ(message({zeros({3}, float32, cpu)}),
            "run: input 0: shape differs: expects [2], got [3]");
  EXPECT_EQ(message({zeros({2}, float16, cpu)}),
            "run: input 0: type differs: expects float32, got float16");
  EXPECT_EQ(message({zeros({2}, float32, Device::gpu())}),
            "run: input 0: device differs: expects cpu:0, got gpu:0");
  EXPECT_EQ(message({Tensor()}), "tensor: has no value");
  float memory[4] = {1, 2, 3, 4};
  EXPECT_EQ(message({borrow(memory, float32, {2}, {.strides = {{2}}})}),
            "run: input 0: strides differ: expects row-major, got [2]");
}

TEST(Compile, RunsIntoTheCallersMemory) {
  StatusOr<Executable> exe =
      compile(twice, {{float32, {2}}}, {.device = Device::cpu()});
  ASSERT_TRUE(exe.ok()) << exe.status();
  float in[2] = {1, 2}, out[2] = {};
  Tensor x = borrow(in, float32, {2}), y = borrow(out, float32, {2});
  ASSERT_TRUE(exe->run({x}, {y}, {}).ok());
  EXPECT_EQ(out[0], 2);
  EXPECT_EQ(out[1], 4);

  auto message = [&](const std::vector<Tensor> &outputs) {
    return std::string(exe->run({x}, outputs, {}).message());
  };
  EXPECT_EQ(message({}), "run: expects 1 output, got 0");
  EXPECT_EQ(message({borrow(out, float32, {1})}),
            "run: output 0: shape differs: expects [2], got [1]");
  EXPECT_EQ(message({zeros({2}, float32, Device::cpu())}),
            "run: output 0: is not borrowed memory or the result of a run");
  nn::Parameter weight = borrow(out, float32, {2});
  EXPECT_EQ(message({weight}),
            "run: output 0: is not borrowed memory or the result of a run: a "
            "parameter");
}

TEST(Compile, BorrowedStrides) {
  const InputSpec columns{float32, {2, 2}, {{1, 2}}};
  StatusOr<Executable> exe =
      compile(twice, {columns}, {.device = Device::cpu()});
  ASSERT_TRUE(exe.ok()) << exe.status();
  float in[4] = {1, 2, 3, 4};
  auto y = exe->run({borrow(in, float32, {2, 2}, {.strides = {{1, 2}}})});
  ASSERT_TRUE(y.ok()) << y.status();
  expect_values(y->front(), {2, 2}, {2, 6, 4, 8});
  EXPECT_EQ(exe->run({borrow(in, float32, {2, 2})}).status().message(),
            "run: input 0: strides differ: expects [1, 2], got row-major");
  EXPECT_EQ(compile(twice, {{float32, {2}, {{1, 2}}}}).status().message(),
            "compile: input 0: wrong number of strides: got 2, shape [2]");
}

TEST(Compile, RefusesOutputsThatOverlap) {
  auto f = [](const Tensor &x) {
    return std::pair(slice(x, {{.step = -1}}) + x, x * 2);
  };
  StatusOr<Executable> exe =
      compile(f, {{float32, {4}}}, {.device = Device::cpu()});
  ASSERT_TRUE(exe.ok()) << exe.status();
  float memory[12] = {};
  auto at = [&](int i) {
    return borrow(memory + i, float32, {4}, {.device = Device::cpu()});
  };
  auto message = [&](int in, int out0, int out1) {
    return std::string(exe->run({at(in)}, {at(out0), at(out1)}, {}).message());
  };
  EXPECT_EQ(message(0, 0, 4), "run: output 0: overlaps input 0");
  EXPECT_EQ(message(0, 4, 3), "run: output 1: overlaps input 0");
  EXPECT_EQ(message(0, 4, 7), "run: output 1: overlaps output 0");
  EXPECT_EQ(message(0, 4, 8), "");
}

TEST(Compile, RefusesToOverwriteWeights) {
  auto twice_on_cpu =
      compile(twice, {{float32, {2}}}, {.device = Device::cpu()});
  ASSERT_TRUE(twice_on_cpu.ok()) << twice_on_cpu.status();
  const Tensor x = ones({2}, float32, Device::cpu());
  auto run = [&] { return twice_on_cpu->run({x})->front(); };
  const std::string refused =
      "run: output 0: its memory is that of a parameter or constant";

  Tensor weights = run();
  nn::Parameter parameter = weights;
  EXPECT_EQ(twice_on_cpu->run({x}, {weights}, {}).message(), refused);

  Tensor constant = run();
  EXPECT_TRUE(twice_on_cpu->run({x}, {constant}, {}).ok());
  auto adds = compile([&](const Tensor &y) { return y + constant; },
                      {{float32, {2}}}, {.device = Device::cpu()});
  ASSERT_TRUE(adds.ok()) << adds.status();
  EXPECT_EQ(twice_on_cpu->run({x}, {constant}, {}).message(), refused);
}

// The same memory, borrowed once more, is no less that of a parameter.
TEST(Compile, RefusesToOverwriteBorrowedWeights) {
  float memory[4] = {1, 2, 3, 4};
  auto borrowed = [&](int64_t from) {
    return borrow(memory + from, float32, {2}, {.device = Device::cpu()});
  };
  auto exe = compile(twice, {{float32, {2}}}, {.device = Device::cpu()});
  ASSERT_TRUE(exe.ok()) << exe.status();
  const Tensor x = ones({2}, float32, Device::cpu());
  const std::string refused =
      "run: output 0: its memory is that of a parameter or constant";
  {
    Tensor constant = borrowed(1);
    auto adds = compile([&](const Tensor &y) { return y + constant; },
                        {{float32, {2}}}, {.device = Device::cpu()});
    ASSERT_TRUE(adds.ok()) << adds.status();
    for (int64_t from : {0, 1, 2})
      EXPECT_EQ(exe->run({x}, {borrowed(from)}, {}).message(), refused) << from;
    EXPECT_EQ(memory[0], 1);
  }
  // The function and its constant are gone.
  EXPECT_TRUE(exe->run({x}, {borrowed(0)}, {}).ok());
  EXPECT_EQ(memory[0], 2);
}

TEST(Compile, RefusesInputsOfAnotherFunction) {
  Tensor leak;
  auto first = compile(
      [&](const Tensor &y) {
        leak = y * 2;
        return y;
      },
      {{float32, {2}}}, {.device = Device::cpu()});
  ASSERT_TRUE(first.ok()) << first.status();
  auto second = compile([&](const Tensor &y) { return y + leak; },
                        {{float32, {2}}}, {.device = Device::cpu()});
  EXPECT_EQ(second.status().message(),
            "compile: uses input 0 of another function that was compiled");
}

TEST(Compile, StreamsMeanNothingOnTheCpu) {
  StatusOr<Executable> exe =
      compile(twice, {{float32, {2}}}, {.device = Device::cpu()});
  ASSERT_TRUE(exe.ok()) << exe.status();
  int anything;
  auto y = exe->run({ones({2}, float32, Device::cpu())}, {.stream = &anything});
  ASSERT_TRUE(y.ok()) << y.status();
  expect_values(y->front(), {2}, {2, 2});
}

// A sum takes the place of what is added if that is a value of the run's own,
// and never that of an input, a parameter or a result, however often it runs.
TEST(Compile, SumsTakeThePlaceOfNothingThatIsSeen) {
  constexpr int64_t n = 64;
  const Shape shape = {n, n};
  const Tensor x = reshape(arange(0, n * n), shape) % 3 - 1.0,
               h = reshape(arange(0, n * n), shape) % 5 - 2.0;
  nn::Parameter w = Tensor(reshape(arange(0, n * n), shape) % 2 / 32.0);
  auto f = [&](const Tensor &a, const Tensor &b) {
    Tensor p = matmul(a, w), q = matmul(p, w) + b, r = matmul(q, w) + p,
           s = matmul(r, w) + r, t = matmul(s, w) + w;
    return std::vector<Tensor>{t, q, matmul(t, w) + a};
  };
  const std::vector<double> before[] = {test::values(x), test::values(h),
                                        test::values(w)};
  StatusOr<Executable> exe =
      compile(f, {{x.dtype(), shape}, {h.dtype(), shape}});
  ASSERT_TRUE(exe.ok()) << exe.status();
  // Each op on its own: what stands for itself in memory.
  auto alone = [](const Tensor &y) {
    EXPECT_TRUE(y.eval().ok());
    return y;
  };
  Tensor p = alone(matmul(x, w)), q = alone(alone(matmul(p, w)) + h),
         r = alone(alone(matmul(q, w)) + p), s = alone(alone(matmul(r, w)) + r),
         t = alone(alone(matmul(s, w)) + w), u = alone(alone(matmul(t, w)) + x);
  for (int i = 0; i < 5; ++i) {
    auto y = exe->run({x, h});
    ASSERT_TRUE(y.ok()) << y.status();
    test::expect_near((*y)[0], shape, test::values(t), 1e-3);
    test::expect_near((*y)[1], shape, test::values(q), 1e-3);
    test::expect_near((*y)[2], shape, test::values(u), 1e-3);
    expect_values(x, shape, before[0]);
    expect_values(h, shape, before[1]);
    expect_values(w, shape, before[2]);
  }
}

TEST(Compile, WhatWasPreparedGoesWithTheWeights) {
  constexpr int64_t n = int64_t(1) << 20;
  auto live = [] { return memory_stats(Device::cpu()).live; };
  const int64_t before = live();
  {
    const std::vector<float> ones(n, 1);
    auto leaf = [&] {
      return Tensor::from_host<float>(ones, Shape{n}, Device::cpu());
    };
    nn::Parameter weight = leaf();
    ASSERT_TRUE(sum(exp(weight) * leaf()).eval().ok());
    EXPECT_GE(live(), before + 2 * n * 4); // the weight and its exp
  }
  EXPECT_LT(live(), before + n * 4);
}

// ---- weights are kept once --------------------------------------------------

/// Bytes of the default device's pool that somebody holds.
int64_t live_bytes() {
  EXPECT_TRUE(synchronize(default_device()).ok());
  return memory_stats(default_device()).live;
}

constexpr int64_t kWeights = int64_t(1) << 20;
constexpr int64_t kWeightBytes = kWeights * 4;
/// What small tensors and a pool that rounds sizes up may add.
constexpr int64_t kSlack = kWeightBytes / 4;

nn::Parameter weights_of(float value) {
  return Tensor::from_host<float>(std::vector<float>(kWeights, value),
                                  Shape{kWeights});
}

TEST(Compile, KeepsPreparedWeightsInsteadOfTheirOrigin) {
  const int64_t before = live_bytes();
  std::optional<Executable> exe;
  {
    nn::Parameter weight = weights_of(0);
    auto net = [&](const Tensor &x) { return sum(x * (exp(weight) + 1)); };
    auto compiled = compile(net, {{float32, {}}});
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    exe = *compiled;
    // The weight is the caller's still.
    EXPECT_GE(live_bytes(), before + 2 * kWeightBytes);
    EXPECT_EQ(sum(weight).item<float>().value_or(-1), 0);
  }
  EXPECT_GE(live_bytes(), before + kWeightBytes);
  EXPECT_LT(live_bytes(), before + kWeightBytes + kSlack);
  const Statistics compiled = statistics();
  for (int64_t x : {1, 3}) {
    auto y = exe->run({tensor(static_cast<float>(x))});
    ASSERT_TRUE(y.ok()) << y.status();
    expect_values(y->front(), {}, {static_cast<double>(2 * x * kWeights)});
  }
  EXPECT_EQ(statistics().prepares, compiled.prepares) << "compile did it";
  exe.reset();
  EXPECT_LT(live_bytes(), before + kSlack);
}

TEST(Compile, KeepsWeightsThatRunsRead) {
  const int64_t before = live_bytes();
  auto compiled = [] {
    nn::Parameter weight = weights_of(2);
    return compile(
        [&](const Tensor &x) {
          return std::pair(sum(x * exp(weight - 2)), sum(x * weight));
        },
        {{float32, {}}});
  }();
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  EXPECT_GE(live_bytes(), before + 2 * kWeightBytes);
  auto y = compiled->run({tensor(3.0)});
  ASSERT_TRUE(y.ok()) << y.status();
  expect_values((*y)[0], {}, {3.0 * kWeights});
  expect_values((*y)[1], {}, {6.0 * kWeights});
}

// As a library wants them, where there is one; as they are otherwise.
TEST(Compile, KeepsPackedWeightsOnce) {
  const int64_t before = live_bytes();
  auto compiled = [] {
    nn::Conv layer(512, 512, {.kernel = {2, 2}});
    layer.weight = ones({512, 512, 2, 2});
    layer.bias = zeros({512});
    return compile(layer, {{float32, {1, 512, 9, 9}}});
  }();
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  EXPECT_LT(live_bytes(), before + kWeightBytes + kSlack);
  auto y = compiled->run({ones({1, 512, 9, 9})});
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_EQ(sum(abs(y->front() - 2048)).item<float>().value_or(-1), 0);
}

// Channel o of the convolution is channel o of its input: where x is NaN in one
// channel, 0 times it makes all of them NaN. Large enough for a library.
TEST(Compile, PooledReluKeepsNaN) {
  constexpr size_t kPixels = 16 * 16;
  std::vector<float> w(64 * 512), x(512 * kPixels, -1);
  for (size_t o = 0; o < 64; ++o)
    w[o * 512 + o] = 1;
  x[3 * kPixels + 1] = 5;
  x[512 * kPixels - 1] = std::numeric_limits<float>::quiet_NaN();
  nn::Conv layer(512, 64, {.kernel = {1, 1}});
  layer.weight = Tensor::from_host<float>(w, Shape{64, 512, 1, 1});
  layer.bias = zeros({64});
  auto exe = compile(
      [&](const Tensor &image) {
        return maxpool(relu(layer(image)), {2, 2}, {.stride = {2}});
      },
      {{float32, {1, 512, 16, 16}}});
  ASSERT_TRUE(exe.ok()) << exe.status();
  auto y = exe->run({Tensor::from_host<float>(x, Shape{1, 512, 16, 16})});
  ASSERT_TRUE(y.ok()) << y.status();
  std::vector<double> got = test::values(y->front());
  ASSERT_EQ(got.size(), size_t{64 * 64});
  EXPECT_EQ(got[3 * 64], 5);
  got[3 * 64] = 0;
  for (size_t i = 0; i < got.size(); ++i)
    if (i % 64 == 63)
      EXPECT_TRUE(std::isnan(got[i])) << i;
    else
      EXPECT_EQ(got[i], 0) << i;
}

// The convolution gives -0 in channel 7 (what underflows, and a bias of -0; in
// a kernel of Weft's it may give 0) and infinities in channel 9 (what
// overflows). A relu makes 0 of all that is not above it, never -0.
TEST(Compile, PooledReluOfInfinitiesAndZeros) {
  constexpr size_t kPixels = 16 * 16;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> w(64 * 512), x(512 * kPixels, -1), bias(64);
  for (size_t o = 0; o < 64; ++o)
    w[o * 512 + o] = 1;
  w[7 * 512 + 7] = 1e-30f;
  bias[7] = -0.f;
  std::fill_n(&x[7 * kPixels], kPixels, -1e-30f);
  w[9 * 512 + 9] = 2;
  float *ninth = &x[9 * kPixels];
  ninth[17] = -3e38f;              // alone in window 0
  for (size_t at : {2, 3, 18, 19}) // all of window 1
    ninth[at] = -3e38f;
  ninth[4] = -3e38f, ninth[21] = 3e38f; // both in window 2
  ninth[6] = -3e38f, ninth[7] = 0.25f;  // beside a number in window 3
  ninth[254] = -3e38f;                  // beside NaN in the last
  x[512 * kPixels - 1] = std::numeric_limits<float>::quiet_NaN();
  nn::Conv layer(512, 64, {.kernel = {1, 1}});
  layer.weight = Tensor::from_host<float>(w, Shape{64, 512, 1, 1});
  layer.bias = Tensor::from_host<float>(bias, Shape{64});
  auto exe = compile(
      [&](const Tensor &image) {
        return maxpool(relu(layer(image)), {2, 2}, {.stride = {2}});
      },
      {{float32, {1, 512, 16, 16}}});
  ASSERT_TRUE(exe.ok()) << exe.status();
  auto y = exe->run({Tensor::from_host<float>(x, Shape{1, 512, 16, 16})});
  ASSERT_TRUE(y.ok()) << y.status();
  std::vector<double> got = test::values(y->front());
  ASSERT_EQ(got.size(), size_t{64 * 64});
  EXPECT_EQ(got[9 * 64 + 2], kInfinity);
  EXPECT_EQ(got[9 * 64 + 3], 0.5);
  got[9 * 64 + 2] = got[9 * 64 + 3] = 0;
  for (size_t i = 0; i < got.size(); ++i)
    if (i % 64 == 63)
      EXPECT_TRUE(std::isnan(got[i])) << i;
    else
      EXPECT_TRUE(got[i] == 0 && !std::signbit(got[i])) << i << ": " << got[i];
}

TEST(Compile, FunctionsOfTheSameWeightsShareWhatIsPrepared) {
  const int64_t before = live_bytes();
  std::vector<Executable> functions;
  {
    nn::Parameter weight = weights_of(0);
    auto net = [&](const Tensor &x) { return sum(x * (exp(weight) + 2)); };
    for (int i = 0; i < 2; ++i) {
      auto compiled = compile(net, {{float32, {}}});
      ASSERT_TRUE(compiled.ok()) << compiled.status();
      functions.push_back(*compiled);
    }
  }
  EXPECT_LT(live_bytes(), before + kWeightBytes + kSlack);
  functions.erase(functions.begin());
  auto y = functions.front().run({tensor(1.0)});
  ASSERT_TRUE(y.ok()) << y.status();
  expect_values(y->front(), {}, {3.0 * kWeights});
}

TEST(Compile, FailsWhereWeightsCannotBePrepared) {
  nn::Parameter weight = weights_of(0);
  auto net = [&](const Tensor &x) { return sum(x * (exp(weight) + 3)); };
  trim();
  const Device device = default_device();
  ASSERT_TRUE(set_memory_limit(device, live_bytes() + kSlack).ok());
  auto refused = compile(net, {{float32, {}}});
  ASSERT_TRUE(set_memory_limit(device, 0).ok());
  EXPECT_EQ(refused.status().code(), StatusCode::resource_exhausted);
  EXPECT_THAT(std::string(refused.status().message()),
              testing::HasSubstr("out of memory on"));
  auto compiled = compile(net, {{float32, {}}});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  auto y = compiled->run({tensor(1.0)});
  ASSERT_TRUE(y.ok()) << y.status();
  expect_values(y->front(), {}, {4.0 * kWeights});
}

TEST(Compile, OutputsMayLieAnywhere) {
  // Large enough for stores that bypass the cache, one element off.
  constexpr int64_t n = int64_t(16) << 20;
  auto exe = compile([](const Tensor &x) { return x + 1; }, {{float32, {n}}});
  ASSERT_TRUE(exe.ok()) << exe.status();
  std::vector<float> memory(n + 17);
  Tensor target =
      borrow(memory.data() + 1, float32, {n}, {.device = Device::cpu()});
  if (exe->device().is_gpu())
    GTEST_SKIP() << "host memory is no output of a GPU";
  ASSERT_TRUE(exe->run({ones({n})}, {target}, {}).ok());
  EXPECT_EQ(memory[0], 0);
  EXPECT_EQ(memory[1], 2);
  EXPECT_EQ(memory[n], 2);
  EXPECT_EQ(memory[n + 1], 0);
}

} // namespace
} // namespace weft
