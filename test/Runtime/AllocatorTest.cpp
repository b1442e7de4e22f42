// SPDX-License-Identifier: Apache-2.0
// The pool: reuse, limits, order. On a source that counts, and on the CPU.
#include "runtime/Allocator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <thread>

namespace weft::runtime {
namespace {

CudaStream stream(uintptr_t number) {
  return reinterpret_cast<CudaStream>(number);
}

/// Memory of limited size, and streams that are numbers.
class FakeSource final : public MemorySource {
public:
  void *allocate(int64_t bytes) override {
    if (taken + bytes > capacity)
      return nullptr;
    taken += bytes;
    ++allocations;
    return std::malloc(static_cast<size_t>(bytes));
  }
  void release(void *data, int64_t bytes) override {
    taken -= bytes;
    std::free(data);
  }
  bool isOrdered(const std::vector<Use> &uses, CudaStream stream) override {
    for (const Use &use : uses)
      if (use.stream != reinterpret_cast<uintptr_t>(stream))
        return false;
    return true;
  }
  Status order(std::vector<Use> &uses, CudaStream stream) override {
    waits += !isOrdered(uses, stream);
    uses.clear();
    return {};
  }
  void finish(std::vector<Use> &uses) override {
    finishes += !uses.empty();
    uses.clear();
  }

  int64_t capacity = int64_t(1) << 40, taken = 0;
  int allocations = 0, waits = 0, finishes = 0;
};

struct Fixture {
  FakeSource source;
  Pool pool{Device::gpu(1), source};
  ~Fixture() { pool.trim(); }

  Pool::Block get(int64_t bytes, CudaStream on = nullptr) {
    auto block = pool.allocate(bytes, on);
    EXPECT_TRUE(block.ok()) << block.status();
    return block.ok() ? std::move(*block) : Pool::Block();
  }
};

TEST(Pool, RoundsTo32StepsAnOctave) {
  EXPECT_EQ(Pool::roundUp(0), 512);
  EXPECT_EQ(Pool::roundUp(1), 512);
  EXPECT_EQ(Pool::roundUp(512), 512);
  EXPECT_EQ(Pool::roundUp(513), 576); // 64 bytes are the least step
  EXPECT_EQ(Pool::roundUp(576), 576);
  EXPECT_EQ(Pool::roundUp(1024), 1024);
  EXPECT_EQ(Pool::roundUp(1025), 1088);
  EXPECT_EQ(Pool::roundUp(4097), 4096 + 4096 / 32);
  EXPECT_EQ(Pool::roundUp(1000000), 1015808); // 62 steps of 512 KiB / 32
  EXPECT_EQ(Pool::roundUp((int64_t(1) << 40) + 1),
            (int64_t(1) << 40) + (int64_t(1) << 35));
}

TEST(Pool, ReusesWhatComesBack) {
  Fixture f;
  Pool::Block a = f.get(1100);
  void *data = a.data;
  f.pool.free(std::move(a));
  Pool::Block b = f.get(600); // down to half the size
  EXPECT_EQ(b.data, data);
  EXPECT_EQ(b.capacity, 1152);
  EXPECT_EQ(f.source.allocations, 1);
  f.pool.free(std::move(b));
  Pool::Block c = f.get(512); // less than half: fresh
  EXPECT_NE(c.data, data);
  f.pool.free(std::move(c));
}

// Fresh or used before: what has come back is there for the next size.
TEST(Pool, GivesAllThatIsAskedFor) {
  Fixture f;
  for (int64_t bytes = 513; bytes <= 4096; ++bytes) {
    Pool::Block block = f.get(bytes);
    EXPECT_GE(block.capacity, bytes);
    EXPECT_EQ(Pool::roundUp(block.capacity), block.capacity) << bytes;
    f.pool.free(std::move(block));
  }
}

TEST(Pool, ReusesNothingForTheNextStep) {
  for (int64_t bytes = 513; bytes <= 4096; ++bytes) {
    Fixture f;
    Pool::Block block = f.get(bytes);
    const int64_t capacity = block.capacity;
    f.pool.free(std::move(block));
    Pool::Block next = f.get(capacity + 1);
    EXPECT_EQ(f.source.allocations, 2) << bytes;
    EXPECT_GT(next.capacity, capacity) << bytes;
    f.pool.free(std::move(next));
  }
}

TEST(Pool, PrefersTheBestFit) {
  Fixture f;
  Pool::Block large = f.get(2000), small = f.get(1100);
  void *data = small.data;
  f.pool.free(std::move(large));
  f.pool.free(std::move(small));
  Pool::Block again = f.get(1100);
  EXPECT_EQ(again.data, data);
  f.pool.free(std::move(again));
}

TEST(Pool, CountsLivePeakAndPooled) {
  Fixture f;
  Pool::Block a = f.get(1024), b = f.get(512);
  EXPECT_EQ(f.pool.stats().live, 1536);
  f.pool.free(std::move(a));
  MemoryStats stats = f.pool.stats();
  EXPECT_EQ(stats.live, 512);
  EXPECT_EQ(stats.pooled, 1024);
  EXPECT_EQ(stats.peak, 1536);
  f.pool.trim();
  EXPECT_EQ(f.pool.stats().pooled, 0);
  EXPECT_EQ(f.source.taken, 512);
  f.pool.free(std::move(b));
}

TEST(Pool, LimitTrimsBeforeItRefuses) {
  Fixture f;
  f.pool.setLimit(2048);
  f.pool.free(f.get(1024));
  Pool::Block a = f.get(2048); // only after the pooled kilobyte went back
  EXPECT_EQ(f.pool.stats().pooled, 0);
  EXPECT_EQ(f.pool.allocate(4096).status(),
            resource_exhausted_error(
                "out of memory on gpu:1: asked for 4096 bytes, 2048 in use, "
                "limit 2048"));
  f.pool.free(std::move(a));
  f.pool.free(f.get(1024)); // there is room again
}

TEST(Pool, LoweringTheLimitTrims) {
  Fixture f;
  f.pool.free(f.get(4096));
  f.pool.setLimit(1024);
  EXPECT_EQ(f.pool.stats().pooled, 0);
  EXPECT_EQ(f.pool.stats().limit, 1024);
}

TEST(Pool, DeviceThatIsFullTrimsThenRefuses) {
  Fixture f;
  f.source.capacity = 4096;
  f.pool.free(f.get(1024));
  Pool::Block a = f.get(4096);
  EXPECT_EQ(f.pool.allocate(1).status().message(),
            "out of memory on gpu:1: asked for 1 bytes, 4096 in use, no limit");
  f.pool.free(std::move(a));
}

TEST(Pool, RefusesSizesThatAreNone) {
  Fixture f;
  EXPECT_EQ(f.pool.allocate(-1).status().message(),
            "allocate: size out of range: got -1, at most "
            "4611686018427387904");
  EXPECT_EQ(f.pool.allocate(INT64_MAX).status().code(),
            StatusCode::invalid_argument);
  EXPECT_EQ(f.pool.allocate(int64_t(1) << 62).status().code(),
            StatusCode::resource_exhausted);
}

TEST(Pool, SameStreamNeedsNoWait) {
  Fixture f;
  Pool::Block a = f.get(512, stream(1));
  void *data = a.data;
  a.uses = {Use{nullptr, 1, nullptr}};
  f.pool.free(std::move(a));
  Pool::Block b = f.get(512, stream(1));
  EXPECT_EQ(b.data, data);
  EXPECT_EQ(f.source.waits, 0);
  f.pool.free(std::move(b));
}

TEST(Pool, OtherStreamGetsFreshMemoryOrWaits) {
  Fixture f;
  f.source.capacity = 1024;
  Pool::Block a = f.get(512, stream(1));
  void *data = a.data;
  a.uses = {Use{nullptr, 1, nullptr}};
  f.pool.free(std::move(a));
  Pool::Block b = f.get(512, stream(2));
  EXPECT_NE(b.data, data);
  EXPECT_EQ(f.source.waits, 0);
  Pool::Block c = f.get(512, stream(2)); // nothing fresh is left
  EXPECT_EQ(c.data, data);
  EXPECT_EQ(f.source.waits, 1);
  EXPECT_TRUE(c.uses.empty());
  f.pool.free(std::move(b));
  f.pool.free(std::move(c));
}

TEST(Pool, TrimWaitsForWorkOnTheMemory) {
  Fixture f;
  Pool::Block a = f.get(512, stream(1));
  a.uses = {Use{nullptr, 1, nullptr}};
  f.pool.free(std::move(a));
  f.pool.trim();
  EXPECT_EQ(f.source.finishes, 1);
  EXPECT_EQ(f.source.taken, 0);
}

TEST(Pool, ServesThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 1000; ++i) {
        auto block = cpuPool().allocate(100 + 37 * (i % 50));
        ASSERT_TRUE(block.ok());
        std::memset(block->data, t, 100);
        for (int j = 0; j < 100; ++j)
          ASSERT_EQ(static_cast<char *>(block->data)[j], t);
        cpuPool().free(std::move(*block));
      }
    });
  for (std::thread &thread : threads)
    thread.join();
}

TEST(Pool, CpuMemoryIsAligned) {
  for (int64_t bytes : {0, 1, 100, 5000, 1 << 20, 5 << 20}) {
    auto block = cpuPool().allocate(bytes);
    ASSERT_TRUE(block.ok());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block->data) % 64, 0u) << bytes;
    cpuPool().free(std::move(*block));
  }
}

} // namespace
} // namespace weft::runtime
