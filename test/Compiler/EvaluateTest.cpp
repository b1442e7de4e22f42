// SPDX-License-Identifier: Apache-2.0
// Recorded graphs through compiler, caches and run time.
#include "weft/Compiler/Compiler.h"
#include "weft/Weft.h"

#include "runtime/Storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <thread>

namespace wf = weft;
using testing::ElementsAre;
using wf::compiler::CompiledModule;
using wf::compiler::statistics;

namespace {

std::vector<float> values(const wf::Tensor &x) {
  auto read = x.to_vector<float>();
  EXPECT_TRUE(read.ok()) << read.status();
  return read.ok() ? *read : std::vector<float>();
}

TEST(Evaluate, ComputesOnlyWhenAsked) {
  int64_t before = statistics().evaluations;
  wf::Tensor y = wf::tensor({1.0, 2.0}) * 3;
  EXPECT_EQ(statistics().evaluations, before);
  EXPECT_THAT(values(y), ElementsAre(3, 6));
  EXPECT_EQ(statistics().evaluations, before + 1);
}

TEST(Evaluate, KeepsWhatWasComputed) {
  wf::Tensor y = wf::tensor({1.0, 2.0}) + 1;
  EXPECT_TRUE(y.eval().ok());
  int64_t before = statistics().evaluations;
  EXPECT_THAT(values(y), ElementsAre(2, 3));
  EXPECT_EQ(statistics().evaluations, before);
}

TEST(Evaluate, EqualGraphsShareOneExecutable) {
  auto run = [](double x, double factor) {
    return values(wf::relu(wf::tensor({x, -x}) * factor - 0.25));
  };
  EXPECT_THAT(run(1, 5), ElementsAre(4.75f, 0));
  int64_t compiled = statistics().graphsCompiled;
  int64_t reused = statistics().graphsReused;
  EXPECT_THAT(run(2, 7), ElementsAre(13.75f, 0)) << "the number is an argument";
  EXPECT_EQ(statistics().graphsCompiled, compiled);
  EXPECT_EQ(statistics().graphsReused, reused + 1);
}

TEST(Evaluate, SeveralRootsShareTheirWork) {
  wf::Tensor shared = wf::exp(wf::tensor({0.0, 1.0}));
  wf::Tensor a = shared + 1, b = shared * 2;
  int64_t before = statistics().evaluations;
  ASSERT_TRUE(wf::eval({a, b}).ok());
  EXPECT_EQ(statistics().evaluations, before + 1);
  EXPECT_FLOAT_EQ(values(a)[0], 2);
  EXPECT_FLOAT_EQ(values(b)[0], 2);
}

TEST(Evaluate, AnInputThatIsAlsoAResultIsReturned) {
  wf::Tensor x = wf::tensor({1.0, 2.0});
  wf::Tensor y = wf::reshape(x, {2, 1});
  EXPECT_THAT(values(y), ElementsAre(1, 2));
}

TEST(Evaluate, PreparedWeightsAreMadeOncePerSetOfWeights) {
  wf::nn::BatchNorm bn(2);
  bn.weight = wf::tensor({1.0, 1.0});
  bn.bias = wf::tensor({0.0, 0.0});
  bn.running_mean = wf::tensor({1.0, 2.0});
  bn.running_var = wf::tensor({1.0, 1.0});
  wf::Tensor x = wf::ones({1, 2, 1, 1});
  ASSERT_TRUE(x.eval().ok()) << "an input, not a constant";
  EXPECT_NEAR(values(bn(x))[1], -1, 1e-4);
  int64_t before = statistics().prepares;
  EXPECT_NEAR(values(bn(x))[1], -1, 1e-4);
  EXPECT_EQ(statistics().prepares, before) << "the weights are the same";
  bn.running_mean = wf::tensor({1.0, 5.0});
  EXPECT_NEAR(values(bn(x))[1], -4, 1e-4);
  EXPECT_EQ(statistics().prepares, before + 1) << "a weight was replaced";
}

// Their objects come to lie where the last ones were.
TEST(Evaluate, WeightsThatFollowOthersAreNotTakenForThem) {
  wf::Tensor x = wf::ones({4});
  ASSERT_TRUE(x.eval().ok());
  for (int i = 0; i < 4; ++i) {
    wf::nn::Parameter weight =
        wf::Tensor::from_host<float>(std::vector<float>(4, float(i)));
    for (int repeat : {0, 1})
      EXPECT_NEAR(values(x * (weight + 2))[3], i + 2, 1e-6) << repeat;
  }
}

TEST(Evaluate, DeepChainsNeedNoStack) {
  wf::Tensor x = wf::tensor({0.0});
  for (int i = 0; i < 300; ++i)
    x = x + 2;
  EXPECT_THAT(values(x), ElementsAre(600));
}

TEST(EvaluateThread, EightThreadsGetTheBitsOfOne) {
  wf::Tensor w = wf::iota({64, 64}, 1) / 64;
  ASSERT_TRUE(w.eval().ok());
  auto compute = [&] {
    return values(wf::softmax(wf::matmul(w, w) + wf::sin(w), 1));
  };
  std::vector<float> expected = compute();
  std::vector<std::vector<float>> results(8);
  std::vector<std::thread> threads;
  for (auto &result : results)
    threads.emplace_back([&] { result = compute(); });
  for (std::thread &thread : threads)
    thread.join();
  for (const auto &result : results)
    EXPECT_EQ(result, expected);
}

TEST(EvaluateThread, OneTensorMayBeReadByMany) {
  for (int round = 0; round < 20; ++round) {
    wf::Tensor y = wf::exp(wf::ones({round + 1}));
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] { EXPECT_NEAR(values(y)[0], 2.7182817, 1e-5); });
    for (std::thread &thread : threads)
      thread.join();
  }
}

TEST(Explain, TellsHowFarItIs) {
  std::mutex mutex;
  std::vector<std::pair<int64_t, int64_t>> calls;
  wf::compiler::setProgress(
      [&](wf::compiler::Activity, int64_t done, int64_t total) {
        std::lock_guard lock(mutex);
        calls.emplace_back(done, total);
      });
  // Two reductions over different axes: two kernels.
  wf::Tensor x = wf::tensor({{1.0, -2.0}, {3.0, 4.0}});
  std::vector<wf::NodePtr> roots = {wf::sum(x, {0}).node(),
                                    wf::sum(x, {1}).node()};
  auto stages = wf::compiler::explain(roots, {.target = "cpu"});
  wf::compiler::setProgress({});
  ASSERT_TRUE(stages.ok()) << stages.status();
  EXPECT_EQ(stages->launches, 2);
  using testing::Pair;
  EXPECT_THAT(
      calls, testing::UnorderedElementsAre(Pair(0, 2), Pair(1, 2), Pair(2, 2)));
  EXPECT_THAT(calls.front(), Pair(0, 2));
}

TEST(Explain, ShowsEveryStage) {
  wf::Tensor y = wf::relu(wf::tensor({1.0, -2.0}) * 3);
  std::vector<wf::NodePtr> roots = {y.node()};
  auto stages = wf::compiler::explain(roots, {.target = "cuda:sm_90a"});
  ASSERT_TRUE(stages.ok()) << stages.status();
  EXPECT_EQ(stages->recordedOps, 2);
  EXPECT_EQ(stages->launches, 1);
  EXPECT_THAT(stages->graph, testing::HasSubstr("weft.mul"));
  EXPECT_THAT(stages->fused, testing::HasSubstr("weft.group"));
  ASSERT_EQ(stages->kernels.size(), 1u);
  EXPECT_THAT(stages->kernels[0].source, testing::HasSubstr("__global__"));
}

// A trace has the numbers of the program, so that it gives the same values.
TEST(Explain, ATraceRunsAsTheProgramDid) {
  const wf::Device cpu = wf::Device::cpu();
  wf::Tensor x = wf::arange(0, 4, 1, wf::float32, cpu), y = x * 3 + 0.5;
  std::vector<wf::NodePtr> roots = {y.node()};
  auto stages = wf::compiler::explain(roots, {.target = "cpu"});
  ASSERT_TRUE(stages.ok()) << stages.status();
  auto module = CompiledModule::compile(stages->trace, "trace.mlir", cpu);
  ASSERT_TRUE(module.ok()) << module.status();
  std::vector<CompiledModule::Argument> arguments;
  for (const auto &input : (*module)->inputs()) {
    ASSERT_EQ(input.number.has_value(), input.isNumber);
    if (input.isNumber)
      arguments.push_back({nullptr, *input.number});
    else
      arguments.push_back({x.node()->storage, {}});
  }
  auto results = (*module)->run(arguments);
  ASSERT_TRUE(results.ok()) << results.status();
  const auto *values = static_cast<const float *>((*results)[0]->data());
  EXPECT_THAT(std::vector<float>(values, values + 4),
              testing::ElementsAre(0.5, 3.5, 6.5, 9.5));
}

TEST(Explain, NamesWhatIsWrongWithAModule) {
  auto message = [](std::string_view text) {
    auto stages = wf::compiler::explain(text, "net.mlir");
    EXPECT_FALSE(stages.ok());
    return std::string(stages.status().message());
  };
  EXPECT_THAT(message("not mlir"), testing::HasSubstr("net.mlir"));
  EXPECT_EQ(message("module {}"),
            "net.mlir:1:1: no function @main with a body");
  EXPECT_THAT(message("func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {\n"
                      "  return %x : tensor<?xf32>\n}\n"),
              testing::HasSubstr("neither a tensor of static shape nor a "
                                 "number: 'tensor<?xf32>'"));
  EXPECT_EQ(message("func.func @main(%x: tensor<1x1x1x1x1x1x1x1x1xf32>) {\n"
                    "  return\n}\n"),
            "net.mlir:1:1: too many dims: got 9, limit 8");
  EXPECT_EQ(message("func.func @main(%x: tensor<9223372036854775807xf32>) {\n"
                    "  return\n}\n"),
            "net.mlir:1:1: func.func: too many elements: shape "
            "[9223372036854775807], limit 576460752303423488");
}

TEST(Explain, RefusesUnknownTargets) {
  auto stages =
      wf::compiler::explain("module {}", "net.mlir", {.target = "cuda:90"});
  EXPECT_EQ(stages.status().message(),
            "target: got \"cuda:90\", expected cpu, cuda or an architecture: "
            "cuda:sm_80, cuda:sm_90a, ...");
  for (const char *target :
       {"", "cuda:", "cuda:sm_", "cuda:sm_8", "cuda:sm_9a", "cuda:sm_090",
        "cuda:sm_90x", "cuda:sm_90aa", "cuda:sm_1000", "cuda:sm_9 0",
        "cuda:sm_999999999999"})
    EXPECT_FALSE(wf::compiler::checkTarget(target).ok()) << target;
  for (const char *target :
       {"cpu", "cuda", "cuda:sm_75", "cuda:sm_90a", "cuda:sm_120f"})
    EXPECT_TRUE(wf::compiler::checkTarget(target).ok()) << target;
}

} // namespace
