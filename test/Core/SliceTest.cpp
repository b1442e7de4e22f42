// SPDX-License-Identifier: Apache-2.0
// Slices against Python's: every element compared with a walk that knows
// nothing of clamping.
#include "weft/Core/ShapeRules.h"

#include "test/Core/Expect.h"

#include <gtest/gtest.h>
#include <limits>

namespace weft::shape_rules {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

using Indices = std::vector<int64_t>;

/// The indices of `list[start:stop:step]`, found by asking for each index from
/// far outside on one side to far outside on the other whether the slice
/// would pass it. Small values only.
Indices walk(const Slice &s, int64_t size) {
  constexpr int64_t kFar = 100;
  const int64_t step = s.step.value_or(1);
  auto position = [&](std::optional<int64_t> given, int64_t absent) {
    if (!given)
      return absent;
    return *given < 0 ? *given + size : *given;
  };
  const int64_t start = position(s.start, step > 0 ? 0 : size - 1);
  const int64_t stop = position(s.stop, step > 0 ? kFar : -kFar);
  Indices passed;
  // A start outside moves to the first index inside before the first step.
  const int64_t first = step > 0 ? std::max<int64_t>(start, 0)
                                 : std::min<int64_t>(start, size - 1);
  for (int64_t i = first; step > 0 ? i < kFar : i > -kFar; i += step) {
    const bool before_stop = step > 0 ? i < std::max<int64_t>(stop, 0)
                                      : i > std::max<int64_t>(stop, -1);
    if (!before_stop)
      break;
    if (i >= 0 && i < size)
      passed.push_back(i);
  }
  return passed;
}

Indices elements(const SliceBounds &bounds) {
  Indices indices;
  for (int64_t i = 0; i < bounds.size; ++i)
    indices.push_back(bounds.start + i * bounds.step);
  return indices;
}

TEST(Slice, VisitsWhatPythonVisits) {
  std::vector<std::optional<int64_t>> places{std::nullopt};
  for (int64_t i = -9; i <= 9; ++i)
    places.push_back(i);
  int cases = 0;
  for (int64_t size = 0; size <= 6; ++size)
    for (auto start : places)
      for (auto stop : places)
        for (int64_t step = -8; step <= 8; ++step) {
          const Slice s{start, stop, step ? std::optional(step) : std::nullopt};
          StatusOr<SliceBounds> bounds = slice(s, size);
          ASSERT_TRUE(bounds.ok());
          ASSERT_EQ(elements(*bounds), walk(s, size))
              << "[" << start.value_or(99) << ":" << stop.value_or(99) << ":"
              << step << "] of " << size;
          ++cases;
        }
  EXPECT_EQ(cases, 7 * 20 * 20 * 17);
}

struct Row {
  Slice slice;
  int64_t size;
  Indices indices;
};

// Worked out by hand from list(range(size))[start:stop:step].
TEST(Slice, RowsKnownByHeart) {
  const Row rows[] = {
      {{}, 3, {0, 1, 2}},
      {{1}, 3, {1, 2}},
      {{-2}, 3, {1, 2}},
      {{{}, -1}, 3, {0, 1}},
      {{{}, {}, -1}, 3, {2, 1, 0}},
      {{{}, {}, -2}, 4, {3, 1}},
      {{3, 0, -1}, 5, {3, 2, 1}},
      {{10, {}, -3}, 5, {4, 1}},
      {{-10, {}, 2}, 5, {0, 2, 4}},
      {{-10, {}, -1}, 5, {}},
      {{2, -10, -1}, 5, {2, 1, 0}},
      {{4, 1}, 5, {}},
      {{5}, 5, {}},
      {{{}, {}, -1}, 0, {}},
  };
  for (const Row &row : rows) {
    StatusOr<SliceBounds> bounds = slice(row.slice, row.size);
    ASSERT_TRUE(bounds.ok());
    EXPECT_EQ(elements(*bounds), row.indices);
  }
}

TEST(Slice, NumbersAtTheEndsOfTheRange) {
  auto expect = [](const Slice &s, int64_t size, SliceBounds expected) {
    StatusOr<SliceBounds> bounds = slice(s, size);
    ASSERT_TRUE(bounds.ok());
    EXPECT_EQ(bounds->start, expected.start);
    EXPECT_EQ(bounds->step, expected.step);
    EXPECT_EQ(bounds->size, expected.size);
  };
  expect({kMin, kMax, 1}, 4, {0, 1, 4});
  expect({kMax, kMin, -1}, 4, {3, -1, 4});
  expect({{}, {}, kMax}, 4, {0, 1, 1});
  expect({{}, {}, kMin}, 4, {3, 1, 1});
  expect({{}, {}, kMin}, kMax, {kMax - 1, 1, 1});
  expect({{}, {}, kMax - 1}, kMax, {0, kMax - 1, 2});
  expect({{}, {}, -(kMax - 1)}, kMax, {kMax - 1, -(kMax - 1), 2});
  expect({kMax, kMax, kMax}, kMax, {0, 1, 0});
  expect({{}, {}, -1}, kMax, {kMax - 1, -1, kMax});
}

TEST(Slice, RefusesStepZeroAndNegativeSizes) {
  EXPECT_MESSAGE(slice({{}, {}, 0}, 4), "slice: step is 0: step 0, size 4");
  EXPECT_MESSAGE(slice({}, -1), "slice: negative size: got -1");
}

} // namespace
} // namespace weft::shape_rules
