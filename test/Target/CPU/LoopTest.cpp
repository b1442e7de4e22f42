// SPDX-License-Identifier: Apache-2.0
// Element-wise kernels: sizes, strides, types.
#include "Run.h"

#include <gtest/gtest.h>

using namespace weft;

namespace {

/// `text` with every occurrence of a word replaced.
std::string with(std::string text, const std::string &word,
                 const std::string &by) {
  for (size_t at = 0; (at = text.find(word, at)) != std::string::npos;
       at += by.size())
    text.replace(at, word.size(), by);
  return text;
}

TEST(CpuLoop, AddsByHand) {
  OneKernel add(R"(
    func.func @main(%x: tensor<2x2xf32>, %y: tensor<2x2xf32>) -> tensor<2x2xf32> {
      %z = weft.add %x, %y : tensor<2x2xf32>
      return %z : tensor<2x2xf32>
    })");
  ASSERT_TRUE(add.ok()) << add.why();
  EXPECT_EQ(add.kernel().name, "weft_add");
  reference::Value x{float32, {2, 2}, {1, 2, 3, 4}, {}};
  reference::Value y{float32, {2, 2}, {10, 20, 30, -4}, {}};
  EXPECT_EQ(add.run({x, y})[0].reals, (std::vector<double>{11, 22, 33, 0}));
}

TEST(CpuLoop, EverySize) {
  for (const char *shape : {"0", "1", "2", "3", "7", "8", "9", "15", "16", "17",
                            "31", "33", "64", "100", "1000", "4099", "70001"})
    checkAgainstReference(with(R"(
      func.func @main(%x: tensor<SHAPExf32>, %y: tensor<SHAPExf32>) -> tensor<SHAPExf32> {
        %a = weft.mul %x, %y : tensor<SHAPExf32>
        %b = weft.relu %a : tensor<SHAPExf32>
        %c = weft.sub %b, %x : tensor<SHAPExf32>
        return %c : tensor<SHAPExf32>
      })",
                               "SHAPE", shape));
}

TEST(CpuLoop, ChannelsAreBroadcast) {
  const std::string text = R"(
    func.func @main(%x: tensor<SHAPExf32>, %s: tensor<CHANNELSx1x1xf32>) -> tensor<SHAPExf32> {
      %b = weft.broadcast %s : tensor<CHANNELSx1x1xf32> -> tensor<SHAPExf32>
      %y = weft.mul %x, %b : tensor<SHAPExf32>
      return %y : tensor<SHAPExf32>
    })";
  for (auto [shape, channels] : {std::pair("2x3x5x7", "3"),
                                 {"1x64x7x7", "64"},
                                 {"4x16x8x8", "16"},
                                 {"1x1x1x1", "1"},
                                 {"2x3x1x64", "3"},
                                 {"3x3x2x2", "3"},
                                 {"2x3x64x1", "3"}})
    checkAgainstReference(
        with(with(text, "SHAPE", shape), "CHANNELS", channels));
}

} // namespace
