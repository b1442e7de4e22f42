// SPDX-License-Identifier: Apache-2.0
// Loops that record ever more ops, and how they are cut.
#include "weft/Compiler/Compiler.h"
#include "weft/Weft.h"

#include "lib/Compiler/Pieces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace wf = weft;
using testing::Each;
using testing::ElementsAre;
using wf::compiler::statistics;

namespace {

std::vector<float> values(const wf::Tensor &x) {
  auto read = x.to_vector<float>();
  EXPECT_TRUE(read.ok()) << read.status();
  return read.ok() ? *read : std::vector<float>();
}

/// Elements in memory: an input of graphs, not a constant.
wf::Tensor input(std::vector<float> elements, wf::Shape shape = {}) {
  if (shape.rank() == 0)
    shape = {static_cast<int64_t>(elements.size())};
  return wf::adopt(std::move(elements), shape, wf::Device::cpu());
}

/// Programs made so far, by the compiler or from disk.
int64_t programs() {
  return statistics().graphsCompiled + statistics().graphsLoaded;
}

/// Numbers of ops of the pieces of what `roots` depend on.
std::vector<size_t> pieceSizes(std::initializer_list<wf::Tensor> roots) {
  std::vector<wf::NodePtr> nodes;
  for (const wf::Tensor &root : roots)
    nodes.push_back(root.node());
  std::vector<size_t> sizes;
  for (const auto &piece :
       wf::compiler::cut(wf::compiler::capture(nodes).program))
    sizes.push_back(piece.program.ops.size());
  return sizes;
}

wf::Tensor addTimes(wf::Tensor b, const wf::Tensor &c, int times) {
  for (int i = 0; i < times; ++i)
    b = b + c;
  return b;
}

// ---- how many programs ------------------------------------------------------

TEST(Loop, AllLengthsShareAFewPrograms) {
  wf::Tensor b = input({1, 2, 3}), c = input({1, 10, 100});
  int64_t before = programs();
  for (int length = 1; length <= 300; ++length) {
    auto n = static_cast<float>(length);
    ASSERT_THAT(values(addTimes(b, c, length)),
                ElementsAre(1 + n, 2 + 10 * n, 3 + 100 * n))
        << length;
  }
  // 1 to 16 steps, 32, 64 and 128.
  EXPECT_EQ(programs() - before, 19);
}

TEST(Loop, AHundredThousandOps) {
  wf::Tensor b = input({1, 2}), c = input({1, 3});
  int64_t before = programs();
  EXPECT_THAT(values(addTimes(b, c, 100000)), ElementsAre(100001, 300002));
  EXPECT_LE(programs() - before, 8);
  addTimes(b, c, 100000); // destroyed without being evaluated
}

TEST(Loop, NumbersAndInputsMayDiffer) {
  std::vector<wf::Tensor> inputs;
  for (int i = 0; i < 7; ++i)
    inputs.push_back(input({static_cast<float>(i)}));
  auto recorded = [&](int length) {
    wf::Tensor b = input({3});
    for (int i = 0; i < length; ++i)
      b = b * (0.5 + 0.25 * (i % 3)) - inputs[static_cast<size_t>(i % 7)];
    return values(b)[0];
  };
  auto expected = [&](int length) {
    float b = 3;
    for (int i = 0; i < length; ++i)
      b = b * (0.5f + 0.25f * static_cast<float>(i % 3)) -
          static_cast<float>(i % 7);
    return b;
  };
  // i % 3 == 2 multiplies by 1, a number that kernels know: the steps of the
  // loop are three turns.
  for (int length : {5, 47, 48, 49, 50, 51, 100, 1001})
    EXPECT_EQ(recorded(length), expected(length)) << length;
}

TEST(Loop, ModulesInALoop) {
  wf::nn::BatchNorm bn(2);
  bn.weight = wf::tensor({0.5, 2.0});
  bn.bias = wf::tensor({1.0, -1.0});
  bn.running_mean = wf::tensor({0.25, 0.5});
  bn.running_var = wf::tensor({1.0, 4.0});
  auto run = [&](int layers) {
    wf::Tensor y = input({1, 2, 3, 4}, {1, 2, 2});
    for (int i = 0; i < layers; ++i)
      y = wf::relu(bn(y));
    return values(y);
  };
  auto step = [](float x, float weight, float bias, float mean, float var) {
    return std::max(0.0f, (x - mean) / std::sqrt(var + 1e-5f) * weight + bias);
  };
  auto expected = [&](int layers) {
    std::vector<float> y = {1, 2, 3, 4};
    for (int i = 0; i < layers; ++i) {
      y[0] = step(y[0], 0.5f, 1, 0.25f, 1);
      y[1] = step(y[1], 0.5f, 1, 0.25f, 1);
      y[2] = step(y[2], 2, -1, 0.5f, 4);
      y[3] = step(y[3], 2, -1, 0.5f, 4);
    }
    return y;
  };
  int64_t before = programs();
  for (int layers : {20, 21, 33, 50, 64, 99, 1000, 5000})
    EXPECT_THAT(values(input(run(layers))),
                testing::Pointwise(testing::FloatNear(1e-4f), expected(layers)))
        << layers;
  EXPECT_LE(programs() - before, 10);
}

TEST(Loop, TwoStates) {
  wf::Tensor a = input({0}), b = input({1});
  wf::Tensor shared = wf::exp(input({0})); // used by every step
  for (int i = 0; i < 30; ++i) {
    wf::Tensor next = (a + b) * shared;
    a = b;
    b = next;
  }
  EXPECT_THAT(values(b), ElementsAre(1346269)); // of Fibonacci's numbers
  EXPECT_THAT(values(a), ElementsAre(832040));
}

TEST(Loop, EveryStepMayBeAResult) {
  std::vector<wf::Tensor> results;
  wf::Tensor b = input({0}), c = input({1});
  for (int i = 0; i < 100; ++i)
    results.push_back(b = b + c);
  ASSERT_TRUE(wf::eval(results).ok());
  int64_t before = statistics().evaluations;
  for (size_t i = 0; i < results.size(); ++i)
    EXPECT_THAT(values(results[i]), ElementsAre(static_cast<float>(i + 1)));
  EXPECT_EQ(statistics().evaluations, before);
}

TEST(Loop, CompiledAheadOfItsInputs) {
  auto loop = [](const wf::Tensor &b, const wf::Tensor &c) {
    wf::Tensor y = addTimes(b, c, 50);
    return std::vector<wf::Tensor>{y, b, y, y * 2};
  };
  auto executable = wf::compile(loop, {{wf::float32, {2}}, {wf::float32, {2}}},
                                {.device = wf::Device::cpu()});
  ASSERT_TRUE(executable.ok()) << executable.status();
  auto results = executable->run({input({1, 2}), input({1, 10})});
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_THAT(values((*results)[0]), ElementsAre(51, 502));
  EXPECT_THAT(values((*results)[1]), ElementsAre(1, 2));
  EXPECT_THAT(values((*results)[2]), ElementsAre(51, 502));
  EXPECT_THAT(values((*results)[3]), ElementsAre(102, 1004));
  wf::Tensor mine[4];
  std::vector<wf::Tensor> outputs;
  for (wf::Tensor &output : mine)
    outputs.push_back(output = input({0, 0}));
  ASSERT_TRUE(
      executable->run({input({1, 2}), input({1, 10})}, outputs, {}).ok());
  EXPECT_THAT(values(mine[0]), ElementsAre(51, 502));
  EXPECT_THAT(values(mine[1]), ElementsAre(1, 2));
  EXPECT_THAT(values(mine[2]), ElementsAre(51, 502));
  EXPECT_THAT(values(mine[3]), ElementsAre(102, 1004));
}

// Each piece has a @prepare of its own; one hands what it made to the others.
TEST(Loop, CompiledWithWeightsThatGo) {
  auto executable = [] {
    wf::nn::Parameter weight = input({1, 2}), shared = input({3, 4});
    return wf::compile(
        [&](const wf::Tensor &b) {
          wf::Tensor y = b, s = shared * shared;
          for (int i = 0; i < 100; ++i)
            y = y + weight * weight + s;
          return std::vector<wf::Tensor>{y, shared};
        },
        {{wf::float32, {2}}}, {.device = wf::Device::cpu()});
  }();
  ASSERT_TRUE(executable.ok()) << executable.status();
  for (int i = 0; i < 2; ++i) {
    auto results = executable->run({input({1, 2})});
    ASSERT_TRUE(results.ok()) << results.status();
    EXPECT_THAT(values((*results)[0]), ElementsAre(1001, 2002));
    EXPECT_THAT(values((*results)[1]), ElementsAre(3, 4));
  }
}

TEST(Loop, MemoryOfStepsIsUsedAgain) {
  const int64_t bytes = 1 << 20;
  wf::Tensor b = wf::adopt(std::vector<float>(bytes / 4, 1), {bytes / 4},
                           wf::Device::cpu());
  wf::Tensor y = addTimes(b, b, 10000);
  ASSERT_TRUE(wf::eval({y}).ok());
  wf::MemoryStats stats = wf::memory_stats(wf::Device::cpu());
  EXPECT_LE(stats.live + stats.pooled, 8 * bytes);
}

TEST(Loop, ExplainShowsEachPieceOnce) {
  wf::Tensor y = addTimes(input({1}), input({2}), 1 + 128 + 128 + 2);
  std::vector<wf::NodePtr> roots = {y.node()};
  auto stages = wf::compiler::explain(roots, {.target = "cuda:sm_90a"});
  ASSERT_TRUE(stages.ok()) << stages.status();
  EXPECT_EQ(stages->recordedOps, 259);
  EXPECT_EQ(stages->launches, 4);
  EXPECT_EQ(stages->kernels.size(), 3u) << "1, 128 and 2 ops";
  EXPECT_THAT(stages->fused, testing::HasSubstr("\n// -----\n"));
}

// ---- where programs are cut -------------------------------------------------

TEST(LoopPieces, PowersOfTwo) {
  wf::Tensor b = input({1}), c = input({2});
  EXPECT_THAT(pieceSizes({addTimes(b, c, 16)}), ElementsAre(16))
      << "fifteen equal steps after the first";
  EXPECT_THAT(pieceSizes({addTimes(b, c, 17)}), ElementsAre(1, 16));
  EXPECT_THAT(pieceSizes({addTimes(b, c, 1 + 300)}),
              ElementsAre(1, 128, 128, 32, 8, 4));
}

TEST(LoopPieces, StepsAreKeptWhole) {
  wf::Tensor b = input({1}), c = input({2});
  for (int i = 0; i < 21; ++i)
    b = wf::tanh(wf::exp(b) * c);
  // exp, then 20 times mul, tanh, exp; then mul, tanh.
  EXPECT_THAT(pieceSizes({b}), ElementsAre(1, 48, 12, 2));
}

TEST(LoopPieces, TheOrderOfOperandsDoesNotMatter) {
  wf::Tensor b = input({1});
  for (int i = 0; i < 101; ++i)
    b = wf::exp(input({static_cast<float>(i)})) + b;
  // add, then 99 times exp, add; then add.
  std::vector<size_t> sizes = pieceSizes({b});
  EXPECT_LE(sizes.size(), 9u);
  EXPECT_THAT(sizes, testing::Contains(128));
}

TEST(LoopPieces, NetsStayWhole) {
  std::vector<wf::nn::BatchNorm> layers;
  wf::Tensor y = input({1, 2, 3, 4}, {1, 2, 2});
  for (int i = 0; i < 200; ++i)
    y = wf::relu(layers.emplace_back(2)(y));
  EXPECT_THAT(pieceSizes({y}), ElementsAre(400));
}

/// Ops without a pattern.
wf::Tensor mixed(int length) {
  std::mt19937 random(1);
  wf::Tensor y = input({1});
  for (int i = 0; i < length; ++i)
    switch (random() % 4) {
    case 0:
      y = wf::sin(y);
      break;
    case 1:
      y = y + 0.5;
      break;
    case 2:
      y = wf::tanh(y);
      break;
    default:
      y = wf::cos(y);
    }
  return y;
}

TEST(LoopPieces, OnlyVeryLongProgramsWithoutLoopsAreCut) {
  EXPECT_THAT(pieceSizes({mixed(1500)}), ElementsAre(1500));
  EXPECT_THAT(pieceSizes({mixed(5000)}), ElementsAre(2048, 2048, 904));
  EXPECT_NEAR(values(mixed(5000))[0], values(mixed(5000))[0], 0);
}

TEST(LoopPieces, LayersBeyondANetAreALoop) {
  wf::Tensor y = input({1, 2, 3, 4}, {1, 2, 2});
  for (int i = 0; i < 2000; ++i)
    y = wf::relu(wf::nn::BatchNorm(2)(y));
  std::vector<size_t> sizes = pieceSizes({y});
  EXPECT_THAT(sizes, testing::Contains(128));
  EXPECT_THAT(sizes, Each(testing::Le(128u)));
}

} // namespace
