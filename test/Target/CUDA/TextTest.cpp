// SPDX-License-Identifier: Apache-2.0
// What emitted text looks like: it is meant to be read, equal groups must give
// equal text, and nothing unused may be in it.
#include "Cases.h"

#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace weft::cuda_tests {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::Gt;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

/// The kernel without its prelude.
std::string kernelText(const Emitted &c) {
  return c.kernel.text.substr(c.kernel.text.rfind("\n// ") + 1);
}

Case scaled(const std::string &x, const std::string &result) {
  std::string t = "tensor<2x3x8xf32>", u = "tensor<3x1xf32>";
  return {"scaled", "%" + x + ": " + t + ", %s: tensor<3xf32>",
          "%s1 = weft.reshape %s : tensor<3xf32> -> " + u +
              "\n%s2 = weft.broadcast %s1 : " + u + " -> " + t + "\n%" +
              result + " = weft.mul %" + x + ", %s2 : " + t,
          "%" + result + " : " + t, "loop"};
}

TEST(CudaText, OneOpAStatementWithNamesFromTheOps) {
  EXPECT_EQ(kernelText(Emitted(scaled("x", "y"))), R"(// mul; blocks: 1
WEFT_GLOBAL(64)
mul_f32(
    const float *__restrict__ x,
    const float *__restrict__ scale,
    float *__restrict__ y) {
  weft::follow_previous();
  const int vector = static_cast<int>(blockIdx.x * 64 + threadIdx.x);
  if (vector >= 12)
    return;
  const int i = vector * 4;
  const int i1 = vector / 2 % 3;
  const auto x_vector = weft::load_vector<4>(x + i);
  const float scale_i = scale[i1];
  weft::Vector<float, 4> y_vector;
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    const float x_i = x_vector[k];
    const float mul = weft::mul(x_i, scale_i);
    y_vector[k] = mul;
  }
  weft::store_vector(y + i, y_vector);
}
)");
}

TEST(CudaText, WhatRunsInPlaceIsNotRestrict) {
  // Of other sizes, or read at other places, an operand is not the result's
  // memory.
  Case c = {"add", "%a: tensor<64xf16>, %b: tensor<64xf32>, %c: tensor<64xf32>",
            "%w = weft.cast %a : tensor<64xf16> -> tensor<64xf32>\n"
            "%r = weft.slice %b from [63] by [-1] : tensor<64xf32> -> "
            "tensor<64xf32>\n"
            "%s = weft.add %w, %r : tensor<64xf32>\n"
            "%y = weft.add %s, %c : tensor<64xf32>",
            "%y : tensor<64xf32>, %w : tensor<64xf32>", "loop"};
  EXPECT_THAT(kernelText(Emitted(c, /*isInPlace=*/true)),
              HasSubstr("add_add_f32(\n"
                        "    const weft::half *__restrict__ x,\n"
                        "    const float *__restrict__ residual,\n"
                        "    const float *residual2,\n"
                        "    float *y,\n"
                        "    float *__restrict__ y2) {"));
  EXPECT_THAT(kernelText(Emitted(c)),
              HasSubstr("    const float *__restrict__ residual2,\n"
                        "    float *__restrict__ y,\n"));
}

/// The kernels of all cases whose names contain `name` and whose text, as it is
/// for results in places of their own, contains `mark`: whether they run in
/// place, each.
std::vector<bool> runInPlace(llvm::StringRef name, llvm::StringRef mark) {
  std::vector<bool> all;
  for (const Case &c : allCases())
    if (llvm::StringRef(c.name).contains(name) &&
        llvm::StringRef(kernelText(Emitted(c))).contains(mark))
      all.push_back(Emitted(c, /*isInPlace=*/true).runsInPlace());
  return all;
}

// Residuals are read where results are stored, whatever is read beside them.
TEST(CudaText, ResidualsAreReplacedByAllSchedules) {
  auto all = [](auto matcher) { return AllOf(SizeIs(Gt(1)), Each(matcher)); };
  EXPECT_THAT(runInPlace("conv of", "WEFT_DYNAMIC_SHARED"), all(true));
  EXPECT_THAT(runInPlace("image: conv", "copy_lines"), all(true));
  EXPECT_THAT(runInPlace("conv of", "const int warp = blockIdx.x"), all(true));
  EXPECT_THAT(runInPlace("with a residual, tile", "own_"), all(true));
  EXPECT_THAT(runInPlace("attention with a residual for", "means"), all(true));
  EXPECT_THAT(runInPlace("pair of convs", "residual_map"), all(true));
  // Stored in another order than that of their loops.
  EXPECT_THAT(runInPlace("rows of all heads", "means"), all(false));
  // A window has its neighbours too.
  EXPECT_THAT(runInPlace("depthwise conv of tensor<2x8x8x16xf16>", "vector"),
              all(false));
}

/// Where a thread stores results several times, what they replace is loaded for
/// some of them before the first is stored.
TEST(CudaText, WhatIsReplacedIsLoadedAhead) {
  std::set<std::string> names;
  for (const Case &c : allCases()) {
    Emitted emitted(c, /*isInPlace=*/true);
    std::string text = kernelText(emitted);
    size_t load = text.find("_ahead[u] = ");
    if (load == std::string::npos)
      continue;
    ASSERT_TRUE(emitted.runsInPlace()) << c.name;
    names.insert(c.name);
    // The loop over the loads ends before that over the results begins.
    size_t end = text.find("for (int u = 0;", load);
    ASSERT_NE(end, std::string::npos) << text;
    std::string_view loop(text.data() + load, end - load);
    EXPECT_EQ(loop.find("store_vector"), std::string::npos) << text;
    EXPECT_NE(text.find("_ahead[u]", end), std::string::npos) << text;
    EXPECT_THAT(kernelText(Emitted(c)), Not(HasSubstr("_ahead"))) << c.name;
  }
  EXPECT_THAT(
      names,
      testing::IsSupersetOf(
          {"conv of tensor<2x7x7x64xf16> and tensor<64x1x1x64xf16> for sm_90a",
           "matmul of tensor<70x33xf32> and tensor<33x130xf32> with a residual",
           "less their largest, rows of tensor<2x70000xf32>",
           "less their largest, columns of tensor<20000x3xf32>"}));
}

// Rounding keeps the order of numbers: what takes one of two may come first,
// unless a large one rounds to NaN.
TEST(CudaText, RoundsOnceInFrontOfAStore) {
  auto textOf = [](const std::string &op, const std::string &type) {
    std::string t = "tensor<64x" + type + ">";
    return kernelText(Emitted({"round", "%a: tensor<64xf32>, %b: " + t,
                               "%h = weft.cast %a : tensor<64xf32> -> " + t +
                                   "\n%r = weft.relu %h : " + t +
                                   "\n%y = weft." + op + " %r, %b : " + t,
                               "%y : " + t, "loop"}));
  };
  EXPECT_THAT(textOf("minimum", "f16"),
              Not(HasSubstr("weft::cast<weft::half>")));
  EXPECT_THAT(textOf("add", "f16"), HasSubstr("weft::cast<weft::half>"));
  EXPECT_THAT(textOf("minimum", "f8E4M3FN"),
              HasSubstr("weft::cast<weft::float8>"));
}

TEST(CudaText, TransposesGoThroughSharedMemory) {
  std::string x = "tensor<128x64xf16>", y = "tensor<64x128xf16>";
  EXPECT_EQ(
      kernelText(Emitted({"transpose", "%x: " + x,
                          "%y = weft.transpose %x [1, 0] : " + x + " -> " + y,
                          "%y : " + y, "loop"})),
      R"(// transpose; blocks: 8
WEFT_GLOBAL(256)
transpose_f16(
    const weft::half *__restrict__ x,
    weft::half *__restrict__ y) {
  weft::follow_previous();
  WEFT_SHARED weft::half x_tile[32][33];
  const int thread = threadIdx.x;
  const int block = blockIdx.x;
  const int first_across = block % 4 * 32;
  const int first_down = block / 4 % 2 * 32;
  weft::Vector<weft::half, 4> x_next[1];
#pragma unroll
  for (int u = 0; u < 1; ++u) {
    const int place = thread + u * 256;
    const int across = place / 8;
    const int down = place % 8 * 4;
    const int i0 = first_down + down;
    const int i1 = first_across + across;
    x_next[u] = weft::load_vector<4>(x + i0 + 64 * i1);
  }
#pragma unroll
  for (int u = 0; u < 1; ++u) {
    const int place = thread + u * 256;
    const int across = place / 8;
    const int down = place % 8 * 4;
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      x_tile[across][down + k] = x_next[u][k];
    }
  }
  __syncthreads();
#pragma unroll
  for (int u = 0; u < 1; ++u) {
    const int place = thread + u * 256;
    const int down = place / 8;
    const int across = place % 8 * 4;
    const int i0 = first_down + down;
    const int i1 = first_across + across;
    weft::Vector<weft::half, 4> y_vector;
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const float x_i = weft::widen(x_tile[across + k][down]);
      y_vector[k] = x_tile[across + k][down];
    }
    weft::store_vector(y + 128 * i0 + i1, y_vector);
  }
}
)");
}

TEST(CudaText, RowsAreDividedByAReciprocal) {
  for (const Case &c : allCases())
    if (c.name == "softmax of tensor<3x1000xf16>") {
      std::string text = kernelText(Emitted(c));
      EXPECT_THAT(text, HasSubstr("const weft::Divisor by_sum(sum);"));
      EXPECT_THAT(text, HasSubstr("by_sum.divide("));
      EXPECT_THAT(text, Not(HasSubstr("weft::div(")));
      // What is rounded when it is stored is not rounded before.
      EXPECT_THAT(text, Not(HasSubstr("weft::cast<weft::half>")));
    }
}

TEST(CudaText, ColumnsThatFillADeviceHaveAThreadEach) {
  auto text = [](const std::string &columns) {
    std::string x = "tensor<9x" + columns + "xf32>",
                y = "tensor<" + columns + "xf32>";
    Case c = {"sum", "%x: " + x,
              "%y = weft.sum %x over [0] : " + x + " -> " + y, "%y : " + y,
              "column"};
    return kernelText(Emitted(c));
  };
  EXPECT_THAT(text("1000"), HasSubstr("weft::reduce_slices<256, 32>("));
  EXPECT_THAT(text("100000"), HasSubstr("weft::reduce_slices<256, 64>("));
  EXPECT_THAT(text("300000"), Not(HasSubstr("reduce_slices")));
}

TEST(CudaText, EqualGroupsGiveEqualText) {
  EXPECT_EQ(Emitted(scaled("x", "y")).kernel.text,
            Emitted(scaled("a", "b")).kernel.text);
}

TEST(CudaText, PreludeHoldsWhatIsUsed) {
  std::string text = Emitted(scaled("x", "y")).kernel.text;
  EXPECT_THAT(text, HasSubstr("float mul(float x, float y)"));
  EXPECT_THAT(text, Not(HasSubstr("expf")));
  EXPECT_THAT(text, Not(HasSubstr("struct half")));
}

TEST(CudaText, KernelIsNamedAfterWhatItDoes) {
  auto nameOf = [](const std::string &start) {
    for (const Case &c : allCases())
      if (c.name.starts_with(start))
        return Emitted(c).kernel.name;
    return std::string("no such case");
  };
  EXPECT_EQ(nameOf("bn_add_relu of tensor<2x3x4x8xf16>"), "bn_add_relu_f16");
  EXPECT_EQ(nameOf("softmax of tensor<7x33xf32>"), "softmax_f32");
  EXPECT_EQ(nameOf("conv of"), "conv_add_relu_f32");
  EXPECT_EQ(nameOf("transpose"), "transpose_f32");
}

TEST(CudaText, TensorCoresAreUsedWhereTheArchitectureHasThem) {
  int numWarps = 0, numGroups = 0, numSplit = 0;
  for (const Case &c : allCases()) {
    if (llvm::StringRef(c.name).ends_with(" for sm_80")) {
      ++numWarps;
      std::string text = kernelText(Emitted(c));
      EXPECT_THAT(text, HasSubstr("weft::multiply_matrices<")) << c.name;
      EXPECT_THAT(text, Not(HasSubstr("WEFT_CLUSTER"))) << c.name;
    }
    if (llvm::StringRef(c.name).ends_with(" for sm_90a")) {
      ++numGroups;
      std::string text = kernelText(Emitted(c));
      EXPECT_THAT(text, HasSubstr("weft::multiply_group<")) << c.name;
      numSplit += llvm::StringRef(text).contains("WEFT_CLUSTER");
    }
  }
  EXPECT_GT(numWarps, 0);
  EXPECT_EQ(numGroups, numWarps);
  EXPECT_GT(numSplit, 0);
}

/// A linear layer of float16, and what is added to it where `addsResidual`.
Case linear(const std::string &rows, const std::string &columns,
            const std::string &depth, bool addsResidual) {
  auto tensor = [](const std::string &first, const std::string &second) {
    return "tensor<" + first + "x" + second + "xf16>";
  };
  std::string x = tensor(rows, depth), w = tensor(columns, depth),
              t = tensor(depth, columns), y = tensor(rows, columns),
              product = "weft.matmul %x, %t : " + x + ", " + t + " -> " + y;
  return {"linear",
          "%x: " + x + ", %w: " + w + (addsResidual ? ", %r: " + y : ""),
          "%t = weft.transpose %w [1, 0] : " + w + " -> " + t + "\n" +
              (addsResidual
                   ? "%m = " + product + "\n%y = weft.add %m, %r : " + y
                   : "%y = " + product),
          "%y : " + y,
          "gemm",
          "sm_90a"};
}

TEST(CudaText, BlocksThatStayTakeTileAfterTile) {
  auto emit = [](bool addsResidual) {
    Case c = linear("384", "512", "320", addsResidual);
    c.tile = "64x128 warps 4x1 groups bulk stages 8 teams 2";
    return Emitted(c);
  };
  Emitted c = emit(/*addsResidual=*/true);
  std::string text = kernelText(c);
  EXPECT_EQ(c.kernel.grid[0], 24u);
  EXPECT_EQ(c.kernel.block[0], 2 * 128u + 128);
  EXPECT_THAT(text, HasSubstr("block = blockIdx.x + number * gridDim.x; "
                              "block < 24; block += 2 * gridDim.x"));
  // One thread brings operands; one of each team brings the residual to where
  // the results will be, lets the team write them there, and stores them.
  EXPECT_THAT(text, HasSubstr(R"(
  if (thread >= 256) {
    weft::keep_registers<40>();
    const int team = thread / 32 - 9;
    if (lane == 0 && team < 0) {
)"));
  EXPECT_THAT(text, HasSubstr("weft::copy_tile(result + i * "));
  EXPECT_THAT(text,
              HasSubstr(", residual_map, {static_cast<int>(first_column"));
  EXPECT_THAT(text,
              HasSubstr("weft::wait_at(written + team, number / 2 % 2);"));
  EXPECT_THAT(text, HasSubstr("weft::store_tile(result_map, "));
  EXPECT_THAT(text, HasSubstr("weft::wait_for_reads_of_stores();"));
  // The teams multiply one after the other.
  EXPECT_THAT(text, HasSubstr("weft::take_registers<232>();"));
  EXPECT_THAT(text,
              HasSubstr("weft::wait_at(next + team, (number - 1) / 2 % 2);"));
  EXPECT_THAT(text, HasSubstr("weft::arrive(next + (team + 1) % 2);"));
  // Nothing is read or written but by the accelerator.
  EXPECT_THAT(text, Not(HasSubstr("(x + ")));
  EXPECT_THAT(text, Not(HasSubstr("(residual + ")));
  EXPECT_THAT(text, Not(HasSubstr("(y + ")));
  // Without a residual, the team may write as soon as results are stored.
  std::string plain = kernelText(emit(/*addsResidual=*/false));
  EXPECT_THAT(plain, HasSubstr("weft::arrive(free + team);"));
  EXPECT_THAT(plain, Not(HasSubstr("residual")));
}

TEST(CudaText, TeamsShareAPlaceForResults) {
  Case c = linear("384", "512", "768", /*addsResidual=*/true);
  c.tile = "128x192 warps 4x1 groups bulk stages 4 teams 2";
  std::string text = kernelText(Emitted(c));
  EXPECT_THAT(text, HasSubstr("unsigned char *result = results;"));
  EXPECT_THAT(text, HasSubstr("if (team == 0 && block < 9) {"));
  // Once a team's results are stored, the other's residual comes.
  EXPECT_THAT(text, HasSubstr("const int later = block + gridDim.x;"));
  EXPECT_THAT(text, HasSubstr("}, free + (team + 1) % 2);"));
  c.tile = "128x192 warps 4x1 groups bulk stages 3 teams 2";
  EXPECT_THAT(kernelText(Emitted(c)),
              HasSubstr("unsigned char *result = results + team * 49152;"));
}

TEST(CudaText, ColumnsStayWhereAStageIsForOneStep) {
  auto text = [](const std::string &k) {
    Case c = linear("384", "512", k, /*addsResidual=*/false);
    c.tile = "64x128 warps 4x1 groups bulk stages 8 teams 2";
    return kernelText(Emitted(c));
  };
  std::string two = text("128");
  EXPECT_THAT(two, HasSubstr("weft::expect_bytes(full + place, (turn < 8 || "
                             "gridDim.x % 4 != 0) ? 24576 : 8192);"));
  EXPECT_THAT(two, HasSubstr("if ((turn < 8 || gridDim.x % 4 != 0)) {\n"));
  EXPECT_THAT(text("192"),
              HasSubstr("weft::expect_bytes(full + place, 24576);"));
}

/// x [80, k] times weights [96, k], in TF32.
Case tf32Linear(const std::string &k, const std::string &mark) {
  std::string x = "tensor<80x" + k + "xf32>", w = "tensor<96x" + k + "xf32>",
              t = "tensor<" + k + "x96xf32>", y = "tensor<80x96xf32>";
  Case c{"linear", "%x: " + x + ", %w: " + w,
         "%t = weft.transpose %w [1, 0] : " + w + " -> " + t +
             "\n%y = weft.matmul %x, %t" + mark + " : " + x + ", " + t +
             " -> " + y,
         "%y : " + y};
  c.arch = "sm_90a";
  c.tf32 = true;
  return c;
}

TEST(CudaText, WarpGroupsMultiplyRoundedWeightsInTf32) {
  const auto bulk = AllOf(HasSubstr("weft::multiply_group_tf32(sum[i], a[i]"),
                          HasSubstr("weft::copy_tile("),
                          HasSubstr("weft::wait_for_products<3>();"),
                          HasSubstr("weft::round_to_tf32(a[i]);"),
                          Not(HasSubstr("weft::round_to_tf32(b[i]);")));
  const auto byThreads = AllOf(HasSubstr("weft::multiply_tf32(sum[i][j]"),
                               HasSubstr("weft::copy_async<"),
                               HasSubstr("weft::round_to_tf32(b[i]);"),
                               Not(HasSubstr("weft::copy_tile(")));
  const std::string mark = " tf32_weights";
  EXPECT_THAT(kernelText(Emitted(tf32Linear("96", mark))), bulk);
  // Two steps of k; weights that may have more bits; another architecture.
  EXPECT_THAT(kernelText(Emitted(tf32Linear("64", mark))), byThreads);
  EXPECT_THAT(kernelText(Emitted(tf32Linear("96", ""))), byThreads);
  Case c = tf32Linear("96", mark);
  c.arch = "sm_80";
  EXPECT_THAT(kernelText(Emitted(c)), byThreads);
  // Lines of the weights do not run along k.
  c = tf32Linear("96", mark);
  c.inputs = "%x: tensor<80x96xf32>, %t: tensor<96x96xf32>";
  c.body = c.body.substr(c.body.find('\n') + 1);
  EXPECT_THAT(kernelText(Emitted(c)), byThreads);
  // The columns are data, and the weights rows.
  c.inputs = "%x: tensor<1x8x10x96xf32>, %w: tensor<80x96x1x1xf32>";
  c.body = "%t = weft.transpose %x [0, 3, 1, 2] : tensor<1x8x10x96xf32> -> "
           "tensor<1x96x8x10xf32>\n"
           "%y = weft.conv %t, %w stride [1, 1] padding [0, 0, 0, 0] dilation "
           "[1, 1] groups 1 tf32_weights : tensor<1x96x8x10xf32>, "
           "tensor<80x96x1x1xf32> -> tensor<1x80x8x10xf32>";
  c.results = "%y : tensor<1x80x8x10xf32>";
  EXPECT_THAT(kernelText(Emitted(c)), byThreads);
}

TEST(CudaText, RowsOfTf32TakeRegisters) {
  const auto sizes = [](const Case &c) {
    std::vector<std::string> sizes;
    for (llvm::StringRef tile : Emitted(c).kernel.tiles)
      sizes.push_back(tile.split(' ').first.str());
    return sizes;
  };
  using testing::Contains;
  EXPECT_THAT(sizes(tf32Linear("1024", " tf32_weights")),
              AllOf(Contains("128x192"), Not(Contains("128x256")),
                    Not(Contains("64x256")), Not(Contains("256x128"))));
}

TEST(CudaText, BlocksHaveOneTileWhereTheyCannotStay) {
  auto tilesThatStay = [](const Case &c) {
    Emitted emitted(c);
    EXPECT_EQ(emitted.error, "");
    return llvm::count_if(emitted.kernel.tiles, [](llvm::StringRef tile) {
      return tile.contains(" teams ");
    });
  };
  Case whole = linear("128", "64", "1024", /*addsResidual=*/true);
  EXPECT_EQ(tilesThatStay(whole), 8);
  // A longer k has little to gain.
  EXPECT_EQ(tilesThatStay(linear("128", "64", "1088", true)), 0);
  // Lines of results that do not start at multiples of 16 bytes.
  EXPECT_EQ(tilesThatStay(linear("128", "60", "1024", true)), 0);
  // Without the accelerator.
  for (const char *arch : {"sm_80", "sm_90", "sm_100a"}) {
    Case other = whole;
    other.arch = arch;
    EXPECT_EQ(tilesThatStay(other), 0) << arch;
  }
  // Results of 32 bits, and two results.
  Case wide = linear("128", "64", "256", false);
  wide.body += "\n%z = weft.cast %y : tensor<128x64xf16> -> "
               "tensor<128x64xf32>";
  wide.results = "%z : tensor<128x64xf32>";
  EXPECT_EQ(tilesThatStay(wide), 0);
  Case two = whole;
  two.results += ", %m : tensor<128x64xf16>";
  EXPECT_EQ(tilesThatStay(two), 0);
  // Products of float32, rows of which lie one after the other or in patches.
  Case rows = tf32Linear("256", " tf32_weights"), patches = rows;
  rows.body += "\n%z = weft.cast %y : tensor<80x96xf32> -> tensor<80x96xf16>";
  rows.results = "%z : tensor<80x96xf16>";
  EXPECT_EQ(tilesThatStay(rows), 0);
  patches.inputs = "%x: tensor<2x9x9x64xf32>, %w: tensor<64x3x3x64xf32>";
  patches.body = "%y = weft.conv %x, %w stride [1, 1] padding [1, 1, 1, 1] "
                 "dilation [1, 1] groups 1 channels_last tf32_weights : "
                 "tensor<2x9x9x64xf32>, tensor<64x3x3x64xf32> -> "
                 "tensor<2x9x9x64xf32>\n"
                 "%z = weft.cast %y : tensor<2x9x9x64xf32> -> "
                 "tensor<2x9x9x64xf16>";
  patches.results = "%z : tensor<2x9x9x64xf16>";
  EXPECT_EQ(tilesThatStay(patches), 0);
}

/// A convolution of float16 with channels last and a bias.
Case convolution(const std::string &x, const std::string &w,
                 const std::string &y, const std::string &attributes) {
  auto tensor = [](const std::string &sizes) {
    return "tensor<" + sizes + "xf16>";
  };
  std::string channels = llvm::StringRef(w).split('x').first.str();
  return {
      "convolution",
      "%x: " + tensor(x) + ", %w: " + tensor(w) + ", %b: " + tensor(channels),
      "%c = weft.conv %x, %w " + attributes +
          " groups 1 channels_last : " + tensor(x) + ", " + tensor(w) + " -> " +
          tensor(y) + "\n%b2 = weft.broadcast %b : " + tensor(channels) +
          " -> " + tensor(y) + "\n%y = weft.add %c, %b2 : " + tensor(y),
      "%y : " + tensor(y),
      "window",
      "sm_90a"};
}

constexpr const char *kSameWindow =
    "stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1]";

TEST(CudaText, TapsShareAPatch) {
  Case c = convolution("2x4x56x64", "64x3x3x64", "2x4x56x64", kSameWindow);
  c.tile = "128x64 warps 4x1 groups bulk patches 3 teams 2";
  Emitted emitted(c);
  std::string text = kernelText(emitted);
  // Lines of 57 positions and images of 5 lines.
  EXPECT_THAT(text, HasSubstr("block < 4; block += gridDim.x"));
  EXPECT_THAT(text, HasSubstr("first_x = static_cast<int>(first_row % 57);"));
  EXPECT_THAT(text,
              HasSubstr("first_y = static_cast<int>(first_row / 57 % 5);"));
  EXPECT_THAT(text,
              HasSubstr("first_image = static_cast<int>(first_row / 285);"));
  // The rows of a tile and what the last window reaches beyond them.
  EXPECT_THAT(text, HasSubstr("expect_bytes(full + place, 31744);"));
  EXPECT_THAT(text, HasSubstr("a_map, {chunk * 64, first_x + -1, first_y + -1, "
                              "first_image}, {0, 0}, full + place);"));
  // Another tap is some lines further.
  EXPECT_THAT(
      text, HasSubstr("a_tile = patch + (tap / 3 * 57 + tap % 3 * 1) * 128;"));
  // Columns come once, and results at positions of the padding are left out.
  EXPECT_THAT(text, HasSubstr("if (number > 0) {\n"));
  EXPECT_THAT(text, HasSubstr("weft::wait_at(kept + step, 0);"));
  EXPECT_THAT(text, HasSubstr("if (i2 < 56 && i1 < 4 && i0 < 2) {\n"));
  EXPECT_THAT(text, Not(HasSubstr("written + team")));
  ASSERT_EQ(emitted.kernel.tensorMaps.size(), 2u);
  const TensorMap &patch = emitted.kernel.tensorMaps[0];
  EXPECT_THAT(patch.box, testing::ElementsAre(64, 248));
  EXPECT_THAT(patch.lower, testing::ElementsAre(-1, -1));
  EXPECT_THAT(patch.upper, testing::ElementsAre(0, 0));
}

// All tiles of a block have the same columns.
TEST(CudaText, BlocksOfPatchesKeepTheirColumns) {
  auto emit = [](const std::string &columns, int64_t multiprocessors) {
    Case c =
        convolution("1x12x15x64", columns + "x1x2x64", "1x12x15x" + columns,
                    "stride [1, 1] padding [0, 0, 1, 0] dilation [1, 1]");
    c.tile = "64x64 warps 4x1 groups bulk patches 4 teams 3";
    c.multiprocessors = multiprocessors;
    return Emitted(c);
  };
  auto blocks = [&](const std::string &columns, int64_t multiprocessors) {
    Emitted emitted = emit(columns, multiprocessors);
    EXPECT_EQ(emitted.error, "");
    return emitted.kernel.grid[0];
  };
  EXPECT_EQ(blocks("64", 0), 3u);
  EXPECT_EQ(blocks("2880", 0), 90u); // 45 tiles of columns, three of rows
  EXPECT_EQ(blocks("2880", 89), 45u);
  EXPECT_THAT(emit("2880", 44).error, HasSubstr("has no tile"));
}

TEST(CudaText, PatchesAreReadWhereTapsOverlapAndColumnsFit) {
  auto tilesOfPatches = [](const Case &c) {
    Emitted emitted(c);
    EXPECT_EQ(emitted.error, "");
    return llvm::count_if(emitted.kernel.tiles, [](llvm::StringRef tile) {
      return tile.contains(" patches ");
    });
  };
  Case whole =
      convolution("2x14x14x64", "64x3x3x64", "2x14x14x64", kSameWindow);
  EXPECT_EQ(tilesOfPatches(whole), 6);
  // Channels that are no multiple of 64, columns that no tiles divide.
  EXPECT_EQ(tilesOfPatches(convolution("2x14x14x72", "64x3x3x72", "2x14x14x64",
                                       kSameWindow)),
            0);
  EXPECT_EQ(tilesOfPatches(convolution("2x14x14x64", "72x3x3x64", "2x14x14x72",
                                       kSameWindow)),
            0);
  // Windows that are no neighbours, of one tap, and without padding.
  EXPECT_EQ(
      tilesOfPatches(convolution("2x14x14x64", "64x3x3x64", "2x7x7x64",
                                 "stride [2, 2] padding [1, 1, 1, 1] dilation "
                                 "[1, 1]")),
      0);
  EXPECT_EQ(
      tilesOfPatches(convolution("2x14x14x64", "64x1x1x64", "2x14x14x64",
                                 "stride [1, 1] padding [0, 0, 0, 0] dilation "
                                 "[1, 1]")),
      0);
  EXPECT_EQ(
      tilesOfPatches(convolution("2x14x14x64", "64x3x3x64", "2x12x12x64",
                                 "stride [1, 1] padding [0, 0, 0, 0] dilation "
                                 "[1, 1]")),
      0);
  // Columns of all steps that do not fit, and lines that a copy cannot bring.
  EXPECT_EQ(tilesOfPatches(convolution("2x14x14x256", "64x3x3x256",
                                       "2x14x14x64", kSameWindow)),
            0);
  EXPECT_EQ(tilesOfPatches(convolution("1x8x500x64", "64x3x3x64", "1x8x500x64",
                                       kSameWindow)),
            0);
  // What is added depends on the row, and is not read by the accelerator.
  Case wide = whole;
  wide.inputs += ", %r: tensor<2x14x14x64xf32>";
  wide.body += "\n%f = weft.cast %y : tensor<2x14x14x64xf16> -> "
               "tensor<2x14x14x64xf32>\n%s = weft.add %f, %r : "
               "tensor<2x14x14x64xf32>\n%z = weft.cast %s : "
               "tensor<2x14x14x64xf32> -> tensor<2x14x14x64xf16>";
  wide.results = "%z : tensor<2x14x14x64xf16>";
  EXPECT_EQ(tilesOfPatches(wide), 0);
  for (const char *arch : {"sm_80", "sm_90", "sm_100a"}) {
    Case other = whole;
    other.arch = arch;
    EXPECT_EQ(tilesOfPatches(other), 0) << arch;
  }
}

TEST(CudaText, ImagesAreMultipliedAsTheyLie) {
  int number = 0;
  for (Case c : allCases()) {
    if (!llvm::StringRef(c.name).starts_with("image: "))
      continue;
    ++number;
    EXPECT_THAT(kernelText(Emitted(c)),
                HasSubstr("weft::multiply_group_pieces<"))
        << c.name;
    c.arch = "sm_100a"; // without wgmma
    if (llvm::StringRef(c.name).contains("pooled"))
      EXPECT_EQ(Emitted(c).error,
                c.name + ": weft.maxpool must be in a group of its own for "
                         "this device");
    else
      EXPECT_THAT(kernelText(Emitted(c)),
                  Not(HasSubstr("weft::multiply_group_pieces<")))
          << c.name;
  }
  EXPECT_GT(number, 20);
}

// Where k is short, rows are many and columns few, elements go from memory to
// tensor cores without shared memory between.
TEST(CudaText, ShortSumsOfManyRowsAreThin) {
  auto tilesOf = [](const std::string &rows, const std::string &depth,
                    const std::string &columns = "32") {
    std::string x = "tensor<" + rows + "x" + depth + "xf16>",
                w = "tensor<" + columns + "x" + depth + "xf16>",
                t = "tensor<" + depth + "x" + columns + "xf16>",
                y = "tensor<" + rows + "x" + columns + "xf16>";
    Emitted c({"product", "%x: " + x + ", %w: " + w,
               "%t = weft.transpose %w [1, 0] : " + w + " -> " + t +
                   "\n%y = weft.matmul %x, %t : " + x + ", " + t + " -> " + y,
               "%y : " + y, "gemm"});
    bool usesShared =
        llvm::StringRef(kernelText(c)).contains("WEFT_DYNAMIC_SHARED");
    EXPECT_NE(usesShared, c.kernel.tiles[0] == "thin");
    return c.kernel.tiles;
  };
  EXPECT_EQ(tilesOf("20000", "16").front(), "thin");
  EXPECT_EQ(tilesOf("64", "16").back(), "thin");
  EXPECT_EQ(tilesOf("20000", "64", "64").front(), "thin");
  EXPECT_EQ(tilesOf("20000", "64", "256").back(), "thin");
  EXPECT_GT(tilesOf("64", "16").size(), 1u);
  EXPECT_THAT(tilesOf("20000", "256"), Not(Contains("thin")));
}

TEST(CudaText, ChannelsLastIsReadInVectors) {
  int number = 0;
  for (const Case &c : allCases()) {
    if (!llvm::StringRef(c.name).contains("with channels last"))
      continue;
    ++number;
    EXPECT_THAT(kernelText(Emitted(c)), HasSubstr("weft::load_vector"))
        << c.name;
  }
  EXPECT_GE(number, 5);
}

// A pixel is loaded once for all results that have it in their window; where
// the steps between windows are none of the taps' there is nothing to share.
TEST(CudaText, WindowsShareWhatTheyLoad) {
  auto textOf = [](const std::string &name) {
    for (const Case &c : allCases())
      if (c.name == name)
        return kernelText(Emitted(c));
    return std::string("no case of this name");
  };
  std::string conv = "depthwise conv of tensor<2x8x8x16xf16>, window 3x3, "
                     "stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1]";
  std::string text = textOf(conv + ", tile 2x4");
  EXPECT_THAT(text, HasSubstr("for (int row = 0; row < 4; ++row)"));
  EXPECT_THAT(text, HasSubstr("weft::half, 8> x_vectors[6];"));
  EXPECT_THAT(text, HasSubstr("x_vectors[across + j1][k]"));
  EXPECT_THAT(textOf(conv + ", tile 1x1"), Not(HasSubstr("x_vectors")));
  std::string dilated = "depthwise conv of tensor<1x9x9x8xf16>, window 3x3, "
                        "stride [1, 1] padding [2, 2, 2, 2] dilation [2, 2]";
  EXPECT_THAT(textOf(dilated + ", tile 1x1"), HasSubstr("x_vector"));
  for (const Case &c : allCases())
    EXPECT_FALSE(llvm::StringRef(c.name).starts_with(dilated) &&
                 !c.tile.empty() && c.tile != "1x1")
        << c.name;
}

// They wait for the kernel before them, first of all or once they know where
// they work.
TEST(CudaText, KernelsMayStartEarly) {
  const std::string wait = "weft::follow_previous();";
  for (Case c : allCases()) {
    if (c.name != "maxpool with channels last of f16" && c.name != "transpose")
      continue;
    for (auto [arch, canWait] :
         {std::pair{"sm_80", false}, std::pair{"sm_90a", true}}) {
      c.arch = arch;
      Emitted emitted(c);
      std::string text = kernelText(emitted);
      EXPECT_EQ(llvm::StringRef(text).count(wait), 1u) << c.name;
      EXPECT_EQ(text.find(") {\n  " + wait) != std::string::npos,
                c.name == "transpose");
      EXPECT_EQ(emitted.kernel.startsEarly, canWait) << c.name;
    }
  }
}

TEST(CudaText, RowsOfSeveralHeadsAreCopiedInPieces) {
  EXPECT_THAT(kernelText(Emitted(headsCase(16))),
              HasSubstr("weft::copy_async<16"));
  EXPECT_THAT(kernelText(Emitted(headsCase(12))),
              HasSubstr("weft::copy_async<8"));
  EXPECT_THAT(kernelText(Emitted(headsCase(10))),
              HasSubstr("weft::copy_async<4"));
  EXPECT_THAT(kernelText(Emitted(headsCase(9))),
              Not(HasSubstr("weft::copy_async")));
}

TEST(CudaText, OddOperandsDoWithoutTensorCores) {
  auto textOf = [](const std::string &lhs, const std::string &rhs,
                   const std::string &result, const std::string &type) {
    Case c{"matmul",
           "%l: tensor<" + lhs + type + ">, %r: tensor<" + rhs + type + ">",
           "%y = weft.matmul %l, %r : tensor<" + lhs + type + ">, tensor<" +
               rhs + type + "> -> tensor<" + result + type + ">",
           "%y : tensor<" + result + type + ">", "gemm"};
    return kernelText(Emitted(c));
  };
  EXPECT_THAT(textOf("64x64x", "64x64x", "64x64x", "f16"),
              HasSubstr("multiply_matrices"));
  // Not an even number of elements to a line; 32 bits; a few rows.
  EXPECT_THAT(textOf("64x63x", "63x64x", "64x64x", "f16"),
              Not(HasSubstr("multiply_matrices")));
  EXPECT_THAT(textOf("64x64x", "64x64x", "64x64x", "f32"),
              Not(HasSubstr("multiply_matrices")));
  EXPECT_THAT(textOf("8x64x", "64x64x", "8x64x", "f16"),
              Not(HasSubstr("multiply_matrices")));
}

/// A product of 200 x 72 of rows whose elements along k lie in tensors of so
/// many, one after the other.
Case productOfParts(const std::vector<int64_t> &parts) {
  auto tensor = [](int64_t rows, int64_t columns) {
    return "tensor<" + std::to_string(rows) + "x" + std::to_string(columns) +
           "xf16>";
  };
  int64_t depth = 0;
  std::string inputs, names, types;
  for (auto [i, part] : llvm::enumerate(parts)) {
    std::string name = "%x" + std::to_string(i), type = tensor(200, part);
    inputs += name + ": " + type + ", ";
    names += (i > 0 ? ", " : "") + name;
    types += (i > 0 ? ", " : "") + type;
    depth += part;
  }
  std::string x = tensor(200, depth), w = tensor(depth, 72),
              y = tensor(200, 72);
  std::string rows = parts.size() == 1 ? names : "%x";
  return {"product of parts",
          inputs + "%w: " + w,
          (parts.size() == 1 ? ""
                             : "%x = weft.concatenate " + names +
                                   " along 1 : " + types + " -> " + x + "\n") +
              "%y = weft.matmul " + rows + ", %w : " + x + ", " + w + " -> " +
              y,
          "%y : " + y,
          "gemm",
          "sm_90a"};
}

// Rows of several tensors are brought by the accelerator with every tile that
// is offered, however short k is, and those of one by threads where k is short.
TEST(CudaText, OperandsComeAsTheirTilesSay) {
  auto textsOf = [](const Case &c) {
    std::vector<std::string> texts;
    for (const std::string &tile : Emitted(c).kernel.tiles) {
      Case tiled = c;
      tiled.tile = tile;
      Emitted emitted(tiled);
      EXPECT_EQ(emitted.error, "");
      if (llvm::StringRef(tile).contains("warps"))
        texts.push_back(kernelText(emitted));
    }
    return texts;
  };
  for (const std::vector<int64_t> &parts :
       {std::vector<int64_t>{64, 64}, {64, 128}, {64, 64, 64}, {512, 64, 448}})
    EXPECT_THAT(textsOf(productOfParts(parts)),
                AllOf(SizeIs(Gt(1)), Each(HasSubstr("TensorMap a_map2")),
                      Each(Not(HasSubstr("weft::copy_async")))))
        << testing::PrintToString(parts);
  for (int64_t depth : {64, 128, 192, 1024}) {
    // But for blocks that stay, whose teams write their results in bulk.
    std::vector<std::string> texts = textsOf(productOfParts({depth}));
    llvm::erase_if(texts, [](const std::string &text) {
      return llvm::StringRef(text).contains("weft::store_tile");
    });
    const char *way = depth <= 128 ? "weft::copy_async" : "weft::copy_tile";
    EXPECT_THAT(texts, AllOf(SizeIs(Gt(1)), Each(HasSubstr(way)))) << depth;
  }
  // A part that ends within a tile is brought by nobody.
  for (const std::vector<int64_t> &parts : {std::vector<int64_t>{32, 32},
                                            {32, 64},
                                            {64, 32},
                                            {96, 96},
                                            {64, 96, 32},
                                            {64, 64, 16}}) {
    Emitted emitted(productOfParts(parts));
    EXPECT_EQ(emitted.error, "");
    EXPECT_THAT(emitted.kernel.tensorMaps, testing::IsEmpty())
        << testing::PrintToString(parts);
    EXPECT_THAT(textsOf(productOfParts(parts)), testing::IsEmpty());
  }
}

TEST(CudaText, LargeTensorsTakeWideIndices) {
  std::string t = "tensor<2147483648xi8>";
  mlir::MLIRContext context;
  context.loadDialect<ir::WeftDialect, mlir::func::FuncDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(
      "func.func @main(%x: " + t + ") -> " + t +
          " {\n%y = weft.group(%a = %x)"
          " : " +
          t + " -> " + t + " {\n%n = weft.neg %a : " + t +
          "\nweft.yield %n : " + t + "\n}\nreturn %y : " + t + "\n}",
      &context);
  ASSERT_TRUE(module);
  module->walk([&](ir::GroupOp group) {
    std::string why;
    auto kernel = emitCuda(group, {}, why);
    ASSERT_TRUE(succeeded(kernel)) << why;
    EXPECT_THAT(kernel->text,
                HasSubstr("const long long vector = blockIdx.x * 256ll"));
  });
}

TEST(CudaText, SaysWhatNoKernelCanBeMadeOf) {
  Emitted c({"reversed", "%x: tensor<4x4xf32>",
             "%s = weft.sum %x over [1] : tensor<4x4xf32> -> tensor<4xf32>\n"
             "%y = weft.slice %s from [3] by [-1] : tensor<4xf32> -> "
             "tensor<4xf32>",
             "%y : tensor<4xf32>"});
  EXPECT_EQ(c.error, "reversed: the result of sum is used at another index "
                     "than its own");
  // A block a row, of 2^31 rows: one more than a launch has.
  Emitted rows({"rows", "%x: tensor<2147483648x8192xi8>",
                "%y = weft.max %x over [1] : tensor<2147483648x8192xi8> -> "
                "tensor<2147483648xi8>",
                "%y : tensor<2147483648xi8>", "row"});
  EXPECT_EQ(rows.error, "rows: it takes more blocks than a launch may have");
}

/// relu(x w) and its product with v, whose sizes are rows x depth x width x
/// outputs.
Case pairOfMatmuls(std::array<int, 4> sizes, const char *arch = "sm_90a") {
  auto matrix = [&](int rows, int columns) {
    return "tensor<" + std::to_string(sizes[rows]) + "x" +
           std::to_string(sizes[columns]) + "xf16>";
  };
  std::string x = matrix(0, 1), w = matrix(1, 2), y = matrix(0, 2),
              v = matrix(2, 3), z = matrix(0, 3);
  return {"pair",
          "%x: " + x + ", %w: " + w + ", %r: " + y + ", %v: " + v,
          "%m = weft.matmul %x, %w : " + x + ", " + w + " -> " + y +
              "\n%y = weft.add %m, %r : " + y +
              "\n%t = weft.reduce_precision %y : " + y +
              "\n%z = weft.matmul %t, %v : " + y + ", " + v + " -> " + z,
          "%y : " + y + ", %z : " + z,
          "pair",
          arch};
}

TEST(CudaText, PairsMultiplyWhatTheyStore) {
  Case c = pairOfMatmuls({1000, 128, 256, 64});
  c.tile = "teams 3";
  Emitted emitted(c);
  ASSERT_EQ(emitted.error, "");
  EXPECT_EQ(emitted.kernel.grid[0], 6u); // of 192 rows
  EXPECT_EQ(emitted.kernel.block[0], 3 * 128u + 128);
  std::string text = kernelText(emitted);
  // A piece is what the accelerator stores and the second product reads.
  EXPECT_THAT(text, HasSubstr("weft::store_tile(first_map, "));
  EXPECT_THAT(text, HasSubstr("weft::multiply_group<weft::half, false, true>("
                              "total, result + i * 32, stage + 16384 + "));
  // It is given away once the next is written: the product is done then.
  EXPECT_THAT(text, HasSubstr(R"(
          weft::wait_at(written + turn % 3, turn / 3 % 2);
          if (turn > 0) {
            {
              const int piece = turn + 2;
)"));
  // All weights stay: nobody waits for room for them.
  EXPECT_THAT(text, Not(HasSubstr("weft::wait_at(empty")));
  EXPECT_THAT(text, Not(HasSubstr("(residual + ")));
  EXPECT_THAT(text, Not(HasSubstr("(y + ")));
}

TEST(CudaText, PairsThatNoKernelComputesAreRefused) {
  std::string why = "pair: no kernel computes these two products";
  EXPECT_EQ(Emitted(pairOfMatmuls({64, 64, 64, 64})).error, "");
  EXPECT_EQ(Emitted(pairOfMatmuls({64, 64, 64, 64}, "sm_80")).error, why);
  for (auto sizes : {std::array{64, 320, 64, 64}, std::array{64, 96, 64, 64},
                     std::array{64, 64, 96, 64}, std::array{64, 64, 64, 192},
                     std::array{64, 64, 64, 512}})
    EXPECT_EQ(Emitted(pairOfMatmuls(sizes)).error, why);
}

TEST(CudaText, TheSoftmaxScalesScoresWhereThatIsAllThatIsDoneToThem) {
  auto text = [](const std::string &keys, bool hasBias) {
    std::string q = "tensor<16x64xf16>", k = "tensor<" + keys + "x64xf16>",
                b = "tensor<16x" + keys + "xf32>";
    return kernelText(Emitted(
        {"attention", "%q: " + q + ", %k: " + k + ", %n: f32, %b: " + b,
         "%s = weft.splat %n : f32 -> tensor<f32>\n"
         "%y = weft.attention %q, %k, %k, %s" +
             std::string(hasBias ? ", %b" : "") + " : (" + q + ", " + k + ", " +
             k + ", tensor<f32>" + (hasBias ? ", " + b : "") + ") -> " + q,
         "%y : " + q, "attention", "sm_90a"}));
  };
  std::string whole = text("128", false);
  EXPECT_THAT(whole, HasSubstr("const float per_score = 1.44269504f * scale;"));
  EXPECT_THAT(whole, Not(HasSubstr("weft::mul(score")));
  // A negative scale makes the least score the largest weight.
  EXPECT_THAT(whole, HasSubstr("if (per_score < 0.0f) {"));
  // Keys that end within a tile, and a bias: score by score.
  for (const std::string &other : {text("100", false), text("128", true)}) {
    EXPECT_THAT(other, HasSubstr("const float per_score = 1.44269504f;"));
    EXPECT_THAT(other, HasSubstr("weft::mul(score"));
    EXPECT_THAT(other, Not(HasSubstr("per_score < 0.0f")));
  }
}

TEST(CudaText, AQuotientThatIsZeroOrOneIsAComparison) {
  auto text = [](const std::string &from) {
    return kernelText(
        Emitted({"resample", "%x: tensor<8xf32>",
                 "%y = weft.resample %x from [" + from +
                     "] by [1] over [2] : tensor<8xf32> -> tensor<16xf32>",
                 "%y : tensor<16xf32>", "loop"}));
  };
  // The element before the first is the first.
  std::string before = text("-1");
  EXPECT_THAT(before, HasSubstr("(((i0 + k) + 1) / 2 + 7 >= 8)"));
  EXPECT_THAT(before, Not(HasSubstr("/ 8")));
  EXPECT_THAT(before, Not(HasSubstr("static_cast<long long>(")));
  EXPECT_THAT(text("0"), Not(HasSubstr(">= 8")));
}

// Where indices have 64 bits, such a quotient has them, too: C++ would add and
// multiply comparisons in 32.
TEST(CudaText, WideQuotientsThatAreZeroOrOneAreWide) {
  std::string text = kernelText(
      Emitted({"resample", "%x: tensor<3x3000000000xi8>",
               "%y = weft.resample %x from [-1, -1] by [1, 1] over [2, 2] : "
               "tensor<3x3000000000xi8> -> tensor<6x6000000000xi8>",
               "%y : tensor<6x6000000000xi8>", "loop"}));
  EXPECT_THAT(text, HasSubstr(" - 3000000000 * static_cast<long long>("
                              "(i0 + 1) / 2 + 2 >= 3)"));
  EXPECT_THAT(text, HasSubstr(" - static_cast<long long>(((i1 + k) + 1) / 2 + "
                              "2999999999 >= 3000000000)"));
}

TEST(CudaText, AttentionThatNoKernelComputesIsRefused) {
  auto error = [](const std::string &width, const char *arch) {
    std::string t = "tensor<16x" + width + "xf16>";
    return Emitted({"attention", "%q: " + t + ", %s: tensor<f32>",
                    "%y = weft.attention %q, %q, %q, %s : (" + t + ", " + t +
                        ", " + t + ", tensor<f32>) -> " + t,
                    "%y : " + t, "attention", arch})
        .error;
  };
  EXPECT_EQ(error("16", "sm_80"), "");
  for (auto [width, arch] : {std::pair("16", "sm_75"), std::pair("8", "sm_80")})
    EXPECT_EQ(error(width, arch),
              "attention: weft.attention must be decomposed for this device");
}

} // namespace
} // namespace weft::cuda_tests
