// SPDX-License-Identifier: Apache-2.0
// Steps in order: names, copies, containers.
#include "test/Tensor/Values.h"

#include "weft/Functions.h"
#include "weft/NN/Linear.h"
#include "weft/NN/Sequential.h"

#include <optional>

namespace weft::nn {
namespace {

using test::expect_values;

std::vector<std::string> names(const Module &module) {
  std::vector<std::string> names;
  for (const auto &[name, tensor] : module.state_dict())
    names.push_back(name);
  return names;
}

TEST(Sequential, ApiExamples) {
  Sequential net(Linear(4, 8), relu, Linear(8, 2));
  EXPECT_EQ(net(zeros({1, 4})).shape(), (Shape{1, 2}));
  EXPECT_THAT(names(net),
              testing::ElementsAre("0.weight", "0.bias", "2.weight", "2.bias"));
  EXPECT_EQ(net.size(), 3u);
  EXPECT_EQ(net.module(0)->class_name(), "Linear");
  EXPECT_EQ(net.module(1), nullptr);
  EXPECT_EQ(net.module(3), nullptr);
}

TEST(Sequential, CallsInOrder) {
  Sequential net([](const Tensor &x) { return x + 1; },
                 [](const Tensor &x) { return x * 10; });
  expect_values(net(tensor({1, 2})), {2}, {20, 30});
  expect_values(Sequential()(tensor({1})), {1}, {1});
}

TEST(Sequential, NestsAndNames) {
  Sequential inner(Linear(2, 2, {.bias = false}));
  Sequential net;
  net.append("stem", Linear(2, 2, {.bias = false}))
      .append(inner)
      .append(std::move(inner));
  EXPECT_THAT(names(net),
              testing::ElementsAre("stem.weight", "1.0.weight", "2.0.weight"));
  EXPECT_EQ(net.named_children()[1].name, "1");
}

struct Holder : Module {
  std::optional<Sequential> downsample;
  std::vector<Sequential> stages;
  Holder()
      : downsample(Sequential(Linear(2, 2, {.bias = false}))),
        stages{Sequential(relu, Linear(2, 2, {.bias = false}))} {}
  WEFT_FIELDS(downsample, stages)
};

TEST(Sequential, InContainers) {
  Holder holder;
  EXPECT_THAT(names(holder),
              testing::ElementsAre("downsample.0.weight", "stages.0.1.weight"));
  auto &linear = static_cast<Linear &>(*holder.stages[0].module(1));
  EXPECT_EQ(linear.weight.path(), "stages.0.1.weight");
}

TEST(Sequential, CopiesAreDeep) {
  Sequential a(Linear(1, 1));
  Sequential b = a;
  static_cast<Linear &>(*b.module(0)).weight = tensor({{5.0}});
  expect_values(static_cast<Linear &>(*a.module(0)).weight, {1, 1}, {0});
  a = b;
  expect_values(static_cast<Linear &>(*a.module(0)).weight, {1, 1}, {5});
}

TEST(Sequential, Prints) {
  EXPECT_EQ(to_string(Sequential(Linear(2, 1, {.bias = false}), relu)),
            "Sequential(\n"
            "    0: Module = Linear(\n"
            "        weight: Parameter = (shape=[1, 2], dtype=float32),\n"
            "    ),\n"
            ")");
}

} // namespace
} // namespace weft::nn
