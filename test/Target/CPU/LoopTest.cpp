// SPDX-License-Identifier: Apache-2.0
// Element-wise kernels: sizes, strides, types.
#include "Run.h"

#include <gtest/gtest.h>

#include <thread>

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

const char *const kScale = R"(
    func.func @main(%x: tensor<6x1000xf32>, %s: tensor<6x1xf32>) -> tensor<6x1000xf32> {
      %b = weft.broadcast %s : tensor<6x1xf32> -> tensor<6x1000xf32>
      %y = weft.mul %x, %b : tensor<6x1000xf32>
      return %y : tensor<6x1000xf32>
    })";

TEST(CpuLoop, LargeResultsBypassTheCache) {
  CpuTarget smallCache = CpuTarget::host(), largeCache = CpuTarget::host();
  smallCache.cacheBytes = 64;
  largeCache.cacheBytes = 1 << 30;
  checkAgainstReference(kScale, 1e-6, -4, 4, smallCache);
  checkAgainstReference(with(kScale, "1000", "1001"), 1e-6, -4, 4, smallCache);
  OneKernel small(kScale, smallCache), large(kScale, largeCache);
  EXPECT_NE(small.kernel().llvmIR.find("!nontemporal"), std::string::npos);
  EXPECT_NE(small.kernel().llvmIR.find("sfence"), std::string::npos);
  EXPECT_EQ(large.kernel().llvmIR.find("nontemporal"), std::string::npos);
  EXPECT_EQ(large.kernel().llvmIR.find("sfence"), std::string::npos);
}

/// What a kernel has read is in the cache, and so is what it writes there.
TEST(CpuLoop, ResultsInPlaceStayInTheCache) {
  const char *const text = R"(
    func.func @main(%x: tensor<6x1000xf32>, %y: tensor<6x1000xf32>) -> (tensor<6x1000xf32>, tensor<6x1000xf32>) {
      %a = weft.add %x, %y : tensor<6x1000xf32>
      %b = weft.relu %a : tensor<6x1000xf32>
      return %a, %b : tensor<6x1000xf32>, tensor<6x1000xf32>
    })";
  CpuTarget target = CpuTarget::host();
  target.cacheBytes = 64;
  auto numPast = [&](llvm::ArrayRef<int64_t> inPlace) {
    OneKernel one(text, target, inPlace);
    EXPECT_TRUE(one.ok()) << one.why();
    llvm::StringRef code = one.kernel().llvmIR;
    const size_t count = code.count("!nontemporal");
    EXPECT_EQ(code.contains("sfence"), count > 0);
    return count;
  };
  const size_t both = numPast({-1, -1});
  EXPECT_GT(both, 0u);
  EXPECT_EQ(numPast({-1, 0}), both / 2);
  EXPECT_EQ(numPast({1, -1}), both / 2);
  EXPECT_EQ(numPast({0, 1}), 0u);
}

/// Rows of SIZE elements that start FROM elements into rows of x.
const char *const kBfloats = R"(
    func.func @main(%x: tensor<6xWIDExbf16>, %y: tensor<6xSIZExbf16>, %c: tensor<6x1xbf16>) -> tensor<6xSIZExbf16> {
      %s = weft.slice %x from [0, FROM] by [1, 1] : tensor<6xWIDExbf16> -> tensor<6xSIZExbf16>
      %b = weft.broadcast %c : tensor<6x1xbf16> -> tensor<6xSIZExbf16>
      %m = weft.mul %s, %b : tensor<6xSIZExbf16>
      %a = weft.add %m, %y : tensor<6xSIZExbf16>
      %z = weft.relu %a : tensor<6xSIZExbf16>
      return %z : tensor<6xSIZExbf16>
    })";

/// Pairs in words, what fills no tile, rows that start anywhere; through the
/// cache and past it.
TEST(CpuLoop, PairsOfBfloat16) {
  CpuTarget smallCache = CpuTarget::host();
  smallCache.cacheBytes = 64;
  for (const CpuTarget &target : {CpuTarget::host(), smallCache})
    for (int64_t size : {128, 256, 1155, 250})
      for (int64_t from : {0, 1}) {
        SCOPED_TRACE(std::to_string(size) + " from " + std::to_string(from));
        std::string text = with(with(kBfloats, "SIZE", std::to_string(size)),
                                "WIDE", std::to_string(size + from));
        checkAgainstReference(with(text, "FROM", std::to_string(from)), 8e-3,
                              -4, 4, target);
      }
}

/// Where an element's place counts, pairs would put it in the wrong lane.
TEST(CpuLoop, PlacesOfBfloat16) {
  checkAgainstReference(R"(
    func.func @main(%x: tensor<2x128xbf16>) -> tensor<2x128xbf16> {
      %i = weft.iota 1 : tensor<2x128xbf16>
      %y = weft.mul %x, %i : tensor<2x128xbf16>
      return %y : tensor<2x128xbf16>
    })",
                        1);
  checkAgainstReference(R"(
    func.func @main(%x: tensor<2x128xbf16>, %y: tensor<2x128xf32>) -> tensor<2x128xf32> {
      %w = weft.cast %x : tensor<2x128xbf16> -> tensor<2x128xf32>
      %z = weft.add %w, %y : tensor<2x128xf32>
      return %z : tensor<2x128xf32>
    })");
}

TEST(CpuLoop, OtherProcessors) {
  OneKernel baseline(kScale, {"x86-64", "", 0});
  EXPECT_NE(baseline.kernel().llvmIR.find("<4 x float>"), std::string::npos);
  OneKernel wide(
      kScale, {"skylake-avx512", "+avx512f,+avx512vl,+avx512bw,+f16c,+avx", 0});
  ASSERT_TRUE(wide.ok()) << wide.why();
  EXPECT_NE(wide.kernel().llvmIR.find("<16 x float>"), std::string::npos);
}

TEST(CpuLoop, EqualGroupsGiveEqualCodeFromAnyThread) {
  std::string expected = OneKernel(kScale).kernel().object;
  std::vector<std::string> objects(8);
  std::vector<std::thread> threads;
  for (std::string &object : objects)
    threads.emplace_back([&] { object = OneKernel(kScale).kernel().object; });
  for (std::thread &thread : threads)
    thread.join();
  for (const std::string &object : objects)
    EXPECT_EQ(object, expected);
}

// Quotients of even positions by even numbers need not be even.
TEST(CpuLoop, SlicesOfReshapedInputs) {
  checkAgainstReference(R"(
    func.func @main(%x: tensor<5x2x3x8xi8>, %y: tensor<2x6x2x1xi8>) -> tensor<2x6x2x1xi8> {
      %r = weft.reshape %x : tensor<5x2x3x8xi8> -> tensor<2x10x6x2xi8>
      %s = weft.slice %r from [0, 4, 5, 0] by [1, 1, -3, 1] : tensor<2x10x6x2xi8> -> tensor<2x6x2x1xi8>
      %z = weft.add %s, %y : tensor<2x6x2x1xi8>
      return %z : tensor<2x6x2x1xi8>
    })",
                        0);
}

TEST(CpuLoop, MovedElements) {
  checkAgainstReference(R"(
    func.func @main(%x: tensor<5x33xf32>) -> tensor<33x5xf32> {
      %y = weft.transpose %x [1, 0] : tensor<5x33xf32> -> tensor<33x5xf32>
      %z = weft.exp %y : tensor<33x5xf32>
      return %z : tensor<33x5xf32>
    })");
  checkAgainstReference(R"(
    func.func @main(%x: tensor<40x3xf32>, %s: f32) -> tensor<20x3xf32> {
      %y = weft.slice %x from [39, 2] by [-2, -1] : tensor<40x3xf32> -> tensor<20x3xf32>
      %b = weft.splat %s : f32 -> tensor<20x3xf32>
      %z = weft.sub %y, %b : tensor<20x3xf32>
      return %z : tensor<20x3xf32>
    })");
  checkAgainstReference(R"(
    func.func @main(%x: tensor<3x21xi32>, %y: tensor<3x0xi32>, %z: tensor<3x30xi32>) -> tensor<3x51xi32> {
      %c = weft.concatenate %x, %y, %z along 1 : tensor<3x21xi32>, tensor<3x0xi32>, tensor<3x30xi32> -> tensor<3x51xi32>
      %d = weft.neg %c : tensor<3x51xi32>
      return %d : tensor<3x51xi32>
    })");
  checkAgainstReference(R"(
    func.func @main(%x: tensor<4x6xi8>) -> (tensor<3x8xi8>, tensor<3x8xi64>) {
      %y = weft.reshape %x : tensor<4x6xi8> -> tensor<3x8xi8>
      %i = weft.iota 1 : tensor<3x8xi8>
      %z = weft.mul %y, %i : tensor<3x8xi8>
      %w = weft.cast %z : tensor<3x8xi8> -> tensor<3x8xi64>
      return %z, %w : tensor<3x8xi8>, tensor<3x8xi64>
    })");
}

/// The last two axes of `size` change places; `op` is done to the elements.
std::string transposed(const std::string &size, const std::string &turned,
                       const std::string &type, const std::string &op) {
  return with(with(with(R"(
    func.func @main(%x: tensor<3xSIZE>) -> tensor<3xTURNED> {
      %t = weft.transpose %x [0, 2, 1] : tensor<3xSIZE> -> tensor<3xTURNED>
      %y = weft.OP %t : tensor<3xTURNED>
      return %y : tensor<3xTURNED>
    })",
                        "SIZE", size + "x" + type),
                   "TURNED", turned + "x" + type),
              "OP", op);
}

/// Whole tiles; rests along both axes, along one; less than a tile.
TEST(CpuLoop, TilesOfTransposesAreTurnedInRegisters) {
  CpuTarget past = CpuTarget::host(); // past the cache
  past.cacheBytes = 1;
  for (const CpuTarget &target :
       {CpuTarget::host(), past, CpuTarget{"x86-64", "", 0}})
    for (auto [size, turned] : {std::pair("32x48", "48x32"),
                                {"37x53", "53x37"},
                                {"64x19", "19x64"},
                                {"19x64", "64x19"},
                                {"16x16", "16x16"},
                                {"9x40", "40x9"}})
      for (const char *type : {"f32", "f16", "bf16", "f64", "i8", "i32", "i64"})
        checkAgainstReference(transposed(size, turned, type, "neg"), 0, -4, 4,
                              target);
  auto isTurned = [](const std::string &text) {
    OneKernel kernel(
        text, {"skylake-avx512", "+avx512f,+avx512vl,+avx512bw,+f16c,+avx", 0});
    EXPECT_TRUE(kernel.ok()) << kernel.why();
    return kernel.kernel().llvmIR.find("shufflevector <16 x float>") !=
           std::string::npos;
  };
  EXPECT_TRUE(isTurned(transposed("32x48", "48x32", "f32", "neg")));
  // Too few points; a function that is long itself.
  EXPECT_FALSE(isTurned(transposed("15x48", "48x15", "f32", "neg")));
  EXPECT_FALSE(isTurned(transposed("32x48", "48x32", "f32", "exp")));
}

TEST(CpuLoop, SaysWhyThereIsNoKernel) {
  OneKernel reversed(R"(
    func.func @main(%x: tensor<4x4xf32>) -> tensor<4xf32> {
      %y = weft.sum %x over [1] : tensor<4x4xf32> -> tensor<4xf32>
      %z = weft.slice %y from [3] by [-1] : tensor<4xf32> -> tensor<4xf32>
      return %z : tensor<4xf32>
    })");
  EXPECT_EQ(reversed.why(),
            "the result of sum is used at another index than its own");
  OneKernel attention(R"(
    func.func @main(%q: tensor<16x16xf16>, %s: tensor<f32>) -> tensor<16x16xf16> {
      %y = weft.attention %q, %q, %q, %s : (tensor<16x16xf16>, tensor<16x16xf16>, tensor<16x16xf16>, tensor<f32>) -> tensor<16x16xf16>
      return %y : tensor<16x16xf16>
    })");
  EXPECT_EQ(attention.why(),
            "weft.attention must be decomposed for this device");
  OneKernel pooled(R"(
    func.func @main(%x: tensor<1x2x4x4xf32>, %w: tensor<2x2x1x1xf32>) -> tensor<1x2x2x2xf32> {
      %c = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 : tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32> -> tensor<1x2x4x4xf32>
      %y = weft.maxpool %c kernel [2, 2] stride [2, 2] padding [0, 0, 0, 0] : tensor<1x2x4x4xf32> -> tensor<1x2x2x2xf32>
      return %y : tensor<1x2x2x2xf32>
    })");
  EXPECT_EQ(pooled.why(),
            "weft.maxpool must be in a group of its own for this device");
}

} // namespace
