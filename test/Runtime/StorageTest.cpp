// SPDX-License-Identifier: Apache-2.0
// Storages and copies on the CPU; those on a GPU are in GpuTest.cpp.
#include "runtime/Storage.h"

#include "runtime/StreamOrder.h"
#include "weft/Runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace weft::runtime {
namespace {

TEST(Storage, ReleasesBorrowedMemoryOnce) {
  int released = 0;
  char memory[8];
  {
    auto storage = std::make_shared<Storage>(Device::cpu(), memory, 8,
                                             [&] { ++released; });
    auto second = storage;
    EXPECT_EQ(storage->data(), memory);
    EXPECT_EQ(storage->bytes(), 8);
    EXPECT_EQ(released, 0);
  }
  EXPECT_EQ(released, 1);
}

TEST(Storage, IdsAreNeverReused) {
  uint64_t first = 0, second = 0;
  first = Storage(Device::cpu(), nullptr, 0, nullptr).id();
  second = Storage(Device::cpu(), nullptr, 0, nullptr).id();
  EXPECT_NE(first, second);
  EXPECT_NE(first, 0u);
}

TEST(Storage, AllocatesFromThePoolAndGivesBack) {
  int64_t before = memory_stats(Device::cpu()).live;
  {
    auto storage = Storage::allocate(Device::cpu(), 1000);
    ASSERT_TRUE(storage.ok());
    EXPECT_EQ((*storage)->bytes(), 1000);
    EXPECT_EQ(memory_stats(Device::cpu()).live, before + 1024);
  }
  EXPECT_EQ(memory_stats(Device::cpu()).live, before);
}

TEST(Storage, PeakBeginsAnewWhenAsked) {
  (void)Storage::allocate(Device::cpu(), int64_t(1) << 20);
  auto kept = Storage::allocate(Device::cpu(), 1024);
  ASSERT_TRUE(kept.ok());
  EXPECT_GE(memory_stats(Device::cpu()).peak, 1 << 20);
  reset_memory_peak(Device::cpu());
  int64_t live = memory_stats(Device::cpu()).live;
  EXPECT_EQ(memory_stats(Device::cpu()).peak, live);
  (void)Storage::allocate(Device::cpu(), 4096);
  EXPECT_EQ(memory_stats(Device::cpu()).peak, live + 4096);
}

TEST(Storage, EmptyOneHasAnAddress) {
  auto storage = Storage::allocate(Device::cpu(), 0);
  ASSERT_TRUE(storage.ok());
  EXPECT_NE((*storage)->data(), nullptr);
}

TEST(Storage, AllocationErrorsComeBack) {
  EXPECT_EQ(Storage::allocate(Device::cpu(), -5).status().code(),
            StatusCode::invalid_argument);
}

TEST(Copy, MovesBytesBetweenStoragesAndHost) {
  auto a = Storage::allocate(Device::cpu(), 8);
  ASSERT_TRUE(a.ok());
  ASSERT_TRUE(copyFromHost(**a, "weftweft", 8).ok());
  auto b = copyTo(**a, Device::cpu());
  ASSERT_TRUE(b.ok());
  EXPECT_NE((*b)->data(), (*a)->data());
  char back[9] = "";
  ASSERT_TRUE(copyToHost(back, **b, 8).ok());
  EXPECT_STREQ(back, "weftweft");
  ASSERT_TRUE(copyFromHost(**a, "1234", 4).ok());
  ASSERT_TRUE(runtime::copy(**b, **a, 4).ok());
  ASSERT_TRUE(copyToHost(back, **b, 8).ok());
  EXPECT_STREQ(back, "1234weft");
  EXPECT_TRUE(runtime::copy(**b, **a, 0).ok());
}

TEST(Copy, NamesSizesThatDoNotFit) {
  auto small = Storage::allocate(Device::cpu(), 4);
  auto large = Storage::allocate(Device::cpu(), 8);
  ASSERT_TRUE(small.ok() && large.ok());
  char host[16];
  EXPECT_EQ(runtime::copy(**large, **small, 8).message(),
            "copy: larger than its memory: 8 bytes, from 4, to 8");
  EXPECT_EQ(runtime::copy(**small, **large, 8).message(),
            "copy: larger than its memory: 8 bytes, from 8, to 4");
  EXPECT_EQ(copyFromHost(**small, host, 16).message(),
            "copy: larger than its memory: 16 bytes, from 16, to 4");
  EXPECT_EQ(copyToHost(host, **small, 16).message(),
            "copy: larger than its memory: 16 bytes, from 4, to 16");
  EXPECT_EQ(runtime::copy(**small, **large, -1).message(),
            "copy: larger than its memory: -1 bytes, from 8, to 4");
}

TEST(StreamOrder, DoesNothingOnTheCpu) {
  auto storage = Storage::allocate(Device::cpu(), 4);
  ASSERT_TRUE(storage.ok());
  const Accesses reads{Device::cpu(), nullptr, {storage->get()}, {}},
      writes{Device::cpu(), nullptr, {}, {storage->get()}};
  for (const Accesses *accesses : {&reads, &writes}) {
    EXPECT_TRUE(accesses->wait().ok());
    EXPECT_TRUE(accesses->mark().ok());
  }
  EXPECT_TRUE(waitOnHost(**storage).ok());
}

} // namespace
} // namespace weft::runtime
