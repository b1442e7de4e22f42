// SPDX-License-Identifier: Apache-2.0
// Convolutions, pooling and matrix products.
#include "Run.h"

#include <gtest/gtest.h>

using namespace weft;

namespace {

std::string dims(std::initializer_list<int64_t> sizes) {
  std::string text;
  for (int64_t size : sizes)
    text += std::to_string(size) + "x";
  return "tensor<" + text + "f32>";
}

struct Conv2d {
  int64_t n, c, h, w, o, kernel, stride, low, high, dilation, groups;
};

std::string conv(const Conv2d &p) {
  auto out = [&](int64_t size) {
    return (size + p.low + p.high - p.dilation * (p.kernel - 1) - 1) /
               p.stride +
           1;
  };
  std::string x = dims({p.n, p.c, p.h, p.w}),
              w = dims({p.o, p.c / p.groups, p.kernel, p.kernel}),
              b = dims({p.o}), y = dims({p.n, p.o, out(p.h), out(p.w)});
  auto twice = [](int64_t a, int64_t b) {
    return std::to_string(a) + ", " + std::to_string(b);
  };
  return "func.func @main(%x: " + x + ", %w: " + w + ", %b: " + b +
         ", %r: " + y + ") -> " + y +
         " {\n  %c = weft.conv %x, %w, %b stride [" +
         twice(p.stride, p.stride) + "] padding [" + twice(p.low, p.high) +
         ", " + twice(p.low, p.high) + "] dilation [" +
         twice(p.dilation, p.dilation) + "] groups " +
         std::to_string(p.groups) + " : " + x + ", " + w + ", " + b + " -> " +
         y + "\n  %a = weft.add %c, %r : " + y +
         "\n  %y = weft.relu %a : " + y + "\n  return %y : " + y + "\n}\n";
}

TEST(CpuWindow, ConvByHand) {
  OneKernel one(R"(
    func.func @main(%x: tensor<1x1x1x3xf32>, %w: tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32> {
      %y = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 : tensor<1x1x1x3xf32>, tensor<1x1x1x2xf32> -> tensor<1x1x1x2xf32>
      return %y : tensor<1x1x1x2xf32>
    })");
  ASSERT_TRUE(one.ok()) << one.why();
  reference::Value x{float32, {1, 1, 1, 3}, {1, 2, 3}, {}};
  reference::Value w{float32, {1, 1, 1, 2}, {10, 1}, {}};
  EXPECT_EQ(one.run({x, w})[0].reals, (std::vector<double>{12, 23}));
}

TEST(CpuWindow, Convolutions) {
  for (const Conv2d &p : {
           Conv2d{2, 3, 8, 8, 16, 3, 1, 1, 1, 1, 1},
           {3, 16, 4, 4, 16, 3, 1, 1, 1, 1, 1},
           {3, 8, 2, 2, 8, 3, 1, 1, 1, 1, 1},
           {2, 8, 8, 8, 16, 3, 2, 1, 1, 1, 1},
           {2, 8, 8, 8, 16, 1, 2, 0, 0, 1, 1},
           {1, 4, 7, 7, 5, 3, 1, 1, 1, 1, 1},
           {2, 6, 9, 11, 4, 3, 1, 0, 2, 2, 2},
           {1, 4, 5, 5, 4, 3, 1, 1, 1, 1, 4},
           {1, 3, 20, 20, 7, 5, 3, 2, 1, 1, 1},
           {2, 16, 14, 14, 13, 1, 1, 0, 0, 1, 1},
           {1, 3, 33, 40, 8, 7, 2, 3, 3, 1, 1},
           {1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1},
           {1, 5, 1, 1, 7, 3, 1, 1, 1, 1, 1},
       })
    checkAgainstReference(conv(p), 1e-4);
}

TEST(CpuWindow, ChannelsLast) {
  checkAgainstReference(R"(
    func.func @main(%x: tensor<2x7x9x6xf32>, %w: tensor<10x3x2x3xf32>, %b: tensor<10xf32>) -> tensor<2x4x9x10xf32> {
      %c = weft.conv %x, %w, %b stride [2, 1] padding [1, 1, 0, 2] dilation [1, 2] groups 2 channels_last : tensor<2x7x9x6xf32>, tensor<10x3x2x3xf32>, tensor<10xf32> -> tensor<2x4x9x10xf32>
      %y = weft.contiguous %c : tensor<2x4x9x10xf32>
      return %y : tensor<2x4x9x10xf32>
    })",
                        1e-4);
  checkAgainstReference(R"(
    func.func @main(%x: tensor<2x4x9x10xf32>) -> tensor<2x3x5x10xf32> {
      %y = weft.maxpool %x kernel [2, 3] stride [1, 2] padding [0, 0, 1, 1] channels_last : tensor<2x4x9x10xf32> -> tensor<2x3x5x10xf32>
      return %y : tensor<2x3x5x10xf32>
    })",
                        1e-4);
  checkAgainstReference(R"(
    func.func @main(%x: tensor<2x3x5x10xf32>) -> tensor<2x2x2x10xf32> {
      %y = weft.avgpool %x kernel [2, 2] stride [1, 3] padding [0, 0, 1, 0] count_include_pad false channels_last : tensor<2x3x5x10xf32> -> tensor<2x2x2x10xf32>
      return %y : tensor<2x2x2x10xf32>
    })",
                        1e-4);
}

TEST(CpuWindow, OtherRanksAndTypes) {
  checkAgainstReference(R"(
    func.func @main(%x: tensor<2x3x19xf16>, %w: tensor<4x3x3xf16>) -> tensor<2x4x19xf16> {
      %y = weft.conv %x, %w stride [1] padding [1, 1] dilation [1] groups 1 : tensor<2x3x19xf16>, tensor<4x3x3xf16> -> tensor<2x4x19xf16>
      return %y : tensor<2x4x19xf16>
    })",
                        2e-3);
  checkAgainstReference(R"(
    func.func @main(%x: tensor<1x2x3x4x9xf64>, %w: tensor<3x2x2x2x2xf64>) -> tensor<1x3x3x4x8xf64> {
      %y = weft.conv %x, %w stride [1, 1, 1] padding [1, 0, 0, 1, 0, 0] dilation [1, 1, 1] groups 1 : tensor<1x2x3x4x9xf64>, tensor<3x2x2x2x2xf64> -> tensor<1x3x3x4x8xf64>
      return %y : tensor<1x3x3x4x8xf64>
    })",
                        1e-12);
  // Baseline code has no loads under a mask.
  checkAgainstReference(conv({3, 16, 4, 4, 16, 3, 1, 1, 1, 1, 1}), 1e-4, -4, 4,
                        {"x86-64", "", 0});
}

TEST(CpuWindow, Pooling) {
  for (const char *type : {"f32", "f16", "i32", "i8"})
    for (auto [h, out] : {std::pair("8", "4"), {"7", "4"}, {"33", "17"}}) {
      std::string x = std::string("tensor<2x3x") + h + "x" + h + "x" + type +
                      ">",
                  y = std::string("tensor<2x3x") + out + "x" + out + "x" +
                      type + ">";
      checkAgainstReference(
          "func.func @main(%x: " + x + ") -> " + y +
              " {\n  %y = weft.maxpool %x kernel [3, 3] stride [2, 2] padding "
              "[1, 1, 1, 1] : " +
              x + " -> " + y + "\n  return %y : " + y + "\n}\n",
          1e-5);
      checkAgainstReference(
          "func.func @main(%x: " + x + ") -> " + y +
              " {\n  %y = weft.avgpool %x kernel [3, 3] stride [2, 2] padding "
              "[1, 1, 1, 1] count_include_pad false : " +
              x + " -> " + y + "\n  return %y : " + y + "\n}\n",
          type[0] == 'f' ? 1e-3 : 0);
    }
}

std::string matmul(int64_t m, int64_t k, int64_t n, const std::string &batch,
                   const std::string &type) {
  auto tensor = [&](int64_t a, int64_t b) {
    return "tensor<" + batch + std::to_string(a) + "x" + std::to_string(b) +
           "x" + type + ">";
  };
  return "func.func @main(%a: " + tensor(m, k) + ", %b: " + tensor(k, n) +
         ") -> " + tensor(m, n) +
         " {\n  %c = weft.matmul %a, %b : " + tensor(m, k) + ", " +
         tensor(k, n) + " -> " + tensor(m, n) +
         "\n  return %c : " + tensor(m, n) + "\n}\n";
}

TEST(CpuWindow, MatrixProducts) {
  for (auto [m, k, n] : {std::tuple(1, 1, 1),
                         {2, 3, 4},
                         {7, 5, 9},
                         {16, 16, 16},
                         {33, 17, 41},
                         {1, 64, 100},
                         {100, 64, 1},
                         {13, 0, 7},
                         {6, 200, 64},
                         {64, 64, 70}}) {
    checkAgainstReference(matmul(m, k, n, "", "f32"), 1e-4);
    checkAgainstReference(matmul(m, k, n, "3x", "i32"));
  }
  checkAgainstReference(matmul(9, 8, 17, "2x", "bf16"), 2e-2);
}

TEST(CpuWindow, LinearLayer) {
  checkAgainstReference(R"(
    func.func @main(%x: tensor<45x64xf32>, %w: tensor<10x64xf32>, %b: tensor<10xf32>) -> tensor<45x10xf32> {
      %t = weft.transpose %w [1, 0] : tensor<10x64xf32> -> tensor<64x10xf32>
      %p = weft.matmul %x, %t : tensor<45x64xf32>, tensor<64x10xf32> -> tensor<45x10xf32>
      %c = weft.broadcast %b : tensor<10xf32> -> tensor<45x10xf32>
      %y = weft.add %p, %c : tensor<45x10xf32>
      return %y : tensor<45x10xf32>
    })",
                        1e-4);
}

} // namespace
