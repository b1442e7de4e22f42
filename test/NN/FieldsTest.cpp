// SPDX-License-Identifier: Apache-2.0
// One line of fields, and what follows from it.
#include "weft/NN/Linear.h"
#include "weft/NN/Module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <optional>

namespace weft::nn {
namespace {

std::vector<std::string> names(const Module &module) {
  std::vector<std::string> names;
  for (const auto &[name, tensor] : module.state_dict())
    names.push_back(name);
  return names;
}

struct Everything : Module {
  Parameter alpha{Shape{1}};
  Linear klass{1, 1, {.bias = false}};
  std::optional<Linear> absent, present;
  std::vector<Linear> layers;
  std::array<Parameter, 2> pair;
  std::map<std::string, std::vector<Parameter>> heads;
  std::map<int, Parameter> numbered;

  Everything()
      : present(Linear(1, 1, {.bias = false})),
        layers(2, Linear(1, 1, {.bias = false})),
        pair{Parameter(Shape{1}), Parameter(Shape{1})},
        heads{{"left", {Parameter(Shape{1})}}},
        numbered{{7, Parameter(Shape{1})}} {}

  WEFT_FIELDS(alpha, field("class", klass), absent, present, layers, pair,
              heads, numbered)
};

TEST(Fields, NamesFollowFromTheLine) {
  EXPECT_THAT(names(Everything()),
              testing::ElementsAre("alpha", "class.weight", "present.weight",
                                   "layers.0.weight", "layers.1.weight",
                                   "pair.0", "pair.1", "heads.left.0",
                                   "numbered.7"));
}

TEST(Fields, ParametersKnowTheirPaths) {
  Everything everything;
  EXPECT_EQ(everything.alpha.path(), "alpha");
  EXPECT_EQ(everything.klass.weight.path(), "class.weight");
  EXPECT_EQ(everything.layers[1].weight.path(), "layers.1.weight");
  EXPECT_EQ(everything.heads["left"][0].path(), "heads.left.0");
}

struct Outer : Module {
  Everything inner;
  WEFT_FIELDS(inner)
};

TEST(Fields, PathsBeginAtTheOutermostModule) {
  EXPECT_EQ(Outer().inner.layers[0].weight.path(), "inner.layers.0.weight");
}

struct LineFirst : Module {
  WEFT_FIELDS(first, second)
  std::vector<Linear> first;
  Parameter second{Shape{1}};
  LineFirst() : first(1, Linear(1, 1)) {}
};

TEST(Fields, TheLineMayStandBeforeTheFields) {
  LineFirst module;
  EXPECT_THAT(names(module),
              testing::ElementsAre("first.0.weight", "first.0.bias", "second"));
  // Paths are written when the state is loaded.
  ASSERT_TRUE(module.load_state_dict(module.state_dict()).ok());
  EXPECT_EQ(module.first[0].weight.path(), "first.0.weight");
}

template <typename T> struct Wrapper : Module {
  T inner;
  explicit Wrapper(T inner) : inner(std::move(inner)) {}
  WEFT_FIELDS(inner)
};

TEST(Fields, ClassNames) {
  struct Local : Module {
    Parameter alpha{Shape{1}};
    WEFT_FIELDS(alpha)
  };
  EXPECT_EQ(Everything().class_name(), "Everything");
  EXPECT_EQ(Local().class_name(), "Local");
  EXPECT_EQ(Linear(1, 1).class_name(), "Linear");
  EXPECT_THAT(std::string(Wrapper(Linear(1, 1)).class_name()),
              testing::StartsWith("Wrapper"));
  EXPECT_EQ(detail::class_name("virtual std::string_view "
                               "a::B<int, c::D>::E::class_name() const"),
            "E");
  EXPECT_EQ(detail::class_name("std::string_view (anonymous namespace)::"
                               "E::class_name() const"),
            "E");
}

} // namespace
} // namespace weft::nn
