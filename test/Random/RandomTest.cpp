// SPDX-License-Identifier: Apache-2.0
// Random graphs: the generator itself, and every way to run a graph against the
// reference interpreter.
//
//   weft-random-tests [--seed N] [--count N] [--large] [--print]
#include "Compare.h"
#include "Options.h"
#include "RandomGraph.h"

#include "test/BackEnds/BackEnds.h"
#include "test/Target/CUDA/CompileCheck.h"
#include "weft/Runtime.h"
#include "weft/Target/CUDA/Emit.h"
#include "weft/Transforms/Pipelines.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <deque>
#include <iostream>

namespace weft::random {
namespace {

std::string textOf(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module.print(os);
  return text;
}

class RandomTest : public testing::Test {
protected:
  RandomTest() : context(mlir::MLIRContext::Threading::DISABLED) {}

  mlir::OwningOpRef<mlir::ModuleOp> graph(uint64_t seed) {
    return randomGraph(&context, seed, optionsOf(seed, options().large));
  }

  /// Calls `test` on every graph; a failure says which graph it is.
  template <typename Test> void forEachGraph(Test test) {
    for (int i = 0; i < options().numGraphs; ++i) {
      uint64_t seed = options().firstSeed + static_cast<uint64_t>(i);
      mlir::OwningOpRef<mlir::ModuleOp> module = graph(seed);
      std::string text = textOf(*module);
      if (options().print)
        std::cout << text;
      SCOPED_TRACE("--seed " + std::to_string(seed) +
                   (options().large ? " --large" : "") + " --count 1\n" + text);
      test(*module, seed);
      if (isEnough())
        return;
    }
  }

  /// Runs all graphs on a back end, `batch` at a time.
  template <typename Run> void compareWith(Run run, int batch) {
    int64_t numCompared = 0;
    for (int i = 0; i < options().numCompiledGraphs && !isEnough(); i += batch)
      compareBatch(run, i, std::min(i + batch, options().numCompiledGraphs),
                   numCompared);
    EXPECT_TRUE(HasFailure() || numCompared > 0);
    std::cout << options().numCompiledGraphs << " graphs, " << numCompared
              << " elements compared\n";
  }

  mlir::MLIRContext context;

private:
  /// A wide run shows more than one mistake, but not the same one for ever.
  static bool isEnough() {
    constexpr int kMost = 10;
    const auto *result =
        testing::UnitTest::GetInstance()->current_test_info()->result();
    return result->total_part_count() >= kMost;
  }

  template <typename Run>
  void compareBatch(Run run, int begin, int end, int64_t &numCompared) {
    std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
    std::deque<reference::Arguments> arguments;
    std::vector<test::Job> jobs;
    for (int i = begin; i < end; ++i) {
      modules.push_back(graph(options().firstSeed + i));
      arguments.push_back(
          randomArguments(*modules.back(), options().firstSeed + i));
      jobs.push_back({*modules.back(), &arguments.back()});
    }
    std::vector<test::Results> results = run(jobs);
    ASSERT_EQ(results.size(), jobs.size());
    for (size_t i = 0; i < jobs.size(); ++i) {
      SCOPED_TRACE("--seed " + std::to_string(options().firstSeed + begin + i) +
                   (options().large ? " --large" : "") + " --count 1\n" +
                   textOf(jobs[i].module));
      auto expected = expectedResults(jobs[i].module, *jobs[i].arguments);
      ASSERT_TRUE(expected.ok()) << expected.status();
      EXPECT_TRUE(results[i].ok()) << results[i].status();
      if (results[i].ok())
        EXPECT_EQ(confirmedDifference(jobs[i].module, *jobs[i].arguments,
                                      *expected, *results[i], numCompared),
                  "");
    }
  }
};

TEST_F(RandomTest, GraphsAreValidAndDeterministic) {
  std::map<std::string, int> ops;
  forEachGraph([&](mlir::ModuleOp module, uint64_t seed) {
    EXPECT_TRUE(mlir::succeeded(mlir::verify(module)));
    EXPECT_EQ(textOf(module), textOf(*graph(seed)));
    module.walk([&](mlir::Operation *op) {
      if (ir::opKind(op))
        ++ops[std::string(ir::mnemonic(op))];
    });
  });
  // Every op that the tracer records turns up.
  if (options().numGraphs < 300)
    return;
#define WEFT_OP(mnemonic) EXPECT_GT(ops[#mnemonic], 0) << #mnemonic;
#include "weft/IR/OpKinds.inc"
#undef WEFT_OP
}

TEST_F(RandomTest, MostElementsCanBeCompared) {
  int64_t numElements = 0, numCompared = 0;
  forEachGraph([&](mlir::ModuleOp module, uint64_t seed) {
    auto expected = expectedResults(module, randomArguments(module, seed));
    ASSERT_TRUE(expected.ok()) << expected.status();
    std::vector<reference::Value> exact;
    for (const Expected &result : *expected) {
      exact.push_back(result.value);
      numElements += result.value.size();
    }
    EXPECT_EQ(findDifference(*expected, exact, numCompared), "");
  });
  std::cout << numCompared << " of " << numElements
            << " elements have a finite tolerance\n";
  EXPECT_GT(numCompared * 10, numElements * 8);
}

TEST_F(RandomTest, PassesKeepTheMeaning) {
  using enum PipelineStage;
  int64_t numCompared = 0, numSums = 0; // on tensor cores
  auto takesAllSums = [&](mlir::Operation *product) {
    numSums += takesSum(product, {});
    return true;
  };
  forEachGraph([&](mlir::ModuleOp module, uint64_t seed) {
    reference::Arguments arguments = randomArguments(module, seed);
    auto expected = expectedResults(module, arguments);
    ASSERT_TRUE(expected.ok()) << expected.status();
    for (auto [until, channelsLast] :
         {std::pair{graph, false}, std::pair{folded, false},
          std::pair{folded, true}, std::pair{fused, false},
          std::pair{fused, true}, std::pair{plan, false}}) {
      mlir::OwningOpRef<mlir::ModuleOp> changed = module.clone();
      mlir::PassManager passes(&context);
      buildPipeline(
          passes, {.until = until,
                   .channelsLast = channelsLast,
                   .takesSum = channelsLast ? SumRule(takesAllSums) : nullptr});
      ASSERT_TRUE(mlir::succeeded(passes.run(*changed)));
      auto results = interpret(*changed, arguments);
      ASSERT_TRUE(results.ok()) << results.status();
      EXPECT_EQ(confirmedDifference(module, arguments, *expected, *results,
                                    numCompared),
                "")
          << "after stage " << static_cast<int>(until) << "\n"
          << textOf(*changed);
    }
  });
  EXPECT_TRUE(HasFailure() || numCompared > 0);
  EXPECT_TRUE(options().numGraphs < 300 || numSums > 0);
  std::cout << options().numGraphs << " graphs, " << numCompared
            << " elements compared, " << numSums << " sums of products\n";
}

TEST_F(RandomTest, CpuAgrees) { compareWith(test::runOnCpu, 10); }

TEST_F(RandomTest, EmulatedCudaAgrees) { compareWith(test::runEmulated, 100); }

TEST_F(RandomTest, NvrtcCompilesWithoutAWarning) {
  auto nvrtc = runtime::Nvrtc::get();
  if (!nvrtc.ok())
    GTEST_SKIP() << nvrtc.status();
  for (const char *architecture : cuda_tests::kArchitectures) {
    std::vector<emulator::Source> sources;
    for (int i = 0; i < options().numCompiledGraphs / 8; ++i) {
      mlir::OwningOpRef<mlir::ModuleOp> module = graph(options().firstSeed + i);
      auto kernels = test::cudaKernelsOf({*module, nullptr}, architecture);
      ASSERT_TRUE(kernels.ok()) << kernels.status();
      sources.insert(sources.end(), kernels->begin(), kernels->end());
    }
    EXPECT_THAT(cuda_tests::findWarnings(**nvrtc, architecture, sources),
                testing::IsEmpty())
        << architecture;
  }
}

TEST_F(RandomTest, GpuAgrees) {
  if (Status status = is_usable(Device::gpu()); !status.ok())
    GTEST_SKIP() << "no GPU: " << status;
  compareWith(test::runOnGpu, 10);
}

TEST_F(RandomTest, DifferencesAreFound) {
  std::vector<Expected> expected = {
      {{float32, {2}, {1, 2}, {}}, {1e-6, 1e-6}},
      {{int32, {2}, {}, {3, 4}}, {0, std::numeric_limits<double>::infinity()}}};
  int64_t n = 0;
  EXPECT_EQ(findDifference(
                expected,
                {{float32, {2}, {1, 2 + 5e-7}, {}}, {int32, {2}, {}, {3, 9}}},
                n),
            "");
  EXPECT_EQ(n, 3);
  EXPECT_THAT(findDifference(
                  expected,
                  {{float32, {2}, {1, 2.5}, {}}, {int32, {2}, {}, {3, 4}}}, n),
              testing::HasSubstr("result 0 (float32 [2]), element 1: expects "
                                 "2, got 2.5, tolerance"));
  EXPECT_THAT(findDifference(expected,
                             {{float32, {2}, {1, std::nan("")}, {}},
                              {int32, {2}, {}, {3, 4}}},
                             n),
              testing::HasSubstr("element 1: expects 2, got nan"));
  EXPECT_THAT(
      findDifference(expected,
                     {{float32, {2}, {1, 2}, {}}, {int32, {2}, {}, {2, 4}}}, n),
      testing::HasSubstr("result 1 (int32 [2]), element 0"));
  EXPECT_EQ(findDifference(expected, {}, n), "expects 2 results, got 0");
}

} // namespace
} // namespace weft::random
