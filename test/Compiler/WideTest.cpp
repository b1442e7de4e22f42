// SPDX-License-Identifier: Apache-2.0
// Graphs that are wide: more tensors, or more ways to them, than one kernel can
// read.
#include "weft/Compiler/Compiler.h"
#include "weft/Weft.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace wf = weft;
using testing::ElementsAre;

namespace {

wf::Tensor input(std::vector<float> elements) {
  auto size = static_cast<int64_t>(elements.size());
  return wf::adopt(std::move(elements), {size}, wf::Device::cpu());
}

std::vector<float> values(const wf::Tensor &x) {
  auto read = x.to_vector<float>();
  EXPECT_TRUE(read.ok()) << read.status();
  return read.ok() ? *read : std::vector<float>();
}

/// [0, 1, 2, ...]
std::vector<float> upTo(int count) {
  std::vector<float> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  return numbers;
}

std::vector<wf::Tensor> inputs(int count) {
  std::vector<wf::Tensor> tensors;
  for (float number : upTo(count))
    tensors.push_back(input({number}));
  return tensors;
}

TEST(Wide, ConcatenationsOfManyTensors) {
  for (int count : {32, 33, 60, 61, 64, 65, 1000, 1500})
    EXPECT_EQ(values(wf::concatenate(inputs(count)) * 2 - 0.0),
              values(input(upTo(count)) * 2))
        << count;
}

TEST(Wide, StacksOfManyComputedTensors) {
  for (int count : {30, 65, 300}) {
    std::vector<wf::Tensor> computed;
    for (const wf::Tensor &x : inputs(count))
      computed.push_back(wf::floor(x * 1.25));
    EXPECT_EQ(values(wf::stack(computed)),
              values(wf::floor(input(upTo(count)) * 1.25)))
        << count;
  }
}

TEST(Wide, SeveralConcatenationsInOneOp) {
  std::vector<wf::Tensor> a = inputs(31), b = inputs(31), c = inputs(31);
  wf::Tensor y = wf::where(wf::concatenate(a) < 10, wf::concatenate(b),
                           wf::concatenate(c) * 2);
  std::vector<float> expected = upTo(31);
  for (size_t i = 10; i < expected.size(); ++i)
    expected[i] *= 2;
  EXPECT_EQ(values(y), expected);
}

TEST(Wide, NoKernelReadsMoreThanItMay) {
  wf::Tensor y = wf::relu(wf::concatenate(inputs(500)));
  std::vector<wf::NodePtr> roots = {y.node()};
  auto stages = wf::compiler::explain(roots, {.target = "cuda:sm_90a"});
  ASSERT_TRUE(stages.ok()) << stages.status();
  for (const wf::compiler::KernelText &kernel : stages->kernels) {
    const std::string &text = kernel.source;
    size_t begin = text.find("__global__"), end = text.find(") {", begin);
    std::string signature = text.substr(begin, end - begin);
    EXPECT_LE(std::count(signature.begin(), signature.end(), '*'), 64);
  }
}

TEST(Wide, WaysThatDoubleAtEveryStep) {
  // 2^n ways lead to each element.
  for (int turns : {3, 7, 14, 40}) {
    wf::Tensor x = input({0, 1, 2, 3, 4, 5, 6});
    for (int i = 0; i < turns; ++i)
      x = wf::concatenate(
          {wf::slice(x, {{.start = 1}}), wf::slice(x, {{.stop = 1}})});
    std::vector<float> expected = upTo(7);
    std::rotate(expected.begin(), expected.begin() + turns % 7, expected.end());
    EXPECT_EQ(values(x), expected) << turns;
  }
}

TEST(Wide, IndicesThatDoubleAtEveryStep) {
  for (int turns : {1, 2, 14, 15, 40}) {
    wf::Tensor x = wf::reshape(input({0, 1, 2, 3, 4, 5}), {2, 3});
    std::vector<float> expected = upTo(6);
    for (int i = 0; i < turns; ++i) {
      x = wf::reshape(wf::transpose(x), {2, 3});
      expected = {expected[0], expected[3], expected[1],
                  expected[4], expected[2], expected[5]};
    }
    EXPECT_EQ(values(x), expected) << turns;
  }
}

} // namespace
