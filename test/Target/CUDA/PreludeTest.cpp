// SPDX-License-Identifier: Apache-2.0
// Functions of the prelude that no row's accuracy test reaches.
#include "Emulator.h"

#include "weft/Target/CUDA/Emit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace weft::cuda_tests {
namespace {

/// x[i] / y, for all i, by the prelude's Divisor.
std::vector<float> divideAll(const emulator::Library &library,
                             const std::vector<float> &x, float y) {
  std::vector<float> quotients(x.size());
  const float *from = x.data();
  float *to = quotients.data();
  int count = static_cast<int>(x.size());
  void *arguments[] = {&from, &y, &to, &count};
  Status status = library.launch(0, {}, {}, arguments);
  EXPECT_TRUE(status.ok()) << status;
  return quotients;
}

std::unique_ptr<emulator::Library> divisions() {
  std::string kernel = R"(
WEFT_GLOBAL(1)
divide(const float *x, float y, float *quotient, int count) {
  const weft::Divisor by_y(y);
  for (int i = 0; i < count; ++i)
    quotient[i] = by_y.divide(x[i]);
}
)";
  emulator::Source source{"divide", cudaPrelude(kernel) + kernel};
  auto library = emulator::Library::compile({&source, 1});
  EXPECT_TRUE(library.ok()) << library.status();
  return library.ok() ? std::move(*library) : nullptr;
}

TEST(CudaPrelude, DivisorRoundsAsDivisionDoes) {
  auto library = divisions();
  ASSERT_TRUE(library);
  std::mt19937 random(1);
  std::uniform_real_distribution<float> mantissa(1, 2);
  std::uniform_int_distribution<int> exponent(-20, 20);
  auto number = [&] { return std::ldexp(mantissa(random), exponent(random)); };
  int differ = 0;
  for (int i = 0; i < 200; ++i) {
    float y = i % 2 ? number() : -number();
    std::vector<float> x(500);
    std::generate(x.begin(), x.end(), number);
    std::vector<float> quotients = divideAll(*library, x, y);
    for (size_t j = 0; j < x.size(); ++j)
      if (quotients[j] != x[j] / y) {
        ++differ;
        EXPECT_EQ(std::abs(std::bit_cast<int32_t>(quotients[j]) -
                           std::bit_cast<int32_t>(x[j] / y)),
                  1)
            << x[j] << " / " << y;
      }
  }
  EXPECT_LT(differ, 10); // of 100000
}

TEST(CudaPrelude, DivisorKnowsWhereReciprocalsEnd) {
  auto library = divisions();
  ASSERT_TRUE(library);
  using Limits = std::numeric_limits<float>;
  std::vector<float> numbers = {0.0f,
                                1.0f,
                                3.0f,
                                0x1p-60f,
                                0x1p60f,
                                Limits::min(),
                                Limits::denorm_min(),
                                Limits::max(),
                                Limits::infinity(),
                                Limits::quiet_NaN()};
  for (size_t i = 0, n = numbers.size(); i < n; ++i)
    numbers.push_back(-numbers[i]);
  for (float y : numbers) {
    std::vector<float> quotients = divideAll(*library, numbers, y);
    for (size_t i = 0; i < numbers.size(); ++i) {
      SCOPED_TRACE(testing::Message() << numbers[i] << " / " << y);
      float exact = numbers[i] / y;
      if (std::isnan(exact)) {
        EXPECT_TRUE(std::isnan(quotients[i]));
        continue;
      }
      EXPECT_FLOAT_EQ(quotients[i], exact);
      EXPECT_EQ(std::signbit(quotients[i]), std::signbit(exact));
    }
  }
}

} // namespace
} // namespace weft::cuda_tests
