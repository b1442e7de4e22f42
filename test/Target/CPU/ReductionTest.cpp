// SPDX-License-Identifier: Apache-2.0
// Reductions over rows, columns and everything; softmax and layer norm.
#include "Run.h"

#include <gtest/gtest.h>

using namespace weft;

namespace {

std::string reduction(const std::string &op, const std::string &shape,
                      const std::string &axes, const std::string &result,
                      const std::string &type) {
  std::string x = "tensor<" + shape + type + ">",
              y = "tensor<" + result + type + ">";
  return "func.func @main(%x: " + x + ") -> " + y + " {\n  %y = weft." + op +
         " %x over [" + axes + "] : " + x + " -> " + y +
         "\n  return %y : " + y + "\n}\n";
}

TEST(CpuReduction, ByHand) {
  OneKernel sum(reduction("sum", "2x3x", "1", "2x", "f32"));
  ASSERT_TRUE(sum.ok()) << sum.why();
  reference::Value x{float32, {2, 3}, {1, 2, 3, 10, 20, 30}, {}};
  EXPECT_EQ(sum.run({x})[0].reals, (std::vector<double>{6, 60}));
}

TEST(CpuReduction, AxesAndSizes) {
  struct Case {
    const char *shape, *axes, *result;
  };
  for (const char *op : {"sum", "max", "min", "prod"})
    for (const Case &c : {Case{"5x7x", "1", "5x"},
                          {"5x7x", "0", "7x"},
                          {"5x7x", "0, 1", ""},
                          {"3x64x", "1", "3x"},
                          {"2x100x", "1", "2x"},
                          {"64x33x", "0", "33x"},
                          {"4x3x5x6x", "0, 2, 3", "3x"},
                          {"4x3x5x6x", "1, 3", "4x5x"},
                          {"2x8x1000x", "0, 2", "8x"},
                          {"70001x", "0", ""},
                          {"1x1x", "0", "1x"},
                          {"1000x3x", "1", "1000x"}})
      checkAgainstReference(reduction(op, c.shape, c.axes, c.result, "f32"),
                            1e-4, 0.9, 1.1);
}

/// The sums of `shape`, all elements 0.1 in `type`, in f32.
std::vector<double> sumsOfTenths(DType type, const std::string &shape,
                                 const Shape &sizes, const std::string &axes,
                                 const std::string &result) {
  std::string x = "tensor<" + shape + (type == float16 ? "f16>" : "f32>"),
              wide = "tensor<" + shape + "f32>",
              y = "tensor<" + result + "f32>";
  OneKernel sum("func.func @main(%x: " + x + ") -> " + y +
                " {\n  %w = weft.cast %x : " + x + " -> " + wide +
                "\n  %y = weft.sum %w over [" + axes + "] : " + wide + " -> " +
                y + "\n  return %y : " + y + "\n}\n");
  EXPECT_TRUE(sum.ok()) << sum.why();
  reference::Value tenths = reference::zeros(type, sizes);
  for (double &real : tenths.reals)
    real = reference::roundTo(type, 0.1);
  return sum.run({tenths})[0].reals;
}

TEST(CpuReduction, LongSumsStayAccurate) {
  struct Case {
    const char *shape, *axes, *result;
    Shape sizes;
    double count; // of elements in each sum
  };
  for (const Case &c :
       {Case{"16777216x", "0", "", {1 << 24}, 1 << 24},
        {"1048619x", "0", "", {1048619}, 1048619},
        {"4194304x4x", "0", "4x", {1 << 22, 4}, 1 << 22},
        {"65536x16x", "0", "16x", {1 << 16, 16}, 1 << 16},
        {"16x4x32768x", "0, 2", "4x", {16, 4, 1 << 15}, 1 << 19},
        {"8192x2x100x", "0, 2", "2x", {1 << 13, 2, 100}, 819200},
        {"262144x2x3x", "0, 2", "2x", {1 << 18, 2, 3}, 786432}})
    for (DType type : {float32, float16}) {
      double want = c.count * reference::roundTo(type, 0.1);
      for (double sum : sumsOfTenths(type, c.shape, c.sizes, c.axes, c.result))
        EXPECT_NEAR(sum / want, 1, 3e-6) << c.shape << " " << name(type);
    }
}

TEST(CpuReduction, LongProductsStayAccurate) {
  std::string x = "tensor<3x300000xf32>", w = "tensor<300000x5xf32>",
              y = "tensor<3x5xf32>";
  checkAgainstReference("func.func @main(%x: " + x + ", %w: " + w + ") -> " +
                            y + " {\n  %y = weft.matmul %x, %w : " + x + ", " +
                            w + " -> " + y + "\n  return %y : " + y + "\n}\n",
                        5e-5, 0.1, 0.1);
}

TEST(CpuReduction, OfNothing) {
  for (const char *op : {"sum", "prod"}) {
    checkAgainstReference(reduction(op, "3x0x", "1", "3x", "f32"));
    checkAgainstReference(reduction(op, "0x3x", "1", "0x", "f32"));
    checkAgainstReference(reduction(op, "0x20x", "0", "20x", "i32"));
  }
  for (const char *op : {"all", "any"})
    checkAgainstReference(reduction(op, "3x0x", "1", "3x", "i1"));
}

TEST(CpuReduction, Types) {
  for (const char *type :
       {"f64", "f16", "bf16", "i64", "i32", "i8", "i4", "ui8"})
    for (const char *op : {"sum", "max", "min", "prod"})
      for (const char *shape : {"5x37x", "37x5x"})
        checkAgainstReference(
            reduction(
                op, shape, "1",
                std::string(shape).substr(0, std::string(shape).find('x') + 1),
                type),
            1e-2, 0.8, 1.2);
  for (const char *op : {"all", "any"}) {
    checkAgainstReference(reduction(op, "5x37x", "1", "5x", "i1"));
    checkAgainstReference(reduction(op, "5x37x", "0", "37x", "i1"));
  }
}

TEST(CpuReduction, NanWins) {
  OneKernel max(reduction("max", "2x19x", "1", "2x", "f32"));
  ASSERT_TRUE(max.ok()) << max.why();
  for (int64_t at : {0, 3, 8, 18}) {
    auto arguments = max.randomArguments();
    arguments[0].reals[at] = std::nan("");
    auto result = max.run(arguments);
    EXPECT_TRUE(std::isnan(result[0].reals[0])) << at;
    EXPECT_EQ(result[0].reals[1], max.expect(arguments)[0].reals[1]);
  }
}

TEST(CpuReduction, PositionsOfExtremes) {
  for (const char *op : {"argmax", "argmin"})
    for (auto [shape, axis, result] : {std::tuple("5x37x", "1", "5x"),
                                       {"37x5x", "0", "5x"},
                                       {"37x40x", "0", "40x"},
                                       {"3x4x5x", "1", "3x5x"},
                                       {"10x", "0", ""}})
      for (const char *type : {"f32", "i8", "i32", "f16"}) {
        std::string x = std::string("tensor<") + shape + type + ">",
                    y = std::string("tensor<") + result + "i32>";
        // Few different integers: the first of equal ones counts.
        checkAgainstReference("func.func @main(%x: " + x + ") -> " + y +
                              " {\n  %y = weft." + op + " %x over " + axis +
                              " : " + x + " -> " + y + "\n  return %y : " + y +
                              "\n}\n");
      }
}

TEST(CpuReduction, SoftmaxOfRows) {
  for (const char *n : {"1", "7", "10", "64", "1000"}) {
    std::string x = std::string("tensor<9x") + n + "xf32>";
    checkAgainstReference(
        "func.func @main(%x: " + x + ") -> " + x +
        " {\n  %m = weft.max %x over [1] : " + x +
        " -> tensor<9xf32>\n"
        "  %mr = weft.reshape %m : tensor<9xf32> -> tensor<9x1xf32>\n"
        "  %mb = weft.broadcast %mr : tensor<9x1xf32> -> " +
        x +
        "\n"
        "  %d = weft.sub %x, %mb : " +
        x + "\n  %e = weft.exp %d : " + x +
        "\n"
        "  %s = weft.sum %e over [1] : " +
        x +
        " -> tensor<9xf32>\n"
        "  %sr = weft.reshape %s : tensor<9xf32> -> tensor<9x1xf32>\n"
        "  %sb = weft.broadcast %sr : tensor<9x1xf32> -> " +
        x +
        "\n"
        "  %y = weft.div %e, %sb : " +
        x + "\n  return %y : " + x + "\n}\n");
  }
}

TEST(CpuReduction, SoftmaxOfColumns) {
  checkAgainstReference(R"(
    func.func @main(%x: tensor<6x5x21xf32>) -> tensor<6x5x21xf32> {
      %m = weft.max %x over [1] : tensor<6x5x21xf32> -> tensor<6x21xf32>
      %mr = weft.reshape %m : tensor<6x21xf32> -> tensor<6x1x21xf32>
      %mb = weft.broadcast %mr : tensor<6x1x21xf32> -> tensor<6x5x21xf32>
      %d = weft.sub %x, %mb : tensor<6x5x21xf32>
      %e = weft.exp %d : tensor<6x5x21xf32>
      %s = weft.sum %e over [1] : tensor<6x5x21xf32> -> tensor<6x21xf32>
      %sr = weft.reshape %s : tensor<6x21xf32> -> tensor<6x1x21xf32>
      %sb = weft.broadcast %sr : tensor<6x1x21xf32> -> tensor<6x5x21xf32>
      %y = weft.div %e, %sb : tensor<6x5x21xf32>
      return %y : tensor<6x5x21xf32>
    })");
}

} // namespace
