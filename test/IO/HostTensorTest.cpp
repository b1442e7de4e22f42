// SPDX-License-Identifier: Apache-2.0
// Casting and aligning host memory.
#include "test/Core/Expect.h"
#include "test/IO/Files.h"

#include <limits>

namespace weft::io {
namespace {

using test::bytes_of;
using test::host;
using test::raw;

TEST(HostTensor, CastsEachElementOnce) {
  StatusOr<HostTensor> half =
      cast(host(float32, {3}, raw({1.0f, -2.5f, 70000.0f})), float16);
  ASSERT_TRUE(half.ok());
  EXPECT_EQ(half->dtype, float16);
  EXPECT_EQ(half->shape, Shape{3});
  EXPECT_EQ(bytes_of(*half), raw<uint16_t>({0x3c00, 0xc100, 0x7c00}));
  // From double in one step: by way of float32 it would be a tie, and 0x3c00.
  StatusOr<HostTensor> once =
      cast(host(float64, {1}, raw({1 + 0x1p-11 + 0x1p-40})), float16);
  ASSERT_TRUE(once.ok());
  EXPECT_EQ(bytes_of(*once), raw<uint16_t>({0x3c01}));
}

TEST(HostTensor, CastsLargeIntegersExactly) {
  const int64_t large = (int64_t{1} << 62) + 1; // more than a double holds
  StatusOr<HostTensor> wrapped = cast(host(int64, {1}, raw({large})), int32);
  ASSERT_TRUE(wrapped.ok());
  EXPECT_EQ(bytes_of(*wrapped), raw({1}));
}

TEST(HostTensor, TheSameTypeIsTheSameMemory) {
  const HostTensor x = host(float32, {1}, raw({1.0f}));
  StatusOr<HostTensor> same = cast(x, float32);
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same->data, x.data);
}

TEST(HostTensor, CopiesOnlyWhatIsNotAligned) {
  const HostTensor x = host(float32, {1}, raw({0.0f, 0.0f}));
  StatusOr<HostTensor> aligned = align(x);
  ASSERT_TRUE(aligned.ok());
  EXPECT_EQ(aligned->data, x.data);

  const std::string bytes = "?" + raw({1.5f});
  HostTensor shifted = host(float32, {1}, bytes);
  shifted.data = static_cast<const char *>(shifted.data) + 1;
  aligned = align(shifted);
  ASSERT_TRUE(aligned.ok());
  EXPECT_NE(aligned->data, shifted.data);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(aligned->data) % 64, 0u);
  EXPECT_EQ(bytes_of(*aligned), raw({1.5f}));
}

#ifndef __SANITIZE_ADDRESS__
TEST(HostTensor, TooMuchMemoryIsAnError) {
  if (std::getenv("ASAN_OPTIONS") || std::getenv("TSAN_OPTIONS"))
    GTEST_SKIP() << "sanitizers abort instead";
  const int64_t bytes = int64_t{1} << 60;
  EXPECT_MESSAGE(allocate(bytes), "allocate: out of host memory: asked for " +
                                      std::to_string(bytes) + " bytes");
}
#endif

} // namespace
} // namespace weft::io
