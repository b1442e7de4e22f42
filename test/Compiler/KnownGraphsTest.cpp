// SPDX-License-Identifier: Apache-2.0
// Finding graphs that were evaluated before.
#include "lib/Compiler/KnownGraphs.h"

#include "weft/Compiler/Compiler.h"
#include "weft/Weft.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::compiler {
namespace {

using testing::ElementsAre;

constexpr CompileSettings kSettings{Tuning::off, Float32Precision::ieee};

Tensor leaf(const std::vector<float> &values) {
  return Tensor::from_host<float>(values, std::nullopt, Device::cpu());
}

uint64_t signatureOf(const Tensor &x) {
  return KnownGraphs::signatureOf({&x.node(), 1});
}

/// Something to find, whatever it would compute.
std::shared_ptr<const Sequence> sequence() {
  return std::make_shared<const Sequence>();
}

void add(KnownGraphs &graphs, const Tensor &x,
         std::shared_ptr<const Sequence> sequence) {
  graphs.add(signatureOf(x), capture({&x.node(), 1}, kSettings).key,
             std::move(sequence));
}

const Sequence *find(KnownGraphs &graphs, const Tensor &x,
                     const CompileSettings &settings = kSettings) {
  std::optional<ReadyGraph> found = graphs.find({&x.node(), 1}, settings);
  return found ? found->sequence.get() : nullptr;
}

TEST(KnownGraphs, AGraphIsFoundByWhatItComputes) {
  KnownGraphs graphs(4);
  const Tensor x = leaf({1, 2}), y = leaf({3, 4});
  auto known = sequence();
  add(graphs, relu(x * 3 + y), known);
  EXPECT_EQ(find(graphs, relu(y * 5 + x)), known.get());
  for (const Tensor &other :
       {abs(x * 3 + y), relu(x * 3 - y), relu(y + x * 3), relu(x * y + y),
        relu(x * 1 + y), relu(3 * x + y), relu(x * 3 + x), x * 3 + y,
        relu(leaf({1}) * 3 + leaf({2}))})
    EXPECT_EQ(find(graphs, other), nullptr);
}

/// A graph on a device that need not be there.
Tensor graphOn(Device device) {
  NodePtr node(new Node);
  node->shape = {2, 2};
  node->device = device;
  const Tensor x(std::move(node));
  return matmul(x, x);
}

TEST(KnownGraphs, SettingsArePartOfAGraphOnAGpu) {
  constexpr CompileSettings all[] = {{Tuning::off, Float32Precision::ieee},
                                     {Tuning::off, Float32Precision::tf32},
                                     {Tuning::fast, Float32Precision::ieee},
                                     {Tuning::fast, Float32Precision::tf32}};
  const Tensor x = graphOn(Device::gpu()), y = graphOn(Device::gpu());
  KnownGraphs graphs(4);
  std::vector<std::shared_ptr<const Sequence>> known;
  for (const CompileSettings &settings : all) {
    EXPECT_EQ(find(graphs, x, settings), nullptr);
    known.push_back(sequence());
    graphs.add(signatureOf(x), capture({&x.node(), 1}, settings).key,
               known.back());
  }
  for (size_t i = 0; i < known.size(); ++i)
    EXPECT_EQ(find(graphs, y, all[i]), known[i].get());
}

TEST(KnownGraphs, SettingsMeanNothingOnTheCpu) {
  const Tensor x = graphOn(Device::cpu()), y = graphOn(Device::cpu());
  KnownGraphs graphs(1);
  auto known = sequence();
  add(graphs, x, known);
  EXPECT_EQ(find(graphs, y, {Tuning::fast, Float32Precision::tf32}),
            known.get());
}

TEST(KnownGraphs, ArgumentsComeInTheOrderOfTheWalk) {
  KnownGraphs graphs(4);
  auto record = [](const Tensor &x, const Tensor &y, double a, double b) {
    return (x * a + y) * b - x;
  };
  const Tensor x = leaf({1, 2}), y = leaf({3, 4});
  add(graphs, record(x, y, 2, 3), sequence());
  const Tensor again = record(y, x, 5, 7);
  std::optional<ReadyGraph> found = graphs.find({&again.node(), 1}, kSettings);
  ASSERT_TRUE(found);
  EXPECT_THAT(found->inputs.owners,
              ElementsAre(y.node()->storage, x.node()->storage));
  EXPECT_THAT(found->scalars, ElementsAre(Scalar(5.0), Scalar(7.0)));
}

TEST(KnownGraphs, WhatAKnownGraphWorksOnIsHeld) {
  const Tensor x = leaf({1, 2});
  nn::Parameter weight = leaf({3, 4});
  auto record = [&] { return x * (weight + 2); };
  ASSERT_TRUE(record().eval().ok());
  for (bool isPrepared : {true, false}) {
    const Tensor again = record();
    std::optional<ReadyGraph> found = knownGraphs().find({&again.node(), 1});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->inputs.prepared != nullptr, isPrepared);
    EXPECT_EQ(found->inputs.owners.size(), isPrepared ? 1 : 2);
    Storages outputs;
    ASSERT_TRUE(found->run(outputs).ok());
    const auto *values = static_cast<const float *>(outputs[0]->data());
    EXPECT_EQ(values[1], isPrepared ? 12 : 16);
    weight = leaf({5, 6}); // not prepared yet
  }
}

// What is the same value twice and what is computed twice look alike from
// below: signatures are equal, graphs are not.
TEST(KnownGraphs, EqualSignaturesAreToldApart) {
  KnownGraphs graphs(4);
  const Tensor x = leaf({1, 2}), y = leaf({3, 4});
  const Tensor shared = exp(x);
  const Tensor once = shared + shared, twice = exp(x) + exp(x),
               two = exp(x) + exp(y);
  ASSERT_EQ(signatureOf(once), signatureOf(twice));
  ASSERT_EQ(signatureOf(once), signatureOf(two));
  auto a = sequence(), b = sequence();
  add(graphs, once, a);
  EXPECT_EQ(find(graphs, twice), nullptr);
  add(graphs, twice, b);
  EXPECT_EQ(find(graphs, once), a.get());
  EXPECT_EQ(find(graphs, twice), b.get());
  EXPECT_EQ(find(graphs, two), nullptr);
}

TEST(KnownGraphs, TheOrderOfOperandsIsPartOfAGraph) {
  KnownGraphs graphs(4);
  const Tensor once = exp(leaf({1, 2})), twice = exp(once);
  const Tensor a = once - twice, b = twice - once; // the same three ops
  graphs.add(signatureOf(b), capture({&a.node(), 1}, kSettings).key,
             sequence());
  EXPECT_EQ(find(graphs, b), nullptr);
  add(graphs, b, sequence());
  EXPECT_NE(find(graphs, b), nullptr);
}

TEST(KnownGraphs, NumbersThatKernelsKnowArePartOfAGraph) {
  KnownGraphs graphs(4);
  const Tensor x = leaf({1, 2});
  auto zero = sequence(), any = sequence();
  add(graphs, x * 0, zero);
  add(graphs, x * 2, any);
  ASSERT_EQ(signatureOf(x * 0), signatureOf(x * 2));
  EXPECT_EQ(find(graphs, x * 0), zero.get());
  EXPECT_EQ(find(graphs, x * 9), any.get());
  EXPECT_EQ(find(graphs, x * -1), nullptr);
}

TEST(KnownGraphs, NumbersBesideParametersArePartOfAGraph) {
  KnownGraphs graphs(4);
  nn::Parameter w = leaf({1, 2});
  auto known = sequence();
  add(graphs, w * 2, known);
  EXPECT_EQ(find(graphs, w * 2), known.get());
  EXPECT_EQ(find(graphs, w * 3), nullptr);
  EXPECT_EQ(find(graphs, leaf({1, 2}) * 2), nullptr);
}

TEST(KnownGraphs, TheLeastRecentlyUsedLeave) {
  const Tensor x = leaf({1, 2});
  // Two of one signature: the one that goes must be the right one.
  for (int used : {0, 1}) {
    KnownGraphs graphs(2);
    auto known = sequence();
    add(graphs, x * 0, known);
    add(graphs, x * 1, known);
    EXPECT_EQ(find(graphs, x * used), known.get());
    add(graphs, exp(x), known);
    EXPECT_EQ(find(graphs, x * (1 - used)), nullptr);
    EXPECT_EQ(find(graphs, x * used), known.get());
    EXPECT_EQ(find(graphs, exp(x)), known.get());
  }
}

TEST(KnownGraphs, TheFirstOfTwoThreadsCounts) {
  KnownGraphs graphs(2);
  const Tensor x = leaf({1, 2});
  auto first = sequence();
  add(graphs, exp(x), first);
  add(graphs, exp(x), sequence());
  EXPECT_EQ(find(graphs, exp(x)), first.get());
}

// ---- through evaluation -----------------------------------------------------

TEST(KnownGraphs, StepsOnTheValueBeforeAreOneGraph) {
  Tensor x = leaf({1, 2});
  for (int i = 0; i < 6; ++i) {
    x = x * 2 + 1;
    if (i > 0)
      EXPECT_TRUE(knownGraphs().find({&x.node(), 1}));
    ASSERT_TRUE(x.eval().ok());
  }
  EXPECT_THAT(*x.to_vector<float>(), ElementsAre(127, 191));
}

TEST(KnownGraphs, WhatWasRecordedBeforeItsInputWasEvaluatedIsRight) {
  for (float first : {1.f, 2.f, 3.f}) {
    Tensor y = exp(leaf({0, 0})) * first, z = y + 10;
    ASSERT_TRUE(y.eval().ok());
    EXPECT_THAT(*z.to_vector<float>(), ElementsAre(10 + first, 10 + first));
  }
}

TEST(KnownGraphs, APlaceholderIsNoInputOfAKnownGraph) {
  ASSERT_TRUE((relu(leaf({-1, 1, 2})) + 5).eval().ok());
  Status inside;
  (void)compile(
      [&](const Tensor &x) {
        Tensor y = relu(x) + 5;
        inside = y.eval();
        return y;
      },
      {InputSpec{float32, {3}}}, {.device = Device::cpu()});
  EXPECT_EQ(inside.message(),
            "eval: input 0 of a function being compiled has no value: return "
            "the tensor instead of reading it");
}

} // namespace
} // namespace weft::compiler
