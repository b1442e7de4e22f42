// SPDX-License-Identifier: Apache-2.0
// Order, replacement and printing of named tensors.
#include "Values.h"

#include "weft/StateDict.h"

namespace weft {
namespace {

const Device kCpu = Device::cpu();

std::vector<std::string> names(const StateDict &state) {
  std::vector<std::string> names;
  for (const auto &[name, tensor] : state)
    names.push_back(name);
  return names;
}

TEST(StateDict, KeepsTheOrder) {
  StateDict state = {{"b", tensor(1)}, {"a", tensor(2)}};
  state["c"] = tensor(3);
  state["b"] = tensor(4);
  EXPECT_THAT(names(state), testing::ElementsAre("b", "a", "c"));
  EXPECT_EQ(*state.find("b")->item<int>(), 4);
  EXPECT_EQ(state.find("d"), nullptr);
  EXPECT_EQ(state.size(), 3u);
}

TEST(StateDict, Erases) {
  StateDict state = {{"a", tensor(1)}, {"b", tensor(2)}, {"c", tensor(3)}};
  EXPECT_TRUE(state.erase("a"));
  EXPECT_FALSE(state.erase("a"));
  EXPECT_THAT(names(state), testing::ElementsAre("b", "c"));
  EXPECT_EQ(*state.find("c")->item<int>(), 3);
  EXPECT_FALSE(state.contains("a"));
}

TEST(StateDict, Prints) {
  StateDict state = {{"bias", tensor({0.0, 1.0}, {}, kCpu)},
                     {"weight", tensor({{0, 1}, {2, 3}}, {}, kCpu)}};
  EXPECT_EQ(to_string(state),
            "{\n"
            "    bias: tensor([0.0000, 1.0000], dtype=float32, loc=cpu:0, "
            "shape=(2,)),\n"
            "    weight: tensor(\n"
            "        [[0, 1],\n"
            "         [2, 3]], \n"
            "        dtype=int32, loc=cpu:0, shape=(2, 2)),\n"
            "}");
  EXPECT_EQ(to_string(StateDict()), "{\n}");
}

} // namespace
} // namespace weft
