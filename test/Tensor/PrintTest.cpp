// SPDX-License-Identifier: Apache-2.0
// How tensors of every shape and type are printed.
#include "Values.h"

namespace weft {
namespace {

const Device kCpu = Device::cpu();

std::string print(const Literal &values, std::optional<DType> dtype = {}) {
  return to_string(tensor(values, dtype, kCpu));
}

TEST(Print, ScalarsAndVectorsOnOneLine) {
  EXPECT_EQ(print(1), "tensor(1, dtype=int32, loc=cpu:0, shape=())");
  EXPECT_EQ(print({0.0, 1.0}),
            "tensor([0.0000, 1.0000], dtype=float32, loc=cpu:0, shape=(2,))");
  EXPECT_EQ(print({true, false}),
            "tensor([true, false], dtype=bool, loc=cpu:0, shape=(2,))");
  EXPECT_EQ(print({{5}}),
            "tensor([[5]], dtype=int32, loc=cpu:0, shape=(1, 1))");
  EXPECT_EQ(print({1234567}),
            "tensor([1234567], dtype=int32, loc=cpu:0, shape=(1,))");
}

TEST(Print, MatricesOnLinesWithAlignedColumns) {
  EXPECT_EQ(print({{0.0, 1.0}, {2.0, 3.0}}),
            "tensor(\n"
            "    [[0.0000, 1.0000],\n"
            "     [2.0000, 3.0000]], \n"
            "    dtype=float32, loc=cpu:0, shape=(2, 2))");
  EXPECT_EQ(print({{1, -20}, {300, 4}}),
            "tensor(\n"
            "    [[  1, -20],\n"
            "     [300,   4]], \n"
            "    dtype=int32, loc=cpu:0, shape=(2, 2))");
}

TEST(Print, BlankLinesBetweenMatrices) {
  EXPECT_EQ(print({{{1}, {2}}, {{3}, {4}}}), "tensor(\n"
                                             "    [[[1],\n"
                                             "      [2]],\n"
                                             "\n"
                                             "     [[3],\n"
                                             "      [4]]], \n"
                                             "    dtype=int32, loc=cpu:0, "
                                             "shape=(2, 2, 1))");
}

TEST(Print, SpecialFloats) {
  EXPECT_EQ(print({NAN, INFINITY, -INFINITY, -0.0}),
            "tensor([nan, inf, -inf, -0.0000], dtype=float32, loc=cpu:0, "
            "shape=(4,))");
}

TEST(Print, ExponentsForVeryLarge) {
  EXPECT_EQ(print({1e8, 0.0}),
            "tensor([1.0000e+08, 0.0000e+00], dtype=float32, loc=cpu:0, "
            "shape=(2,))");
  EXPECT_EQ(print({0.00001}),
            "tensor([0.0000], dtype=float32, loc=cpu:0, shape=(1,))");
}

TEST(Print, EveryType) {
  for (DType type : {float64, float16, bfloat16, float8})
    EXPECT_EQ(print({1.5}, type),
              "tensor([1.5000], dtype=" + std::string(name(type)) +
                  ", loc=cpu:0, shape=(1,))");
  for (DType type : {int64, int8, int4, uint8})
    EXPECT_EQ(print({7}, type), "tensor([7], dtype=" + std::string(name(type)) +
                                    ", loc=cpu:0, shape=(1,))");
}

TEST(Print, EmptyTensors) {
  EXPECT_EQ(print({}), "tensor([], dtype=float32, loc=cpu:0, shape=(0,))");
  EXPECT_EQ(print({{}, {}}),
            "tensor([], dtype=float32, loc=cpu:0, shape=(2, 0))");
}

TEST(Print, LongRowsWrap) {
  EXPECT_EQ(to_string(arange(0, 30, 1, int32, kCpu)),
            "tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, "
            "17, 18, 19,\n"
            "        20, 21, 22, 23, 24, 25, 26, 27, 28, 29], dtype=int32, "
            "loc=cpu:0, shape=(30,))");
}

TEST(Print, ThousandElementsAreShownOneMoreIsSummarised) {
  EXPECT_THAT(to_string(arange(0, 1000, 1, int32, kCpu)),
              testing::HasSubstr(" 500, "));
  EXPECT_EQ(to_string(arange(0, 1001, 1, int32, kCpu)),
            "tensor([0, 1, 2, ..., 998, 999, 1000], dtype=int32, loc=cpu:0, "
            "shape=(1001,))");
  std::vector<int32_t> values(40 * 40);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<int32_t>(i);
  EXPECT_EQ(to_string(adopt(std::move(values), {40, 40}, kCpu)),
            "tensor(\n"
            "    [[   0,    1,    2,  ...,   37,   38,   39],\n"
            "     [  40,   41,   42,  ...,   77,   78,   79],\n"
            "     [  80,   81,   82,  ...,  117,  118,  119],\n"
            "     ...,\n"
            "     [1480, 1481, 1482,  ..., 1517, 1518, 1519],\n"
            "     [1520, 1521, 1522,  ..., 1557, 1558, 1559],\n"
            "     [1560, 1561, 1562,  ..., 1597, 1598, 1599]], \n"
            "    dtype=int32, loc=cpu:0, shape=(40, 40))");
}

} // namespace
} // namespace weft
