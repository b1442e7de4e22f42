// SPDX-License-Identifier: Apache-2.0
// Element types: names, sizes, classes.
#include "weft/Core/DType.h"

#include <gtest/gtest.h>
#include <sstream>

namespace weft {
namespace {

struct Row {
  DType type;
  const char *name;
  int bytes;
  bool floating, integer;
};

constexpr Row kRows[] = {
    {float64, "float64", 8, true, false},
    {float32, "float32", 4, true, false},
    {float16, "float16", 2, true, false},
    {bfloat16, "bfloat16", 2, true, false},
    {float8, "float8", 1, true, false},
    {int64, "int64", 8, false, true},
    {int32, "int32", 4, false, true},
    {int8, "int8", 1, false, true},
    {int4, "int4", 1, false, true},
    {uint8, "uint8", 1, false, true},
    {boolean, "bool", 1, false, false},
};

TEST(DType, EveryTypeHasItsRow) {
  ASSERT_EQ(std::size(kRows), static_cast<size_t>(kNumDTypes));
  for (const Row &row : kRows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(name(row.type), row.name);
    EXPECT_EQ(dtype_from_name(row.name), row.type);
    EXPECT_EQ(size_in_bytes(row.type), row.bytes);
    EXPECT_EQ(is_floating(row.type), row.floating);
    EXPECT_EQ(is_integer(row.type), row.integer);
    std::ostringstream os;
    os << row.type;
    EXPECT_EQ(os.str(), row.name);
  }
}

TEST(DType, UnknownNamesAreNoType) {
  for (const char *name : {"", "float", "Float32", "boolean", "int16"})
    EXPECT_EQ(dtype_from_name(name), std::nullopt) << name;
}

TEST(DType, FollowsTheCppType) {
  EXPECT_EQ(dtype_of<float>(), float32); // the example of the header
  EXPECT_EQ(dtype_of<double>(), float64);
  EXPECT_EQ(dtype_of<int64_t>(), int64);
  EXPECT_EQ(dtype_of<long long>(), int64);
  EXPECT_EQ(dtype_of<int>(), int32);
  EXPECT_EQ(dtype_of<int8_t>(), int8);
  EXPECT_EQ(dtype_of<uint8_t>(), uint8);
  EXPECT_EQ(dtype_of<bool>(), boolean);
}

} // namespace
} // namespace weft
