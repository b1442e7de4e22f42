// SPDX-License-Identifier: Apache-2.0
// Primitives give what the formula gives, on any number of threads, for data
// and weights that lie in any way, and share their threads with the kernels
// between them. Skipped where oneDNN is not installed.
#include "runtime/OneDnn.h"

#include "ReadFile.h"
#include "runtime/Executor.h"
#include "weft/Core/Float.h"
#include "weft/Runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace weft::runtime {
namespace {

using Operand = Primitive::Operand;

/// Sizes in order, the axes listed from the innermost.
Operand operand(std::vector<int64_t> sizes, const std::vector<size_t> &inner) {
  Operand result{sizes, std::vector<int64_t>(sizes.size())};
  int64_t stride = 1;
  for (size_t axis : inner) {
    result.strides[axis] = stride;
    stride *= sizes[axis];
  }
  return result;
}

const std::vector<size_t> kFirst = {3, 2, 1, 0}; // [N, C, H, W] as written
const std::vector<size_t> kLast = {1, 3, 2, 0};  // channels innermost

/// 3 channels to 5, 3x2 taps, a stride, a dilation and uneven padding.
Primitive conv(const std::vector<size_t> &x, const std::vector<size_t> &y) {
  Primitive primitive;
  primitive.x = operand({2, 3, 7, 6}, x);
  primitive.w = operand({5, 3, 3, 2}, kFirst);
  primitive.y = operand({2, 5, 4, 6}, y);
  primitive.stride = {2, 1};
  primitive.dilation = {1, 2};
  primitive.before = {1, 0};
  primitive.after = {2, 2};
  primitive.hasBias = true;
  primitive.threads = 2;
  return primitive;
}

size_t at(const Operand &operand, std::vector<int64_t> index) {
  int64_t offset = 0;
  for (size_t i = 0; i < index.size(); ++i)
    offset += index[i] * operand.strides[i];
  return static_cast<size_t>(offset);
}

size_t numElements(const Operand &operand) {
  size_t count = 1;
  for (int64_t size : operand.sizes)
    count *= static_cast<size_t>(size);
  return count;
}

/// Small whole numbers: sums are exact in any order.
std::vector<float> numbers(const Operand &operand) {
  std::vector<float> values(numElements(operand));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i * 7 % 11) - 5;
  return values;
}

const std::vector<float> kBias = {1, -2, 3, -4, 5};

/// By the formula.
std::vector<float> expected(const Primitive &p, const std::vector<float> &x,
                            const std::vector<float> &w) {
  std::vector<float> y(numElements(p.y));
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t o = 0; o < 5; ++o)
      for (int64_t h = 0; h < 4; ++h)
        for (int64_t v = 0; v < 6; ++v) {
          float sum = kBias[static_cast<size_t>(o)];
          for (int64_t c = 0; c < 3; ++c)
            for (int64_t a = 0; a < 3; ++a)
              for (int64_t b = 0; b < 2; ++b) {
                int64_t row = 2 * h + a - 1, column = v + 2 * b;
                if (row >= 0 && row < 7 && column < 6)
                  sum += x[at(p.x, {n, c, row, column})] *
                         w[at(p.w, {o, c, a, b})];
              }
          y[at(p.y, {n, o, h, v})] = sum;
        }
  return y;
}

class OneDnnTest : public testing::Test {
protected:
  void SetUp() override {
    if (StatusOr<const OneDnn *> dnn = OneDnn::get(); !dnn.ok())
      GTEST_SKIP() << dnn.status();
  }
  void TearDown() override { EXPECT_TRUE(set_num_threads(0).ok()); }

  void expectRight(const Primitive &primitive, std::vector<float> w,
                   const std::vector<float> &right) {
    auto loaded = LoadedPrimitive::load(primitive);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    std::vector<float> x = numbers(primitive.x), y(right.size(), -99);
    std::vector<float> bias = kBias;
    void *arguments[] = {x.data(), w.data(), bias.data(), y.data()};
    for (int threads : {2, 1, 3}) {
      ASSERT_TRUE(set_num_threads(threads).ok());
      y.assign(y.size(), -99);
      Status status = (*loaded)->run(arguments);
      ASSERT_TRUE(status.ok()) << status;
      EXPECT_EQ(y, right) << threads << " threads";
    }
  }
};

TEST_F(OneDnnTest, ConvolvesWhatLiesInAnyWay) {
  for (const auto &x : {kFirst, kLast})
    for (const auto &y : {kFirst, kLast}) {
      Primitive primitive = conv(x, y);
      std::vector<float> w = numbers(primitive.w);
      expectRight(primitive, w, expected(primitive, numbers(primitive.x), w));
    }
}

TEST_F(OneDnnTest, ReadsWeightsItHasPacked) {
  Primitive primitive = conv(kLast, kLast), pack = primitive;
  pack.kind = Primitive::Kind::pack;
  std::vector<float> w = numbers(primitive.w);
  std::vector<float> right = expected(primitive, numbers(primitive.x), w);
  auto packer = LoadedPrimitive::load(pack);
  ASSERT_TRUE(packer.ok()) << packer.status();
  std::vector<float> packed(static_cast<size_t>((*packer)->packedBytes()) /
                            sizeof(float));
  ASSERT_GE(packed.size(), w.size());
  void *arguments[] = {w.data(), packed.data()};
  ASSERT_TRUE((*packer)->run(arguments).ok());
  primitive.isPacked = true;
  expectRight(primitive, packed, right);
}

/// 3x3 taps, 32 channels to 48, with a bias: large enough for Winograd's way.
class WinogradTest : public OneDnnTest {
protected:
  WinogradTest() {
    primitive_.x = operand({2, 32, 20, 17}, kLast);
    primitive_.w = operand({48, 32, 3, 3}, kFirst);
    primitive_.y = operand({2, 48, 20, 17}, kLast);
    primitive_.stride = primitive_.dilation = primitive_.before =
        primitive_.after = {1, 1};
    primitive_.hasBias = primitive_.isPacked = true;
    primitive_.threads = 2;
    x_ = numbers(primitive_.x);
    w_ = numbers(primitive_.w);
    for (int o = 0; o < 48; ++o)
      bias_.push_back(static_cast<float>(o - 20));
  }

  void SetUp() override {
    OneDnnTest::SetUp();
    if (IsSkipped())
      return;
    auto packer = LoadedPrimitive::load(packerOf(primitive_));
    ASSERT_TRUE(packer.ok()) << packer.status();
    packed_.resize(static_cast<size_t>((*packer)->packedBytes()) / 4);
    void *arguments[] = {w_.data(), packed_.data()};
    ASSERT_TRUE((*packer)->run(arguments).ok());
  }

  static Primitive packerOf(Primitive primitive) {
    primitive.kind = Primitive::Kind::pack;
    primitive.isPacked = false;
    return primitive;
  }

  /// The formula in double precision.
  double expected(int64_t n, int64_t o, int64_t h, int64_t v) const {
    double sum = bias_[static_cast<size_t>(o)];
    for (int64_t c = 0; c < 32; ++c)
      for (int64_t row = std::max(h - 1, int64_t{0});
           row <= std::min(h + 1, int64_t{19}); ++row)
        for (int64_t column = std::max(v - 1, int64_t{0});
             column <= std::min(v + 1, int64_t{16}); ++column)
          sum += double(x_[at(primitive_.x, {n, c, row, column})]) *
                 w_[at(primitive_.w, {o, c, row - h + 1, column - v + 1})];
    return sum;
  }

  void expectRight() {
    auto loaded = LoadedPrimitive::load(primitive_);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    std::vector<float> y(numElements(primitive_.y));
    void *arguments[] = {x_.data(), packed_.data(), bias_.data(), y.data()};
    for (int threads : {2, 1, 3}) {
      SCOPED_TRACE(threads);
      ASSERT_TRUE(set_num_threads(threads).ok());
      y.assign(y.size(), -99);
      Status status = (*loaded)->run(arguments);
      ASSERT_TRUE(status.ok()) << status;
      int wrong = 0;
      for (int64_t n = 0; n < 2; ++n)
        for (int64_t o = 0; o < 48; ++o)
          for (int64_t h = 0; h < 20; ++h)
            for (int64_t v = 0; v < 17; ++v) {
              const double is = y[at(primitive_.y, {n, o, h, v})],
                           right = expected(n, o, h, v);
              const bool isRight =
                  std::isfinite(right)
                      ? std::abs(is - right) < allowed_ + 1e-5 * std::abs(right)
                      : is == right || (is != is && right != right);
              wrong += !isRight;
            }
      EXPECT_EQ(wrong, 0);
    }
  }

  Primitive primitive_;
  double allowed_ = 0.05; // a sum is below 8000, of 288 products of up to 25
  std::vector<float> x_, w_, bias_, packed_;
};

TEST_F(WinogradTest, GivesWhatTheFormulaGives) { expectRight(); }

// Sums of differences would make NaN of an infinity, and of what is beside it.
TEST_F(WinogradTest, LeavesWhatIsNotFiniteWhereItIs) {
  x_[at(primitive_.x, {0, 3, 5, 5})] = std::numeric_limits<float>::infinity();
  x_[at(primitive_.x, {1, 0, 19, 16})] =
      std::numeric_limits<float>::quiet_NaN();
  expectRight();
}

// Beside a number that is much larger than the others, what they add up to
// would be lost in its rounding; in windows that have it, it is rounded itself.
TEST_F(WinogradTest, LeavesNumbersOfAllSizesToTheDirectForm) {
  for (float &x : x_)
    x *= 1.0f / 64;
  x_[at(primitive_.x, {0, 3, 5, 5})] = 1 << 20;
  allowed_ = 1.0 / 64;
  expectRight();
}

// The library transforms weights that lie in one of two orders.
TEST_F(WinogradTest, TakesWeightsThatLieInAnyWay) {
  for (const auto &order : std::vector<std::vector<size_t>>{
           {1, 3, 2, 0}, {3, 2, 0, 1}, {0, 1, 3, 2}, {0, 1, 2, 3}}) {
    primitive_.w = operand({48, 32, 3, 3}, order);
    SetUp();
    expectRight();
  }
}

// Packed weights are there twice, for both ways to convolve.
TEST_F(WinogradTest, IsAskedForWhereItGains) {
  auto bytesOf = [](const Primitive &primitive) {
    auto packer = LoadedPrimitive::load(packerOf(primitive));
    EXPECT_TRUE(packer.ok()) << packer.status();
    return packer.ok() ? (*packer)->packedBytes() : 0;
  };
  constexpr int64_t kOnce = 48 * 32 * 9 * 4;
  if (bytesOf(primitive_) == kOnce)
    GTEST_SKIP() << "oneDNN has it for AVX-512 alone, and version 3 has not";
  EXPECT_GE(bytesOf(primitive_), 2 * kOnce);
  Primitive other = primitive_;
  other.stride = {2, 1};
  other.y = operand({2, 48, 10, 17}, kLast);
  EXPECT_EQ(bytesOf(other), kOnce);
  other = primitive_;
  other.dilation = other.before = other.after = {2, 2};
  EXPECT_EQ(bytesOf(other), kOnce);
  other = primitive_;
  other.x = operand({2, 32, 6, 17}, kLast); // 2.8 million products
  other.y = operand({2, 48, 6, 17}, kLast);
  EXPECT_EQ(bytesOf(other), kOnce);
  other.x = other.y = operand({1, 128, 7, 7}, kLast); // 7.2 million, 49 pixels
  other.w = operand({128, 128, 3, 3}, kFirst);
  EXPECT_EQ(bytesOf(other), 128 * 128 * 9 * 4);
  other.x = other.y = operand({1, 128, 512, 512}, kLast); // a lot of memory
  EXPECT_EQ(bytesOf(other), 128 * 128 * 9 * 4);
}

TEST_F(OneDnnTest, RefusesPlansForAnotherFormOfWeights) {
  Primitive pack = conv(kLast, kLast);
  pack.kind = Primitive::Kind::pack;
  auto packer = LoadedPrimitive::load(pack);
  ASSERT_TRUE(packer.ok()) << packer.status();
  const int64_t bytes = (*packer)->packedBytes();
  Plan plan;
  plan.inputs = {{float32, {5, 3, 3, 2}, 360}};
  plan.primitives = {pack};
  Launch launch;
  launch.primitive = 0;
  launch.arguments.resize(2);
  launch.arguments[0].buffer = {BufferRef::Kind::input, 0};
  launch.arguments[1].buffer = {BufferRef::Kind::output, 0};
  plan.launches = {launch};
  plan.steps = {0};
  plan.outputs = {{float32, {bytes / 4}, bytes}};
  EXPECT_TRUE(LoadedPlan::load(plan, Device::cpu()).ok());
  plan.outputs = {{float32, {90}, 360}};
  auto loaded = LoadedPlan::load(plan, Device::cpu());
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.status().message(), "plan: packed weights have " +
                                           std::to_string(bytes) +
                                           " bytes, not 360");
}

TEST_F(OneDnnTest, MultipliesTransposedOperands) {
  Primitive primitive;
  primitive.kind = Primitive::Kind::matmul;
  primitive.x = operand({2, 3}, {1, 0});
  primitive.w = operand({3, 2}, {0, 1}); // as a linear layer keeps it
  primitive.y = operand({2, 2}, {1, 0});
  primitive.hasBias = true;
  auto loaded = LoadedPrimitive::load(primitive);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  std::vector<float> x = {1, 2, 3, 4, 5, 6}, w = {1, 0, 2, -1, 1, 0};
  std::vector<float> bias = {10, 20}, y(4);
  void *arguments[] = {x.data(), w.data(), bias.data(), y.data()};
  ASSERT_TRUE((*loaded)->run(arguments).ok());
  EXPECT_EQ(y, (std::vector<float>{17, 21, 26, 21}));
}

std::vector<uint16_t> halves(const std::vector<float> &values) {
  std::vector<uint16_t> result;
  for (float value : values)
    result.push_back(bfloat16_from_double(value));
  return result;
}

// The numbers are whole and small enough for a bfloat16; packed and not.
TEST_F(OneDnnTest, ConvolvesBfloat16) {
  if (!(*OneDnn::get())->multiplies(bfloat16))
    GTEST_SKIP() << "the CPU has no instructions for it";
  Primitive primitive = conv(kFirst, kLast);
  primitive.dtype = bfloat16;
  std::vector<float> exactX = numbers(primitive.x),
                     exactW = numbers(primitive.w);
  std::vector<uint16_t> x = halves(exactX), w = halves(exactW),
                        bias = halves(kBias),
                        right = halves(expected(primitive, exactX, exactW)),
                        y(right.size(), 99);
  auto loaded = LoadedPrimitive::load(primitive);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  void *arguments[] = {x.data(), w.data(), bias.data(), y.data()};
  ASSERT_TRUE((*loaded)->run(arguments).ok());
  EXPECT_EQ(y, right);

  Primitive pack = primitive;
  pack.kind = Primitive::Kind::pack;
  auto packer = LoadedPrimitive::load(pack);
  ASSERT_TRUE(packer.ok()) << packer.status();
  std::vector<std::byte> packed(static_cast<size_t>((*packer)->packedBytes()));
  void *weights[] = {w.data(), packed.data()};
  ASSERT_TRUE((*packer)->run(weights).ok());
  primitive.isPacked = true;
  loaded = LoadedPrimitive::load(primitive);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  arguments[1] = packed.data();
  y.assign(y.size(), 99);
  ASSERT_TRUE((*loaded)->run(arguments).ok());
  EXPECT_EQ(y, right);
}

// Worked out by hand: 255 + 2 + 0.5 is between 256 and 258 and nearer to 258;
// without the bias it would be 256, and 256.5 as well.
TEST_F(OneDnnTest, RoundsBfloat16BehindTheBias) {
  if (!(*OneDnn::get())->multiplies(bfloat16))
    GTEST_SKIP() << "the CPU has no instructions for it";
  Primitive primitive;
  primitive.kind = Primitive::Kind::matmul;
  primitive.dtype = bfloat16;
  primitive.x = operand({2, 2}, {1, 0});
  primitive.w = operand({2, 2}, {0, 1});
  primitive.y = operand({2, 2}, {1, 0});
  primitive.hasBias = true;
  auto loaded = LoadedPrimitive::load(primitive);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  std::vector<uint16_t> x = halves({255, 2, 1, 2}), w = halves({1, 1, 0, -1}),
                        bias = halves({0.5, 1}), y(4, 99);
  void *arguments[] = {x.data(), w.data(), bias.data(), y.data()};
  ASSERT_TRUE((*loaded)->run(arguments).ok());
  EXPECT_EQ(y, halves({258, -1, 3.5, -1}));
}

TEST_F(OneDnnTest, RefusesTypesWithoutInstructions) {
  Primitive primitive = conv(kLast, kLast);
  primitive.dtype = float16;
  EXPECT_EQ(LoadedPrimitive::check(primitive).message(),
            "oneDNN: this CPU multiplies no float16");
  EXPECT_EQ(LoadedPrimitive::load(primitive).status().message(),
            "oneDNN: this CPU multiplies no float16");
}

TEST_F(OneDnnTest, SeveralThreadsRunOne) {
  Primitive primitive = conv(kFirst, kLast);
  std::vector<float> w = numbers(primitive.w), x = numbers(primitive.x);
  std::vector<float> right = expected(primitive, x, w);
  auto loaded = LoadedPrimitive::load(primitive);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t] {
      std::vector<float> bias = kBias;
      for (int i = 0; i < 50; ++i) {
        std::vector<float> y(right.size(), -99);
        void *arguments[] = {x.data(), w.data(), bias.data(), y.data()};
        wrong[t] += !(*loaded)->run(arguments).ok() || y != right;
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

/// Two elements, each by the thread that it names. The primitive runs nowhere:
/// that the plan has one counts.
Plan meeting(bool hasPrimitive) {
  Plan plan;
  plan.inputs = {{int64, {1}, 8}};
  plan.outputs = {{int64, {2}, 16}};
  plan.kernels = {{"meet", readFile(WEFT_TEST_KERNELS), ""}};
  if (hasPrimitive)
    plan.primitives = {conv(kLast, kLast)};
  Launch launch;
  launch.arguments.resize(2);
  launch.arguments[0].buffer = {BufferRef::Kind::input, 0};
  launch.arguments[1].buffer = {BufferRef::Kind::output, 0};
  launch.extent = 2;
  plan.launches = {launch};
  plan.steps = {0};
  return plan;
}

std::vector<int64_t> threadsOf(const Plan &plan) {
  auto loaded = LoadedPlan::load(plan, Device::cpu());
  EXPECT_TRUE(loaded.ok()) << loaded.status();
  int64_t begun = 0;
  std::vector<int64_t> threads(2);
  void *inputs[] = {&begun}, *outputs[] = {threads.data()};
  EXPECT_TRUE(loaded.ok() && (*loaded)->run(inputs, {}, outputs, {}).ok());
  return threads;
}

TEST_F(OneDnnTest, SharesItsThreadsWithKernels) {
  ASSERT_TRUE(set_num_threads(2).ok());
  auto here = [] {
    return reinterpret_cast<int64_t>(__builtin_thread_pointer());
  };
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + std::chrono::seconds(10);
  std::vector<int64_t> team(2);
  std::atomic<int> begun{0};
  parallelFor(
      2, 1,
      [&](int64_t begin, int64_t) {
        ++begun;
        while (begun < 2 && Clock::now() < end)
          std::this_thread::yield();
        team[static_cast<size_t>(begin)] = here();
      },
      LoadedPrimitive::team());
  EXPECT_THAT(team, testing::Contains(here()));
  EXPECT_NE(team[0], team[1]);
  EXPECT_THAT(threadsOf(meeting(true)),
              testing::UnorderedElementsAreArray(team));
  const std::vector<int64_t> others = threadsOf(meeting(false));
  EXPECT_THAT(others, testing::Contains(here()));
  EXPECT_THAT(others, testing::Not(testing::UnorderedElementsAreArray(team)));
}

/// Calls `body` on each thread of a parallel region, as a program that uses
/// OpenMP does. The thread sanitizer sees what its threads tell each other by
/// the atomics.
void inRegion(unsigned threads, std::function<void()> body) {
  static std::atomic<std::function<void()> *> shared;
  static std::atomic<int> left{0};
  shared = &body;
  left = 0;
  LoadedPrimitive::team()(
      [](void *) {
        (*shared.load())();
        ++left;
      },
      nullptr, threads, 0);
  EXPECT_GT(left, 0);
}

// In a region of one thread OpenMP would start a second one for every loop.
TEST_F(OneDnnTest, StaysOnOneThreadInsideAParallelRegion) {
  ASSERT_TRUE(set_num_threads(2).ok());
  Plan plan = meeting(true);
  auto loaded = LoadedPlan::load(plan, Device::cpu());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  for (unsigned threads : {1u, 2u}) {
    std::atomic<int> wrong{0};
    inRegion(threads, [&] {
      wrong += LoadedPrimitive::team() != callerAlone;
      int64_t begun = 1; // as if another were there
      std::vector<int64_t> by(2);
      void *inputs[] = {&begun}, *outputs[] = {by.data()};
      wrong += !(*loaded)->run(inputs, {}, outputs, {}).ok() || by[0] != by[1];
    });
    EXPECT_EQ(wrong, 0) << threads;
  }
  EXPECT_NE(LoadedPrimitive::team(), callerAlone);
}

TEST_F(OneDnnTest, RunsInsideAParallelRegion) {
  ASSERT_TRUE(set_num_threads(3).ok());
  Primitive primitive = conv(kFirst, kLast), pack = primitive;
  pack.kind = Primitive::Kind::pack;
  std::vector<float> w = numbers(primitive.w), x = numbers(primitive.x);
  std::vector<float> right = expected(primitive, x, w);
  auto packer = LoadedPrimitive::load(pack);
  ASSERT_TRUE(packer.ok()) << packer.status();
  primitive.isPacked = true;
  auto loaded = LoadedPrimitive::load(primitive);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  for (unsigned threads : {1u, 2u}) {
    std::atomic<int> wrong{0};
    inRegion(threads, [&] {
      std::vector<float> packed(static_cast<size_t>((*packer)->packedBytes()) /
                                sizeof(float));
      void *weights[] = {w.data(), packed.data()};
      wrong += !(*packer)->run(weights).ok();
      std::vector<float> bias = kBias, y(right.size(), -99);
      void *arguments[] = {x.data(), packed.data(), bias.data(), y.data()};
      wrong += !(*loaded)->run(arguments).ok() || y != right;
    });
    EXPECT_EQ(wrong, 0) << threads;
  }
}

TEST_F(OneDnnTest, HasNoThreadsInAForkedChild) {
  ASSERT_NE(LoadedPrimitive::team(), nullptr);
  pid_t child = fork();
  if (child == 0)
    _exit(LoadedPrimitive::team() ? 1 : 0);
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(OneDnnTest, RefusesWhatIsNoPrimitive) {
  Primitive primitive = conv(kLast, kLast);
  primitive.y.sizes[2] = 9; // the padding gives 4
  EXPECT_FALSE(LoadedPrimitive::check(primitive).ok());
  auto loaded = LoadedPrimitive::load(primitive);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.status().message().find("oneDNN: "), 0u) << loaded.status();
}

// It would divide by a size that does not fit in its 32 bits.
TEST_F(OneDnnTest, RefusesWhatIsTooLarge) {
  Primitive primitive;
  primitive.kind = Primitive::Kind::matmul;
  primitive.x = operand({int64_t{1} << 32, 2}, {1, 0});
  primitive.w = operand({2, 3}, {1, 0});
  primitive.y = operand({int64_t{1} << 32, 3}, {1, 0});
  EXPECT_EQ(LoadedPrimitive::check(primitive).message(),
            "oneDNN: not asked for 2^31 elements or more");
  primitive = conv(kLast, kLast);
  primitive.after[0] = int64_t{1} << 33;
  EXPECT_EQ(LoadedPrimitive::check(primitive).message(),
            "oneDNN: not asked for 2^31 elements or more");
}

TEST(OneDnn, NamesWhatItCannotOpen) {
  StatusOr<const OneDnn *> dnn = OneDnn::open("libnone.so");
  ASSERT_FALSE(dnn.ok());
  EXPECT_NE(dnn.status().message().find("libnone.so: cannot open"),
            std::string::npos)
      << dnn.status();
}

} // namespace
} // namespace weft::runtime
