// SPDX-License-Identifier: Apache-2.0
// What threads at once enqueue on memory, with a driver that notes what comes
// after what (Fakes/driver.cpp).
#include "runtime/StreamOrder.h"

#include "runtime/Gpu.h"

#include "ChildTest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <dlfcn.h>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace weft {
namespace {

using runtime::Storage;
using testing::HasSubstr;

/// A function that the fake driver has besides those of a driver.
template <typename Function> Function fake(const char *name) {
  return reinterpret_cast<Function>(
      dlsym(dlopen("libcuda.so.1", RTLD_NOW), name));
}

/// What the child `test` prints with the fake driver failing with `fault`.
std::string report(const char *test, const char *fault) {
  return runtime::outputOfChild(std::string("StreamOrderChild.DISABLED_") +
                                    test,
                                WEFT_TEST_DRIVER, {{"FAKE_CUDA", fault}});
}

// Not a test of its own: the mark of work that another thread enqueues right
// behind the event of the mark before.
TEST(StreamOrderChild, DISABLED_Meanwhile) {
  static runtime::Gpu &gpu = **runtime::Gpu::get(0);
  static runtime::Use meanwhile;
  runtime::CudaStream other = nullptr;
  {
    runtime::ScopedContext scope(gpu);
    gpu.driver().streamCreate(&other, 0);
  }
  const runtime::Use first = *gpu.useOf(gpu.stream());
  fake<int (*)(void (*)())>("fakeWhenRecorded")(
      [] { meanwhile = *gpu.useOf(gpu.stream()); });
  const bool waits = gpu.wait(other, first).ok();
  std::printf("%s, mark: %s\n", waits ? "waits" : "failed",
              !meanwhile.mark                ? "none"
              : meanwhile.mark == first.mark ? "old"
                                             : "new");
}

// Nor is this: threads read the same memory and each other's results, some of
// them on Weft's stream alone.
TEST(StreamOrderChild, DISABLED_Threads) {
  using runtime::CudaStream;
  runtime::Gpu &gpu = **runtime::Gpu::get(0);
  const Device device = Device::gpu();
  auto *work = fake<int (*)(CudaStream, long *)>("fakeWork");
  auto *comesAfter =
      fake<int (*)(CudaStream, CudaStream, long, bool *)>("fakeComesAfter");
  CudaStream streams[] = {gpu.stream(), nullptr, nullptr};
  for (CudaStream &stream : std::span(streams).subspan(1)) {
    runtime::ScopedContext scope(gpu);
    gpu.driver().streamCreate(&stream, 0);
  }
  struct Result {
    std::shared_ptr<Storage> memory;
    CudaStream stream = nullptr;
    long position = 0;
  };
  std::mutex mutex;
  std::vector<Result> results(8);
  auto weight = *Storage::allocate(device, 64);
  std::atomic<int> reads{0}, early{0}, failed{0};
  auto run = [&](unsigned seed) {
    std::minstd_rand random(seed);
    for (int i = 0; i < 100; ++i) {
      CudaStream stream = streams[seed % 2 ? 0 : random() % 3];
      Result out{*Storage::allocate(device, 64, stream), stream}, in;
      {
        std::lock_guard lock(mutex);
        in = results[random() % results.size()];
      }
      runtime::Accesses accesses{
          device, stream, {weight.get()}, {out.memory.get()}};
      if (in.memory)
        accesses.reads.push_back(in.memory.get());
      failed += !accesses.wait().ok();
      bool isLate = true;
      if (in.memory)
        comesAfter(stream, in.stream, in.position, &isLate);
      ++reads;
      early += !isLate;
      work(stream, &out.position);
      failed += !accesses.mark().ok();
      std::lock_guard lock(mutex);
      std::swap(results[random() % results.size()], out);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 4; ++seed)
    threads.emplace_back(run, seed);
  for (std::thread &thread : threads)
    thread.join();
  std::printf("reads: %d, early: %d, failed: %d\n", reads.load(), early.load(),
              failed.load());
}

TEST(StreamOrder, WorkBehindAnEventIsNotOfItsMark) {
  EXPECT_THAT(report("Meanwhile", "busy"), HasSubstr("waits, mark: new\n"));
}

TEST(StreamOrder, ThreadsWaitForWhatTheyRead) {
  for (const char *fault : {"nothing", "busy"})
    EXPECT_THAT(report("Threads", fault),
                HasSubstr("reads: 400, early: 0, failed: 0\n"))
        << fault;
}

} // namespace
} // namespace weft
