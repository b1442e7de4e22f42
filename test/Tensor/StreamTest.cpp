// SPDX-License-Identifier: Apache-2.0
// Executables on streams and in memory of the caller's.
#include "Values.h"

#include "weft/Compile.h"
#include "weft/NN/Parameter.h"
#include "weft/Runtime.h"

#include "runtime/Driver.h"
#include "runtime/Gpu.h"

#include <atomic>
#include <chrono>
#include <dlfcn.h>
#include <thread>

namespace weft {
namespace {

using runtime::CudaEvent;
using runtime::CudaPointer;
using runtime::CudaStream;
using runtime::Driver;

/// What a program with its own CUDA code has: a context, two streams, an event.
class StreamGpu : public testing::Test {
protected:
  void SetUp() override {
    if (!is_usable(Device::gpu()).ok())
      GTEST_SKIP() << "no GPU";
    driver_ = *Driver::get();
    ASSERT_EQ(driver_->ctxPushCurrent((*runtime::Gpu::get(0))->context()), 0);
    for (CudaStream *stream : {&first_, &second_})
      ASSERT_EQ(driver_->streamCreate(stream, runtime::cuda::nonBlockingStream),
                0);
    ASSERT_EQ(
        driver_->eventCreate(&between_, runtime::cuda::eventDisableTiming), 0);
  }
  void TearDown() override {
    if (!driver_)
      return;
    driver_->eventDestroy(between_);
    driver_->streamDestroy(first_);
    driver_->streamDestroy(second_);
    runtime::CudaContext context;
    driver_->ctxPopCurrent(&context);
  }

  CudaPointer allocate(int64_t elements) {
    CudaPointer memory = 0;
    EXPECT_EQ(driver_->memAlloc(&memory, static_cast<size_t>(elements) * 4), 0);
    return memory;
  }

  const Driver *driver_ = nullptr;
  CudaStream first_ = nullptr, second_ = nullptr;
  CudaEvent between_ = nullptr;
};

/// Holds the work behind it on a stream until it is released, or until a test
/// that waits for that work has failed.
class Hold {
public:
  explicit Hold(CudaStream stream) {
    auto *launch =
        reinterpret_cast<int (*)(CudaStream, void (*)(void *), void *)>(
            dlsym(dlopen("libcuda.so.1", RTLD_NOW), "cuLaunchHostFunc"));
    EXPECT_EQ(launch(stream, wait, this), 0);
  }
  ~Hold() {
    released_ = true;
    while (!ended_)
      std::this_thread::yield();
  }
  bool isHolding() const { return !ended_; }

private:
  static void wait(void *data) {
    auto &hold = *static_cast<Hold *>(data);
    for (int i = 0; i < 5000 && !hold.released_; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    hold.ended_ = true;
  }

  std::atomic<bool> released_ = false, ended_ = false;
};

Tensor plus_one(const Tensor &x) { return x + 1; }
Tensor twice(const Tensor &x) { return x * 2; }

TEST_F(StreamGpu, TwoStreamsAndAnEvent) {
  // Large enough that the second stream would overtake the first.
  constexpr int64_t kCount = 1 << 24;
  const InputSpec spec{float32, {kCount}};
  StatusOr<Executable> add = compile(plus_one, {spec}, {Device::gpu()});
  StatusOr<Executable> mul = compile(twice, {spec}, {Device::gpu()});
  ASSERT_TRUE(add.ok() && mul.ok()) << add.status() << mul.status();

  const CudaPointer in = allocate(kCount), middle = allocate(kCount),
                    out = allocate(kCount);
  int released = 0;
  {
    auto wrap = [&](CudaPointer memory) {
      return borrow(
          reinterpret_cast<void *>(memory), float32, {kCount},
          {.device = Device::gpu(), .on_release = [&] { ++released; }});
    };
    Tensor x = wrap(in), y = wrap(middle), z = wrap(out);
    std::vector<float> host(kCount), result(kCount, -1);
    for (size_t i = 0; i < host.size(); ++i)
      host[i] = static_cast<float>(i % 1000);

    // The caller's copy, Weft, the caller's event, Weft, the caller's copy.
    ASSERT_EQ(driver_->memcpyHtoDAsync(in, host.data(), kCount * 4, first_), 0);
    ASSERT_TRUE(add->run({x}, {y}, {.stream = first_}).ok());
    ASSERT_EQ(driver_->eventRecord(between_, first_), 0);
    ASSERT_EQ(driver_->streamWaitEvent(second_, between_, 0), 0);
    ASSERT_TRUE(mul->run({y}, {z}, {.stream = second_}).ok());
    ASSERT_EQ(driver_->memcpyDtoHAsync(result.data(), out, kCount * 4, second_),
              0);
    ASSERT_EQ(driver_->streamSynchronize(second_), 0);
    for (size_t i = 0; i < host.size(); ++i)
      ASSERT_EQ(result[i], (host[i] + 1) * 2) << i;
  }
  ASSERT_TRUE(synchronize(Device::gpu()).ok());
  EXPECT_EQ(released, 3);
  for (CudaPointer memory : {in, middle, out})
    driver_->memFree(memory);
}

TEST_F(StreamGpu, WeftOrdersItsOwnTensorsAcrossStreams) {
  // No event of the caller's: Weft knows which stream wrote y.
  const InputSpec spec{float32, {1 << 24}};
  StatusOr<Executable> add = compile(plus_one, {spec}, {Device::gpu()});
  ASSERT_TRUE(add.ok()) << add.status();
  Tensor x = zeros({1 << 24}, float32, Device::gpu());
  for (int i = 0; i < 10; ++i) {
    auto y = add->run({x}, {.stream = i % 2 ? first_ : second_});
    ASSERT_TRUE(y.ok()) << y.status();
    x = y->front();
  }
  EXPECT_EQ(*max(x).item<float>(), 10);
  EXPECT_EQ(*min(x).item<float>(), 10);
}

// What the host brings and takes does not wait for other work under way.
TEST_F(StreamGpu, CopiesOfTheHostPassWhatTheyDoNotNeed) {
  constexpr int64_t kCount = 1 << 20;
  const InputSpec spec{float32, {kCount}};
  StatusOr<Executable> add = compile(plus_one, {spec}, {Device::gpu()});
  StatusOr<Executable> small =
      compile(twice, {{float32, {2}}}, {Device::gpu()});
  ASSERT_TRUE(add.ok() && small.ok()) << add.status() << small.status();
  Tensor ones = ones_like(zeros({kCount}, float32, Device::gpu()));
  // What the device and the driver do once.
  auto warm = add->run({ones});
  ASSERT_TRUE(warm.ok() && synchronize(Device::gpu()).ok());

  auto upload = [](std::vector<float> values) {
    return Tensor::from_host<float>(values, Shape{2}, Device::gpu());
  };
  auto first = small->run({upload({1, 2})});
  ASSERT_TRUE(first.ok()) << first.status();
  auto y = add->run({ones});
  ASSERT_TRUE(y.ok()) << y.status();
  Tensor input;
  {
    // Behind what the host needs, and before what it does not.
    Hold hold((*runtime::Gpu::get(0))->stream());
    for (int i = 0; i < 2; ++i) {
      y = add->run({y->front()});
      ASSERT_TRUE(y.ok()) << y.status();
    }
    EXPECT_TRUE(hold.isHolding()) << "enqueuing waits";
    input = upload({3, 4});
    EXPECT_TRUE(hold.isHolding()) << "copies to the device wait";
    EXPECT_THAT(*first->front().to_vector<float>(), testing::ElementsAre(2, 4));
    EXPECT_TRUE(hold.isHolding()) << "copies to the host wait";
  }
  // Work waits for what it needs all the same.
  auto second = small->run({input});
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_THAT(*second->front().to_vector<float>(), testing::ElementsAre(6, 8));
  EXPECT_EQ(*max(y->front()).item<float>(), 4);
}

// A graph of the caller's holds runs whose input Weft brought from the host.
TEST_F(StreamGpu, RunsOnAStreamThatItsOwnerCaptures) {
  constexpr int64_t kCount = 1 << 20;
  const InputSpec spec{float32, {kCount}};
  StatusOr<Executable> add = compile(plus_one, {spec}, {Device::gpu()});
  StatusOr<Executable> mul = compile(twice, {spec}, {Device::gpu()});
  ASSERT_TRUE(add.ok() && mul.ok()) << add.status() << mul.status();
  Tensor x = Tensor::from_host<float>(std::vector<float>(kCount, 4),
                                      Shape{kCount}, Device::gpu());
  // Leaves memory in the pool that other streams may still be at.
  for (int i = 0; i < 3; ++i) {
    auto y = add->run({copy(copy(x, Device::cpu()), Device::gpu())});
    ASSERT_TRUE(y.ok()) << y.status();
  }
  ASSERT_EQ(driver_->streamBeginCapture(first_, runtime::cuda::captureRelaxed),
            0);
  auto y = add->run({x}, {.stream = first_});
  ASSERT_TRUE(y.ok()) << y.status();
  auto z = mul->run({y->front()}, {.stream = first_});
  ASSERT_TRUE(z.ok()) << z.status();
  runtime::CudaGraph graph = nullptr;
  runtime::CudaGraphExec executable = nullptr;
  ASSERT_EQ(driver_->streamEndCapture(first_, &graph), 0);
  ASSERT_EQ(driver_->graphInstantiate(&executable, graph, 0), 0);
  ASSERT_EQ(driver_->graphLaunch(executable, first_), 0);
  ASSERT_EQ(driver_->streamSynchronize(first_), 0);
  EXPECT_EQ(*min(z->front()).item<float>(), 10);
  EXPECT_EQ(*max(z->front()).item<float>(), 10);
  EXPECT_EQ(driver_->graphExecDestroy(executable), 0);
  EXPECT_EQ(driver_->graphDestroy(graph), 0);
}

// Its owner may let go of everything else.
TEST_F(StreamGpu, AGraphOfTheCallersHoldsWhatItWorksOn) {
  constexpr int64_t kCount = 1 << 16;
  auto upload = [&](float even, float odd) {
    std::vector<float> values(kCount);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = i % 2 ? odd : even;
    return Tensor::from_host<float>(values, Shape{kCount}, Device::gpu());
  };
  const CudaPointer memory = allocate(kCount);
  runtime::CudaGraph graph = nullptr;
  runtime::CudaGraphExec executable = nullptr;
  std::atomic<bool> released = false;
  {
    // Prepared weights, and a sum between two kernels.
    nn::Parameter shift = upload(0, 0);
    auto net = [&](const Tensor &x) {
      return x / sum(x) * (exp(shift) + kCount - 1);
    };
    auto exe = compile(net, {{float32, {kCount}}}, {Device::gpu()});
    ASSERT_TRUE(exe.ok()) << exe.status();
    Tensor x = upload(1, 3);
    Tensor y = borrow(
        reinterpret_cast<void *>(memory), float32, {kCount},
        {.device = Device::gpu(), .on_release = [&] { released = true; }});
    constexpr int kGlobal = 0; // the strictest mode
    ASSERT_EQ(driver_->streamBeginCapture(first_, kGlobal), 0);
    Status status = exe->run({x}, {y}, {.stream = first_});
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_EQ(driver_->streamEndCapture(first_, &graph), 0);
  }
  ASSERT_EQ(driver_->graphInstantiate(&executable, graph, 0), 0);
  ASSERT_EQ(driver_->graphDestroy(graph), 0);
  std::vector<Tensor> others;
  for (int i = 0; i < 16; ++i)
    others.push_back(upload(7, 7));
  std::vector<float> result(kCount);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(driver_->graphLaunch(executable, second_), 0);
    ASSERT_EQ(
        driver_->memcpyDtoHAsync(result.data(), memory, kCount * 4, second_),
        0);
    ASSERT_EQ(driver_->streamSynchronize(second_), 0);
    for (size_t j = 0; j < result.size(); ++j)
      ASSERT_NEAR(result[j], j % 2 ? 1.5 : 0.5, 1e-5) << j;
  }
  for (const Tensor &other : others) {
    EXPECT_EQ(*min(other).item<float>(), 7);
    EXPECT_EQ(*max(other).item<float>(), 7);
  }
  EXPECT_FALSE(released);
  EXPECT_EQ(driver_->graphExecDestroy(executable), 0);
  for (int i = 0; i < 5000 && !released; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(released);
  driver_->memFree(memory);
}

// One handle, but a stream of each thread's own.
TEST_F(StreamGpu, WeftOrdersItsOwnTensorsAcrossStreamsOfThreads) {
  const auto perThread = reinterpret_cast<CudaStream>(2);
  const InputSpec spec{float32, {1 << 24}};
  StatusOr<Executable> add = compile(plus_one, {spec}, {Device::gpu()});
  ASSERT_TRUE(add.ok()) << add.status();
  Tensor x = zeros({1 << 24}, float32, Device::gpu());
  auto step = [&] {
    auto y = add->run({x}, {.stream = perThread});
    ASSERT_TRUE(y.ok()) << y.status();
    x = y->front();
  };
  for (int i = 0; i < 5; ++i) {
    step();
    std::thread(step).join();
  }
  EXPECT_EQ(*max(x).item<float>(), 10);
  EXPECT_EQ(*min(x).item<float>(), 10);
}

// Memory comes back from work on one stream to a copy on another.
TEST_F(StreamGpu, MemoryIsNotWrittenWhileOthersReadIt) {
  constexpr int64_t kCount = 1 << 22;
  const InputSpec spec{float32, {kCount}};
  StatusOr<Executable> add = compile(plus_one, {spec}, {Device::gpu()});
  ASSERT_TRUE(add.ok()) << add.status();
  std::vector<Tensor> results;
  for (int i = 0; i < 32; ++i) {
    std::vector<float> values(kCount, static_cast<float>(i));
    // The input is given back to the pool while kernels still read it.
    auto y = add->run(
        {Tensor::from_host<float>(values, Shape{kCount}, Device::gpu())});
    ASSERT_TRUE(y.ok()) << y.status();
    results.push_back(y->front());
  }
  for (int i = 0; i < 32; ++i) {
    EXPECT_EQ(*min(results[i]).item<float>(), i + 1);
    EXPECT_EQ(*max(results[i]).item<float>(), i + 1);
  }
}

} // namespace
} // namespace weft
