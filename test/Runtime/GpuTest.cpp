// SPDX-License-Identifier: Apache-2.0
// What needs a GPU: memory, streams, plans. Skipped where there is none.
#include "runtime/Gpu.h"

#include "runtime/Executor.h"
#include "runtime/Nvrtc.h"
#include "runtime/StreamOrder.h"
#include "weft/Runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

namespace weft::runtime {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using Kind = BufferRef::Kind;

constexpr const char *kText = R"(
extern "C" __global__ void scale(const float *x, float factor, float *y,
                                 int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = x[i] * factor;
}
extern "C" __global__ void delayed_set(float *y, float value, long long clocks,
                                       int n) {
  long long begin = clock64();
  while (clock64() - begin < clocks) {}
  for (int i = threadIdx.x; i < n; i += blockDim.x) y[i] = value;
}
extern "C" __global__ void big_shared(float *y) {
  extern __shared__ float shared[];
  shared[20000 + threadIdx.x] = threadIdx.x;
  __syncthreads();
  y[threadIdx.x] = shared[20000 + 31 - threadIdx.x];
}
extern "C" __global__ void wild(float *y) { *(volatile float *)8 = 1; }
)";

class GpuDevice : public testing::Test {
protected:
  void SetUp() override {
    if (Status status = is_usable(Device::gpu()); !status.ok())
      GTEST_SKIP() << "no GPU: " << status;
    gpu = *Gpu::get(0);
  }

  static std::string cubin() {
    static const std::string code = [] {
      auto compiled = compileCuda(kText, "kernels", *archOf(Device::gpu()));
      EXPECT_TRUE(compiled.ok()) << compiled.status();
      return compiled.ok() ? compiled->cubin : "";
    }();
    return code;
  }

  std::shared_ptr<Storage> upload(const std::vector<float> &values) {
    auto bytes = static_cast<int64_t>(values.size() * sizeof(float));
    auto storage = Storage::allocate(Device::gpu(), bytes);
    EXPECT_TRUE(storage.ok()) << storage.status();
    EXPECT_TRUE(copyFromHost(**storage, values.data(), bytes).ok());
    return *storage;
  }
  std::vector<float> download(Storage &storage) {
    std::vector<float> values(static_cast<size_t>(storage.bytes()) / 4);
    Status status = copyToHost(values.data(), storage, storage.bytes());
    EXPECT_TRUE(status.ok()) << status;
    return values;
  }
  CudaStream newStream() {
    ScopedContext scope(*gpu);
    CudaStream stream = nullptr;
    EXPECT_EQ(gpu->driver().streamCreate(&stream, cuda::nonBlockingStream), 0);
    return stream;
  }
  void destroy(CudaStream stream) {
    EXPECT_EQ(gpu->driver().streamSynchronize(stream), 0);
    EXPECT_EQ(gpu->driver().streamDestroy(stream), 0);
  }

  /// A plan of one kernel whose arguments are given.
  StatusOr<std::shared_ptr<const LoadedPlan>>
  planOf(const char *kernel, std::vector<Argument> arguments,
         std::vector<DType> scalars, int inputs, int outputs, unsigned grid,
         unsigned block, unsigned shared = 0) {
    Plan plan;
    plan.device = Device::Kind::gpu;
    plan.inputs.resize(static_cast<size_t>(inputs));
    plan.outputs.resize(static_cast<size_t>(outputs));
    plan.scalars = std::move(scalars);
    plan.kernels = {{kernel, cubin(), kText}};
    Launch launch;
    launch.arguments = std::move(arguments);
    launch.grid[0] = grid;
    launch.block[0] = block;
    launch.sharedBytes = shared;
    plan.launches = {launch};
    plan.steps = {0};
    return LoadedPlan::load(plan, Device::gpu());
  }

  /// delayed_set(output 0, scalar 0, scalar 1, scalar 2)
  std::shared_ptr<const LoadedPlan> delayedSet() {
    auto plan = planOf("delayed_set",
                       {{false, {Kind::output, 0}, 0, float32},
                        {true, {}, 0, float32},
                        {true, {}, 1, int64},
                        {true, {}, 2, int32}},
                       {float32, int64, int32}, 0, 1, 1, 256);
    EXPECT_TRUE(plan.ok()) << plan.status();
    return *plan;
  }
  /// scale(input 0, scalar 0, output 0, scalar 1)
  std::shared_ptr<const LoadedPlan> scaling(unsigned n) {
    auto plan = planOf("scale",
                       {{false, {Kind::input, 0}, 0, float32},
                        {true, {}, 0, float32},
                        {false, {Kind::output, 0}, 0, float32},
                        {true, {}, 1, int32}},
                       {float32, int32}, 1, 1, (n + 255) / 256, 256);
    EXPECT_TRUE(plan.ok()) << plan.status();
    return *plan;
  }

  /// Four floats times scalar 0, five times, through the arena.
  std::shared_ptr<const LoadedPlan> scalingFiveTimes() {
    Plan plan;
    plan.device = Device::Kind::gpu;
    plan.inputs.resize(1);
    plan.outputs.resize(1);
    plan.scalars = {float32, int32};
    plan.kernels = {{"scale", cubin(), kText}};
    plan.arenaBytes = 4 * 256;
    const BufferRef places[] = {{Kind::input, 0},   {Kind::arena, 0},
                                {Kind::arena, 256}, {Kind::arena, 512},
                                {Kind::arena, 768}, {Kind::output, 0}};
    for (int32_t i = 0; i < 5; ++i) {
      Launch launch;
      launch.arguments = {{false, places[i], 0, float32},
                          {true, {}, 0, float32},
                          {false, places[i + 1], 0, float32},
                          {true, {}, 1, int32}};
      launch.block[0] = 32;
      plan.launches.push_back(launch);
      plan.steps.push_back(i);
    }
    auto loaded = LoadedPlan::load(plan, Device::gpu());
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return *loaded;
  }

  Gpu *gpu = nullptr;
};

// About 50 ms at 2 GHz: long enough that unordered work would overtake.
constexpr int64_t kDelay = 100'000'000;

Status runDelayedSet(const LoadedPlan &plan, Storage &to, float value,
                     CudaStream stream) {
  Scalar scalars[] = {value, kDelay, static_cast<int>(to.bytes() / 4)};
  void *outputs[] = {to.data()};
  const Accesses accesses{Device::gpu(), stream, {}, {&to}};
  if (Status status = accesses.wait(); !status.ok())
    return status;
  if (Status status = plan.run({}, {}, outputs, scalars, stream); !status.ok())
    return status;
  return accesses.mark();
}

Status runScale(const LoadedPlan &plan, Storage &from, Storage &to,
                float factor, CudaStream stream) {
  Scalar scalars[] = {factor, static_cast<int>(to.bytes() / 4)};
  void *inputs[] = {from.data()}, *outputs[] = {to.data()};
  const Accesses accesses{Device::gpu(), stream, {&from}, {&to}};
  if (Status status = accesses.wait(); !status.ok())
    return status;
  if (Status status = plan.run(inputs, {}, outputs, scalars, stream);
      !status.ok())
    return status;
  return accesses.mark();
}

TEST_F(GpuDevice, IsDescribed) {
  EXPECT_FALSE(gpu->name().empty());
  EXPECT_GE(gpu->capability(), 50);
  EXPECT_GT(gpu->multiprocessors(), 0);
  EXPECT_THAT(gpu->arch(), HasSubstr("sm_"));
  EXPECT_EQ(archOf(Device::gpu()).value_or(""), gpu->arch());
  EXPECT_TRUE(synchronize(Device::gpu()).ok());
}

TEST_F(GpuDevice, MissingOneIsNamed) {
  Status status = is_usable(Device::gpu(99));
  EXPECT_EQ(status, not_found_error("gpu:99: no such device: the driver "
                                    "reports " +
                                    std::to_string(gpu->driver().deviceCount)));
}

TEST_F(GpuDevice, CopiesThereAndBack) {
  auto storage = upload({1, 2, 3});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(storage->data()) % 256, 0u);
  auto second = copyTo(*storage, Device::gpu());
  ASSERT_TRUE(second.ok()) << second.status();
  auto host = copyTo(**second, Device::cpu());
  ASSERT_TRUE(host.ok()) << host.status();
  const float *values = static_cast<float *>((*host)->data());
  EXPECT_THAT(std::vector<float>(values, values + 3), ElementsAre(1, 2, 3));
}

TEST_F(GpuDevice, RunsAPlan) {
  auto plan = scaling(1000);
  auto x = upload(std::vector<float>(1000, 3)),
       y = upload(std::vector<float>(1000));
  ASSERT_TRUE(runScale(*plan, *x, *y, 7, nullptr).ok());
  EXPECT_THAT(download(*y), Each(21));
}

TEST_F(GpuDevice, RunsKernelsWithLargeSharedMemory) {
  auto plan = planOf("big_shared", {{false, {Kind::output, 0}, 0, float32}}, {},
                     0, 1, 1, 32, 90 * 1024);
  ASSERT_TRUE(plan.ok()) << plan.status();
  auto y = upload(std::vector<float>(32));
  void *outputs[] = {y->data()};
  ASSERT_TRUE((*plan)->run({}, {}, outputs, {}).ok());
  EXPECT_EQ(download(*y)[0], 31);
  EXPECT_EQ(download(*y)[31], 0);
}

TEST_F(GpuDevice, NamesAKernelThatIsMissing) {
  auto plan = planOf("nothing", {}, {}, 0, 0, 1, 1);
  EXPECT_THAT(std::string(plan.status().message()),
              HasSubstr("plan: kernel \"nothing\": cuModuleGetFunction failed: "
                        "CUDA_ERROR_NOT_FOUND"));
}

TEST_F(GpuDevice, NamesALaunchThatIsRefused) {
  auto plan = planOf("big_shared", {{false, {Kind::output, 0}, 0, float32}}, {},
                     0, 1, 1, 4096, 0);
  ASSERT_TRUE(plan.ok()) << plan.status();
  auto y = upload(std::vector<float>(32));
  void *outputs[] = {y->data()};
  EXPECT_THAT(std::string((*plan)->run({}, {}, outputs, {}).message()),
              HasSubstr("run: kernel \"big_shared\": cuLaunchKernelEx failed: "
                        "CUDA_ERROR_INVALID_VALUE"));
}

TEST_F(GpuDevice, NamesMachineCodeThatDoesNotLoad) {
  Plan plan;
  plan.device = Device::Kind::gpu;
  plan.kernels = {{"k", "not a cubin", ""}};
  EXPECT_THAT(
      std::string(LoadedPlan::load(plan, Device::gpu()).status().message()),
      HasSubstr("plan: kernel \"k\": cuModuleLoadDataEx failed: CUDA_ERROR_"));
}

TEST_F(GpuDevice, RunOnlyEnqueues) {
  auto plan = delayedSet();
  auto y = upload(std::vector<float>(256));
  auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(runDelayedSet(*plan, *y, 5, nullptr).ok());
  auto enqueued = std::chrono::steady_clock::now() - begin;
  EXPECT_THAT(download(*y), Each(5));
  auto finished = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(enqueued * 2, finished);
}

TEST_F(GpuDevice, StreamsWaitForEachOther) {
  auto set = delayedSet(), scale = scaling(256);
  CudaStream a = newStream(), b = newStream();
  auto x = upload(std::vector<float>(256)), y = upload(std::vector<float>(256));
  ASSERT_TRUE(runDelayedSet(*set, *x, 5, a).ok());
  ASSERT_TRUE(runScale(*scale, *x, *y, 2, b).ok());      // after the write on a
  ASSERT_TRUE(runDelayedSet(*set, *x, 7, nullptr).ok()); // after the read on b
  EXPECT_THAT(download(*y), Each(10));
  EXPECT_THAT(download(*x), Each(7));
  destroy(a);
  destroy(b);
  // The streams are gone; what is known of them is not used to harm.
  ASSERT_TRUE(runScale(*scale, *x, *y, 3, nullptr).ok());
  EXPECT_THAT(download(*y), Each(21));
}

TEST_F(GpuDevice, OwnStreamIsWaitedForByOthers) {
  auto set = delayedSet(), scale = scaling(256);
  CudaStream a = newStream();
  auto x = upload(std::vector<float>(256)), y = upload(std::vector<float>(256));
  ASSERT_TRUE(runDelayedSet(*set, *x, 4, nullptr).ok());
  ASSERT_TRUE(runScale(*scale, *x, *y, 2, a).ok());
  EXPECT_THAT(download(*y), Each(8));
  destroy(a);
}

TEST_F(GpuDevice, MemoryIsNotReusedTooEarly) {
  auto set = delayedSet(), scale = scaling(256);
  CudaStream a = newStream(), b = newStream();
  auto y = upload(std::vector<float>(256)),
       ones = upload(std::vector<float>(256, 1));
  ASSERT_TRUE(set_memory_limit(Device::gpu(), 1).ok()); // nothing fresh
  ASSERT_TRUE(set_memory_limit(Device::gpu(), 0).ok());
  auto x = Storage::allocate(Device::gpu(), 1024, a);
  ASSERT_TRUE(x.ok());
  ASSERT_TRUE(runDelayedSet(*set, **x, 5, a).ok());
  ASSERT_TRUE(runScale(*scale, **x, *y, 1, a).ok());
  x->reset(); // still being written
  // Whoever gets that memory on another stream must come after.
  auto z = Storage::allocate(Device::gpu(), 1024, b);
  ASSERT_TRUE(z.ok());
  ASSERT_TRUE(runScale(*scale, *ones, **z, 9, b).ok());
  EXPECT_THAT(download(*y), Each(5));
  EXPECT_THAT(download(**z), Each(9));
  destroy(a);
  destroy(b);
}

TEST_F(GpuDevice, BorrowedMemoryIsReleasedWhenTheDeviceIsDone) {
  auto set = delayedSet();
  std::atomic<bool> released{false}, early{false};
  auto memory = upload(std::vector<float>(256));
  auto borrowed = std::make_shared<Storage>(
      Device::gpu(), memory->data(), memory->bytes(), [&, memory] {
        float value = 0;
        (void)copyToHost(&value, *memory, 4);
        early = value != 5;
        released = true;
      });
  ASSERT_TRUE(runDelayedSet(*set, *borrowed, 5, nullptr).ok());
  borrowed.reset();
  EXPECT_FALSE(released); // did not wait either
  for (int i = 0; i < 1000 && !released; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_TRUE(released);
  EXPECT_FALSE(early);
}

TEST_F(GpuDevice, PlanMayGoWhileItRuns) {
  auto set = delayedSet();
  auto x = upload(std::vector<float>(256));
  ASSERT_TRUE(runDelayedSet(*set, *x, 6, nullptr).ok());
  set.reset();
  EXPECT_THAT(download(*x), Each(6));
}

TEST_F(GpuDevice, ReplaysRunsThatComeBack) {
  auto plan = scalingFiveTimes();
  auto x = upload({1, 2, 3, 4}), y = upload({0, 0, 0, 0});
  auto run = [&](Storage &to, float factor, CudaStream stream) {
    Status status =
        plan->run({{x->data()}}, {}, {{to.data()}}, {{factor, 4}}, stream);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(gpu->driver().streamSynchronize(stream), 0);
  };
  // Captured the second time, replayed after that: on other elements too.
  CudaStream stream = newStream();
  for (int i = 0; i < 6; ++i) {
    auto n = static_cast<float>(i);
    std::vector<float> elements = {1, 2, n, 4};
    ASSERT_TRUE(copyFromHost(*x, elements.data(), 16).ok());
    run(*y, 2, i % 2 ? stream : gpu->stream());
    EXPECT_THAT(download(*y), ElementsAre(32, 64, 32 * n, 128)) << i;
  }
  // Another number, other memory, more of it than graphs are kept.
  run(*y, 1, stream);
  EXPECT_THAT(download(*y), ElementsAre(1, 2, 5, 4));
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 12; ++i) {
      auto z = upload({0, 0, 0, 0}), unused = upload({0, 0, 0, 0});
      run(i % 2 ? *z : *unused, 2, stream);
      EXPECT_THAT(download(i % 2 ? *z : *unused),
                  ElementsAre(32, 64, 160, 128));
    }
  destroy(stream);
}

TEST_F(GpuDevice, RunsOnAStreamThatItsOwnerCaptures) {
  auto plan = scalingFiveTimes();
  auto x = upload({1, 2, 3, 4}), y = upload({0, 0, 0, 0});
  const Driver &driver = gpu->driver();
  CudaStream stream = newStream();
  ScopedContext scope(*gpu);
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(
        plan->run({{x->data()}}, {}, {{y->data()}}, {{2.0f, 4}}, stream).ok());
  ASSERT_TRUE(gpu->synchronize().ok());
  ASSERT_EQ(driver.streamBeginCapture(stream, cuda::captureRelaxed), 0);
  Status status =
      plan->run({{x->data()}}, {}, {{y->data()}}, {{3.0f, 4}}, stream);
  EXPECT_TRUE(status.ok()) << status;
  CudaGraph graph = nullptr;
  CudaGraphExec executable = nullptr;
  ASSERT_EQ(driver.streamEndCapture(stream, &graph), 0);
  EXPECT_THAT(download(*y), ElementsAre(32, 64, 96, 128));
  ASSERT_EQ(driver.graphInstantiate(&executable, graph, 0), 0);
  ASSERT_EQ(driver.graphLaunch(executable, stream), 0);
  ASSERT_EQ(driver.streamSynchronize(stream), 0);
  EXPECT_THAT(download(*y), ElementsAre(243, 486, 729, 972));
  EXPECT_EQ(driver.graphExecDestroy(executable), 0);
  EXPECT_EQ(driver.graphDestroy(graph), 0);
  destroy(stream);
}

// Waiting for work outside of a graph, or asking for work inside of it, would
// end the capture.
TEST_F(GpuDevice, CapturedRunsMeetWorkOfOtherStreams) {
  auto plan = scalingFiveTimes();
  auto set = delayedSet();
  const Driver &driver = gpu->driver();
  CudaStream stream = newStream();
  ScopedContext scope(*gpu);
  auto run = [&](Storage &from, Storage &to, CudaStream on) {
    const Accesses accesses{Device::gpu(), on, {&from}, {&to}};
    Status status = accesses.wait();
    if (status.ok())
      status = plan->run({{from.data()}}, {}, {{to.data()}}, {{2.0f, 4}}, on);
    if (status.ok())
      status = accesses.mark();
    EXPECT_TRUE(status.ok()) << status;
  };
  trim();
  auto x = upload({0, 0, 0, 0}), y = upload({0, 0, 0, 0}),
       z = upload({0, 0, 0, 0}), outside = upload({0, 0, 0, 0});
  // Memory that a run worked in comes back to the pool.
  run(*x, *y, nullptr);
  ASSERT_TRUE(runDelayedSet(*set, *x, 3, nullptr).ok());

  ASSERT_EQ(driver.streamBeginCapture(stream, cuda::captureRelaxed), 0);
  run(*x, *y, stream); // x is not there yet
  run(*y, *z, stream);
  run(*x, *outside, nullptr);
  CudaGraph graph = nullptr;
  CudaGraphExec executable = nullptr;
  ASSERT_EQ(driver.streamEndCapture(stream, &graph), 0);
  EXPECT_THAT(download(*outside), Each(96));
  EXPECT_THAT(download(*z), Each(0));
  ASSERT_EQ(driver.graphInstantiate(&executable, graph, 0), 0);
  ASSERT_EQ(driver.graphLaunch(executable, stream), 0);
  ASSERT_EQ(driver.streamSynchronize(stream), 0);
  EXPECT_THAT(download(*z), Each(3072));
  EXPECT_EQ(driver.graphExecDestroy(executable), 0);
  EXPECT_EQ(driver.graphDestroy(graph), 0);
  destroy(stream);
}

TEST_F(GpuDevice, CallersContextIsRestored) {
  CudaContext before = nullptr, after = nullptr;
  gpu->driver().ctxGetCurrent(&before);
  upload({1, 2, 3});
  gpu->driver().ctxGetCurrent(&after);
  EXPECT_EQ(before, after);
}

TEST_F(GpuDevice, LimitIsKept) {
  trim();
  int64_t live = memory_stats(Device::gpu()).live;
  ASSERT_TRUE(set_memory_limit(Device::gpu(), live + 1024).ok());
  EXPECT_THAT(
      std::string(Storage::allocate(Device::gpu(), 4096).status().message()),
      HasSubstr("out of memory on gpu:0: asked for 4096 bytes, "));
  ASSERT_TRUE(set_memory_limit(Device::gpu(), 0).ok());
  EXPECT_TRUE(Storage::allocate(Device::gpu(), 4096).ok());
}

TEST_F(GpuDevice, MoreMemoryThanThereIsIsAnError) {
  Status status = Storage::allocate(Device::gpu(), int64_t(1) << 45).status();
  EXPECT_EQ(status.code(), StatusCode::resource_exhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no limit"));
}

TEST_F(GpuDevice, RunsFromSeveralThreads) {
  auto plan = scaling(256);
  auto x = upload(std::vector<float>(256, 1));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      CudaStream stream = t % 2 ? newStream() : nullptr;
      for (int i = 0; i < 100; ++i) {
        auto y = Storage::allocate(Device::gpu(), 1024, stream);
        if (!y.ok() ||
            !runScale(*plan, *x, **y, static_cast<float>(t), stream).ok()) {
          ++wrong;
          continue;
        }
        for (float value : download(**y))
          wrong += value != static_cast<float>(t);
      }
      if (stream)
        destroy(stream);
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

/// Runs a kernel that writes where nothing is; exits with 0 if that is noticed
/// when it should be.
[[noreturn]] void faultAndExit() {
  auto code = compileCuda(kText, "kernels", *archOf(Device::gpu()));
  Plan plan;
  plan.device = Device::Kind::gpu;
  plan.kernels = {{"wild", code->cubin, ""}};
  plan.inputs.resize(1);
  plan.launches.resize(1);
  plan.launches[0].arguments = {{false, {Kind::input, 0}, 0, float32}};
  plan.steps = {0};
  auto loaded = LoadedPlan::load(plan, Device::gpu());
  void *inputs[] = {nullptr};
  bool enqueued = loaded.ok() && (*loaded)->run(inputs, {}, {}, {}).ok();
  Status status = synchronize(Device::gpu());
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  std::exit(enqueued && !status.ok() ? 0 : 1);
}

// In a process of its own: a fault makes the context unusable.
TEST(GpuFault, SurfacesAtTheNextWait) {
  if (Status status = is_usable(Device::gpu()); !status.ok())
    GTEST_SKIP() << "no GPU: " << status;
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(faultAndExit(), testing::ExitedWithCode(0),
              "cuCtxSynchronize in gpu:0 failed: CUDA_ERROR_ILLEGAL_ADDRESS");
}

} // namespace
} // namespace weft::runtime
