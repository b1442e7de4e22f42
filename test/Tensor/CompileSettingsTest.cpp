// SPDX-License-Identifier: Apache-2.0
// Settings of the process: how kernels are tuned, what float32 products are
// computed with, and whether evaluations may compile.
#include "Values.h"

#include "weft/Compile.h"
#include "weft/Explain.h"
#include "weft/NN/Parameter.h"
#include "weft/Runtime.h"

#include <atomic>
#include <sstream>
#include <thread>

namespace weft {
namespace {

using test::expect_values;
using test::values;
using testing::HasSubstr;

// ---- whether ----------------------------------------------------------------

class Forbidden : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_TRUE(set_cache_dir(std::nullopt).ok()); // nothing is found there
    set_compilation(Compilation::forbid);
  }
  void TearDown() override {
    set_compilation(Compilation::allow);
    EXPECT_TRUE(set_cache_dir(folder_).ok());
  }

  /// Graphs that no other test compiles.
  static Tensor graph(double x) { return cos(sin(tensor({x, 2.0, 3.0}))) * 7; }

private:
  const std::optional<std::string> folder_ = cache_dir();
};

TEST_F(Forbidden, AnEvaluationThatWouldCompileFails) {
  EXPECT_EQ(compilation(), Compilation::forbid);
  const int64_t compiled = statistics().graphs_compiled;
  Tensor x = relu(tensor({{-1.0f, 2.0f, 3.0f}}) - 11);
  const unsigned line = __LINE__ - 1;
  const std::string message =
      "eval: relu of float32 [1, 3]: not compiled before, and compiling is "
      "forbidden (CompileSettingsTest.cpp:" +
      std::to_string(line) + ")";
  Status status = x.eval();
  EXPECT_EQ(status.code(), StatusCode::failed_precondition);
  EXPECT_EQ(status.message(), message);
  EXPECT_EQ(x.to_vector<float>().status().message(), message);
  std::ostringstream os;
  os << x;
  EXPECT_THAT(os.str(), HasSubstr(message));
  EXPECT_EQ(statistics().graphs_compiled, compiled);
  // Nothing is wrong with the tensor.
  set_compilation(Compilation::allow);
  expect_values(x, {1, 3}, {0, 0, 0});
}

TEST_F(Forbidden, WhatWasCompiledRuns) {
  set_compilation(Compilation::allow);
  ASSERT_TRUE(graph(1).eval().ok());
  StatusOr<Executable> net =
      compile([](const Tensor &x) { return exp(x) - 3; }, {{float32, {2}}});
  ASSERT_TRUE(net.ok()) << net.status();
  set_compilation(Compilation::forbid);
  EXPECT_TRUE(graph(5).eval().ok());
  EXPECT_TRUE(net->run({tensor({0.0f, 1.0f})}).ok());
  // In memory as an executable, though not as this evaluation.
  EXPECT_TRUE((exp(tensor({0.0f, 1.0f})) - 3).eval().ok());
}

TEST_F(Forbidden, CompilingAheadIsAllowed) {
  auto net = [](const Tensor &x) { return tanh(x) * 13 - x; };
  StatusOr<Executable> compiled = compile(net, {{float32, {3}}});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  EXPECT_TRUE(net(tensor({1.0f, 2.0f, 3.0f})).eval().ok());
}

TEST_F(Forbidden, ValuesThatExistAreRead) {
  Tensor x = tensor({1.0f, 2.0f});
  EXPECT_TRUE(x.eval().ok());
  expect_values(x, {2}, {1, 2});
}

// Threads that ask for one graph wait for one compilation.
TEST_F(Forbidden, NobodyElseFailsForIt) {
  const Tensor x = tensor({1.0f, 2.0f, 3.0f});
  for (int i = 0; i < 20; ++i) {
    auto net = [i](const Tensor &x) { return expand(x * 7, {i + 2, 3}) - i; };
    std::atomic<bool> isOver = false;
    std::thread refused([&] {
      while (!isOver)
        (void)net(x).eval();
    });
    StatusOr<Executable> compiled = compile(net, {{float32, {3}}});
    isOver = true;
    refused.join();
    EXPECT_TRUE(compiled.ok()) << compiled.status();
  }
}

// ---- how --------------------------------------------------------------------

TEST(TuningSetting, IsReadBack) {
  EXPECT_EQ(tuning(), Tuning::off);
  for (Tuning wanted : {Tuning::fast, Tuning::full, Tuning::off}) {
    set_tuning(wanted);
    EXPECT_EQ(tuning(), wanted);
  }
  EXPECT_EQ(name(Tuning::off), "off");
  EXPECT_EQ(name(Tuning::fast), "fast");
  EXPECT_EQ(name(Tuning::full), "full");
  EXPECT_EQ(name(Compilation::allow), "allow");
  EXPECT_EQ(name(Compilation::forbid), "forbid");
}

TEST(TuningSetting, MeansNothingOnTheCpu) {
  auto make = [] {
    return matmul(ones({20, 20}, float32, Device::cpu()),
                  ones({20, 20}, float32, Device::cpu()));
  };
  ASSERT_TRUE(make().eval().ok());
  const Statistics before = statistics();
  set_tuning(Tuning::full);
  EXPECT_TRUE(make().eval().ok());
  set_tuning(Tuning::off);
  EXPECT_EQ(statistics().graphs_compiled, before.graphs_compiled);
  EXPECT_EQ(statistics().graphs_loaded, before.graphs_loaded);
}

TEST(Float32PrecisionSetting, IsReadBack) {
  const Float32Precision before = float32_precision();
  for (Float32Precision wanted :
       {Float32Precision::tf32, Float32Precision::ieee}) {
    set_float32_precision(wanted);
    EXPECT_EQ(float32_precision(), wanted);
  }
  set_float32_precision(before);
  EXPECT_EQ(name(Float32Precision::ieee), "ieee");
  EXPECT_EQ(name(Float32Precision::tf32), "tf32");
}

TEST(Float32PrecisionSetting, MeansNothingOnTheCpu) {
  // 1 + 2^-20 is no TF32.
  const Tensor a = full({17, 19}, 1 + 0x1p-20, float32, Device::cpu()),
               b = full({19, 17}, 3, float32, Device::cpu());
  ASSERT_TRUE(eval({a, b}).ok());
  const Float32Precision before = float32_precision();
  set_float32_precision(Float32Precision::ieee);
  const std::vector<double> exact = values(matmul(a, b));
  const Statistics counts = statistics();
  set_float32_precision(Float32Precision::tf32);
  EXPECT_EQ(values(matmul(a, b)), exact);
  set_float32_precision(before);
  StatusOr<Executable> compiled = compile(
      [](const Tensor &x, const Tensor &y) { return matmul(x, y); },
      {{float32, {17, 19}}, {float32, {19, 17}}},
      {.device = Device::cpu(), .float32_precision = Float32Precision::tf32});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  EXPECT_EQ(values((*compiled->run({a, b}))[0]), exact);
  EXPECT_EQ(statistics().graphs_compiled, counts.graphs_compiled);
  EXPECT_EQ(statistics().graphs_loaded, counts.graphs_loaded);
}

class TuningGpu : public testing::Test {
protected:
  void SetUp() override {
    if (Status status = is_usable(Device::gpu()); !status.ok())
      GTEST_SKIP() << status;
  }
  void TearDown() override { set_tuning(Tuning::off); }

  /// -1, 0, 1, -1, ...: sums of their products are integers that float16 holds,
  /// so that every tile has the same result.
  static Tensor integers(Shape shape) {
    Tensor count = arange(0, shape.num_elements(), 1, float32, Device::gpu());
    Tensor part = count - floor(count / 3) * 3 - 1;
    Tensor made = cast(reshape(part, shape), float16);
    EXPECT_TRUE(made.eval().ok());
    return made;
  }
};

TEST_F(TuningGpu, ResultsAreThoseOfTheModelsChoice) {
  struct {
    int64_t rows, columns, depth;
  } shapes[] = {
      {64, 64, 64}, {100, 300, 72}, {384, 320, 1024}, {256, 64, 2048}};
  for (auto [rows, columns, depth] : shapes) {
    Tensor a = integers({rows, depth}), b = integers({depth, columns});
    set_tuning(Tuning::off);
    std::vector<double> off = values(matmul(a, b));
    for (Tuning how : {Tuning::fast, Tuning::full}) {
      set_tuning(how);
      EXPECT_EQ(values(matmul(a, b)), off) << name(how) << " " << rows;
    }
    set_tuning(Tuning::off);
    EXPECT_EQ(values(matmul(a, b)), off);
  }
}

TEST_F(TuningGpu, ConvolutionsAreTuned) {
  Tensor x = integers({2, 64, 14, 14}), w = integers({128, 64, 3, 3});
  auto net = [&] { return relu(conv(x, w, {}, {.padding = {1}}) + 1); };
  std::vector<double> off = values(net());
  set_tuning(Tuning::full);
  EXPECT_EQ(values(net()), off);
}

TEST_F(TuningGpu, AFunctionIsTunedAsItsOptionsSay) {
  Tensor a = integers({192, 256}), b = integers({256, 192});
  auto product = [](const Tensor &x, const Tensor &y) {
    return matmul(x, y) * 0.5;
  };
  std::vector<double> expected = values(product(a, b));
  for (Tuning how : {Tuning::off, Tuning::fast, Tuning::full}) {
    StatusOr<Executable> compiled =
        compile(product, {{float16, {192, 256}}, {float16, {256, 192}}},
                {.device = Device::gpu(), .tuning = how});
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    auto result = compiled->run({a, b});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(values((*result)[0]), expected) << name(how);
  }
}

TEST_F(TuningGpu, OffGivesTheSameBitsAfterTuning) {
  // Sums that depend on their order.
  Tensor count = arange(0, 256 * 4096, 1, float32, Device::gpu());
  Tensor a = cast(sin(reshape(count, {256, 4096})), float16),
         b = cast(cos(reshape(count, {4096, 256})), float16);
  ASSERT_TRUE(eval({a, b}).ok());
  std::vector<double> before = values(matmul(a, b));
  set_tuning(Tuning::full);
  ASSERT_TRUE(matmul(a, b).eval().ok());
  set_tuning(Tuning::off);
  EXPECT_EQ(values(matmul(a, b)), before);
}

} // namespace
} // namespace weft
