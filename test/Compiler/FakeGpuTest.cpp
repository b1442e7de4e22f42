// SPDX-License-Identifier: Apache-2.0
// What executables keep on a GPU, and for which context. The children have a
// GPU and a compiler that compute nothing (test/Runtime/Fakes).
#include "test/Runtime/ChildTest.h"

#include "weft/Compile.h"
#include "weft/Explain.h"
#include "weft/Functions.h"
#include "weft/NN/Parameter.h"
#include "weft/Runtime.h"

#include "runtime/Gpu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <optional>

namespace weft {
namespace {

using testing::HasSubstr;

Tensor input(const Shape &shape) {
  return Tensor::from_host<float>(
      std::vector<float>(static_cast<size_t>(shape.num_elements()), 1), shape);
}

void say(const char *what, const Status &status) {
  std::printf("%s: %s\n", what,
              status.ok() ? "ok" : std::string(status.message()).c_str());
}

// Not a test of its own: prepared weights whose last run is never over.
TEST(FakeGpuChild, DISABLED_PreparedWeights) {
  constexpr int64_t kCount = int64_t(1) << 20;
  auto live = [] { return memory_stats(Device::gpu()).live / (kCount * 4); };
  std::optional<Executable> exe;
  {
    nn::Parameter weight =
        Tensor::from_host<float>(std::vector<float>(kCount, 1), Shape{kCount});
    auto net = [&](const Tensor &x) { return x * exp(weight); };
    exe = *compile(net, {{float32, {}}});
  }
  say("run", exe->run({input({})}).status());
  std::printf("kept: %d\n", static_cast<int>(live()));
  setenv("FAKE_CUDA", "stuck", 1);
  exe.reset();
  std::printf("left: %d\n", static_cast<int>(live()));
}

// Nor this: one graph in two contexts of a device.
TEST(FakeGpuChild, DISABLED_Contexts) {
  auto half = [](const Tensor &x) { return x / 2; };
  auto evaluate = [&](const char *what) {
    const Statistics before = statistics();
    say(what, half(input({64})).eval());
    const Statistics now = statistics();
    std::printf("loaded anew: %d, reused: %d\n",
                static_cast<int>(now.graphs_compiled - before.graphs_compiled +
                                 now.graphs_loaded - before.graphs_loaded),
                static_cast<int>(now.graphs_reused - before.graphs_reused));
  };
  StatusOr<Executable> exe = compile(half, {{float32, {64}}});
  say("compile", exe.status());
  evaluate("first");
  evaluate("first");
  int another = 0;
  (*runtime::Gpu::get(0))
      ->driver()
      .ctxPushCurrent(reinterpret_cast<runtime::CudaContext>(&another));
  evaluate("second");
  evaluate("second");
  say("run", exe->run({input({64})}).status());
}

std::string report(const char *name) {
  return runtime::outputOfChild(std::string("FakeGpuChild.DISABLED_") + name,
                                WEFT_TEST_DRIVER,
                                {{"FAKE_CUDA", "nothing"},
                                 {"WEFT_DEVICE", "gpu"},
                                 {"WEFT_NVRTC", WEFT_TEST_NVRTC},
                                 {"WEFT_LOG", nullptr},
                                 {"WEFT_TUNING", nullptr},
                                 {"WEFT_FLOAT32_PRECISION", nullptr},
                                 {"WEFT_CACHE_DIR", ""},
                                 {"WEFT_DUMP_DIR", nullptr}});
}

TEST(FakeGpu, PreparedWeightsGoBackToThePoolBeforeTheirLastRunIsOver) {
  EXPECT_THAT(report("PreparedWeights"),
              HasSubstr("run: ok\nkept: 1\nleft: 0\n"));
}

TEST(FakeGpu, GraphsAreThoseOfAContext) {
  EXPECT_THAT(report("Contexts"),
              HasSubstr("compile: ok\n"
                        "first: ok\nloaded anew: 0, reused: 1\n"
                        "first: ok\nloaded anew: 0, reused: 1\n"
                        "second: ok\nloaded anew: 1, reused: 0\n"
                        "second: ok\nloaded anew: 0, reused: 1\n"
                        "run: run: loaded in another CUDA context of gpu:0 "
                        "than this thread works in\n"));
}

} // namespace
} // namespace weft
