// SPDX-License-Identifier: Apache-2.0
// The emulator itself: indices, barriers, warp functions, and their misuse.
#include "Emulator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace weft::emulator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class EmulatorTest : public testing::Test {
protected:
  void compile(std::vector<Source> sources) {
    StatusOr<std::unique_ptr<Library>> compiled = Library::compile(sources);
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    library = *std::move(compiled);
  }

  /// Launches on one array of ints.
  Status launch(size_t index, Size grid, Size block, std::vector<int> &data) {
    int *pointer = data.data();
    void *arguments[] = {&pointer};
    return library->launch(index, grid, block, arguments);
  }

  std::unique_ptr<Library> library;
};

TEST_F(EmulatorTest, EveryThreadOfEveryBlockRuns) {
  compile({{"mark", R"(
    WEFT_GLOBAL(6) mark(int *__restrict__ y) {
      unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
      unsigned thread = threadIdx.y * blockDim.x + threadIdx.x;
      y[block * 6 + thread] += 100 * block + thread;
    })"}});
  std::vector<int> y(72, 0), expected;
  for (int block = 0; block < 12; ++block)
    for (int thread = 0; thread < 6; ++thread)
      expected.push_back(100 * block + thread);
  ASSERT_TRUE(launch(0, {2, 3, 2}, {3, 2, 1}, y).ok());
  EXPECT_EQ(y, expected);
}

TEST_F(EmulatorTest, BarrierSeparatesWritesFromReads) {
  compile({{"reverse", R"(
    WEFT_GLOBAL(128) reverse(int *y) {
      WEFT_SHARED int all[128];
      for (int i = 0; i < 3; ++i) {
        all[threadIdx.x] = y[threadIdx.x] + 1;
        __syncthreads();
        y[threadIdx.x] = all[127 - threadIdx.x];
        __syncthreads();
      }
    })"}});
  std::vector<int> y(128), expected(128);
  std::iota(y.begin(), y.end(), 0);
  std::iota(expected.rbegin(), expected.rend(), 3);
  ASSERT_TRUE(launch(0, {}, {128, 1, 1}, y).ok());
  EXPECT_EQ(y, expected);
}

TEST_F(EmulatorTest, WarpFunctionsExchange) {
  compile({{"warp", R"(
    WEFT_GLOBAL(64) warp(int *y) {
      int x = y[threadIdx.x];
      for (int lanes = 16; lanes > 0; lanes /= 2)
        x += __shfl_xor_sync(0xffffffffu, x, lanes);
      double d = __shfl_down_sync(0xffffffffu, threadIdx.x + 0.5, 1);
      int first = __shfl_sync(0xffffffffu, (int)threadIdx.x, 0);
      unsigned odd = __ballot_sync(0xffffffffu, threadIdx.x % 2);
      y[threadIdx.x] = x * 1000 + (int)d + first + (odd == 0xaaaaaaaau);
      __syncthreads();
    })"}});
  std::vector<int> y(64, 1);
  ASSERT_TRUE(launch(0, {}, {64, 1, 1}, y).ok());
  EXPECT_EQ(y[0], 32000 + 1 + 0 + 1);
  EXPECT_EQ(y[31], 32000 + 31 + 0 + 1);
  EXPECT_EQ(y[40], 32000 + 41 + 32 + 1);
}

TEST_F(EmulatorTest, EqualNamesAndScalars) {
  compile(
      {{"f", "WEFT_GLOBAL(1) f(int *y, int a, double b) { *y = a + (int)b; }"},
       {"f", "WEFT_GLOBAL(1) f(int *y, int a, double b) { *y = a - (int)b; }"},
       {"f",
        "WEFT_GLOBAL(1) f(int *y, int a, double b) { *y = a + (int)b; }"}});
  std::vector<int> results;
  for (size_t i = 0; i < 3; ++i) {
    int y = 0, a = 7, *pointer = &y;
    double b = 2.5;
    void *arguments[] = {&pointer, &a, &b};
    ASSERT_TRUE(library->launch(i, {}, {}, arguments).ok());
    results.push_back(y);
  }
  EXPECT_THAT(results, ElementsAre(9, 5, 9));
}

TEST_F(EmulatorTest, ReportsThreadsThatMissABarrier) {
  compile({{"early", R"(
    WEFT_GLOBAL(64) early(int *y) {
      if (threadIdx.x < 3)
        return;
      __syncthreads();
    })"},
           {"divergent", R"(
    WEFT_GLOBAL(32) divergent(int *y) {
      if (threadIdx.x < 16)
        y[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1, 1);
    })"},
           {"half", R"(
    WEFT_GLOBAL(32) half(int *y) {
      if (threadIdx.x < 16)
        y[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, (int)threadIdx.x, 1);
    })"}});
  std::vector<int> y(64, 0);
  EXPECT_EQ(launch(0, {2, 1, 1}, {64, 1, 1}, y).message(),
            "emulator: early: threads wait for each other in block (0, 0, 0): "
            "61 at a barrier, 0 in a warp function, 3 returned");
  EXPECT_EQ(launch(1, {}, {32, 1, 1}, y).message(),
            "emulator: divergent: threads wait for each other in block (0, 0, "
            "0): 0 at a barrier, 16 in a warp function, 16 returned");
  EXPECT_TRUE(launch(2, {}, {32, 1, 1}, y).ok());
  EXPECT_EQ(y[2], 3);
}

// They read shared memory late, leave out what lies outside of the tensor, and
// start at multiples of 128 bytes.
TEST_F(EmulatorTest, BulkStores) {
  compile({{"store", R"(
    struct alignas(64) TensorMap { unsigned char bytes[128]; };
    WEFT_GLOBAL(1) store(const TensorMap map, int start, int waits, int first) {
      WEFT_DYNAMIC_SHARED(shared);
      long long *box = (long long *)(shared + start);
      for (int i = 0; i < 8; ++i)
        box[i] = i + 1;
      int at[2] = {first, 1};
      WEFT_BULK_STORE(&map, at, box);
      box[1] = 20;
      if (waits)
        WEFT_WAIT_FOR_STORES();
    })"}});
  auto store = [&](int start, int waits, std::vector<int64_t> &y,
                   int first = 1) {
    TensorMap map;
    map.dtype = DType::int64;
    map.sizes = {3, 2};
    map.strides = {24};
    map.box = {4, 2};
    EncodedTensorMap encoded = encode(map, y.data());
    void *arguments[] = {&encoded, &start, &waits, &first};
    return library->launch(0, {}, {}, arguments, 1024);
  };
  std::vector<int64_t> y(6, 0);
  ASSERT_TRUE(store(128, 0, y).ok());
  EXPECT_THAT(y, ElementsAre(0, 0, 0, 0, 0, 0));
  ASSERT_TRUE(store(128, 1, y).ok());
  EXPECT_THAT(y, ElementsAre(0, 0, 0, 0, 1, 20));
  EXPECT_EQ(store(72, 1, y).message(),
            "emulator: store: a bulk copy is 72 bytes into shared memory, not "
            "a multiple of 128");
  EXPECT_EQ(store(128, 1, y, -1).message(),
            "emulator: store: a bulk store starts before the tensor, or its "
            "positions reach beyond it");
}

// They start at multiples of 16 bytes, and bring zeros from outside.
TEST_F(EmulatorTest, BulkCopies) {
  compile({{"copy", R"(
    struct alignas(64) TensorMap { unsigned char bytes[128]; };
    WEFT_GLOBAL(1) copy(const TensorMap map, int first, long long *y) {
      WEFT_DYNAMIC_SHARED(shared);
      long long *box = (long long *)shared;
      unsigned long long *barrier = (unsigned long long *)(shared + 128);
      WEFT_INIT_BARRIER(barrier, 1);
      WEFT_ARRIVE(barrier, 32);
      int at[2] = {first, 1};
      WEFT_BULK_COPY(box, &map, at, nullptr, barrier);
      WEFT_WAIT_AT(barrier, 0);
      for (int i = 0; i < 4; ++i)
        y[i] = box[i];
    })"}});
  std::vector<int64_t> x = {1, 2, 3, 4}, y(4, 0);
  auto copy = [&](int first) {
    TensorMap map;
    map.dtype = DType::int64;
    map.sizes = {2, 2};
    map.strides = {16};
    map.box = {4, 1};
    EncodedTensorMap encoded = encode(map, x.data());
    int64_t *results = y.data();
    void *arguments[] = {&encoded, &first, &results};
    return library->launch(0, {}, {}, arguments, 1024);
  };
  ASSERT_TRUE(copy(-2).ok());
  EXPECT_THAT(y, ElementsAre(0, 0, 3, 4));
  EXPECT_EQ(copy(-1).message(),
            "emulator: copy: a bulk copy starts -8 bytes into a line, not at a "
            "multiple of 16");
}

TEST_F(EmulatorTest, ReportsTheCompilersLog) {
  compile({{"f", "WEFT_GLOBAL(1) f(int *y) {\n  *y = undeclared; }"},
           {"g", "WEFT_GLOBAL(1) g(int *y) { *y = 1; }"}});
  std::vector<int> y(1, 0);
  EXPECT_THAT(std::string(launch(0, {}, {}, y).message()),
              HasSubstr("emulator: f: does not compile:\nkernel0:2:8: error: "
                        "use of undeclared identifier 'undeclared'"));
  EXPECT_TRUE(launch(1, {}, {}, y).ok());
  EXPECT_EQ(y[0], 1);
}

} // namespace
} // namespace weft::emulator
