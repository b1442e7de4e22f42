// SPDX-License-Identifier: Apache-2.0
// What a parameter holds before and after it is loaded or replaced.
#include "test/Tensor/Values.h"

#include "weft/NN/Parameter.h"

namespace weft::nn {
namespace {

using test::expect_values;
using test::message;

TEST(Parameter, ApiExamples) {
  Parameter weight({2, 2});
  EXPECT_FALSE(weight.is_loaded());
  expect_values(weight, {2, 2}, {0, 1, 2, 3});
  weight = tensor({{5.0, 6.0}, {7.0, 8.0}});
  EXPECT_TRUE(weight.is_loaded());
  expect_values(weight, {2, 2}, {5, 6, 7, 8});
  weight.set_path("weight");
  weight = ones({3});
  EXPECT_EQ(message(weight),
            "parameter weight: shape differs: has [2, 2], got [3]");
  Parameter alpha = tensor(1);
  EXPECT_TRUE(alpha.is_loaded());
  expect_values(alpha, {}, {1});
}

TEST(Parameter, CountsInItsType) {
  for (DType type : {float64, float16, bfloat16, int64, int8}) {
    Parameter counted({2, 2}, type);
    EXPECT_EQ(counted.dtype(), type);
    expect_values(counted, {2, 2}, {0, 1, 2, 3});
  }
  expect_values(Parameter({0}), {0}, {});
  expect_values(Parameter(Shape{}), {}, {0});
}

TEST(Parameter, ErrorsOfAssignmentsNameTheCallersLine) {
  Parameter weight({2});
  const Tensor other = ones({3});
  weight = other;
  EXPECT_THAT(std::string(weight.status().message()),
              testing::HasSubstr("ParameterTest.cpp:"));
}

TEST(Parameter, RefusesAnotherType) {
  Parameter weight({2});
  weight = tensor({1, 2});
  EXPECT_EQ(message(weight), "parameter: type differs: has float32, got int32");
  // What failed can be replaced.
  weight = tensor({1.0, 2.0});
  expect_values(weight, {2}, {1, 2});
}

TEST(Parameter, ImpossibleShapesAreReportedAtUse) {
  Parameter weight({2, -1});
  EXPECT_EQ(message(weight), "parameter: negative size: shape [2, -1]");
}

TEST(Parameter, CopiesShareUntilReplaced) {
  Parameter a = tensor({1, 2});
  Parameter b = a;
  ASSERT_TRUE(eval({a, b}).ok());
  EXPECT_EQ(a.node()->storage, b.node()->storage);
  b = tensor({3, 4});
  expect_values(a, {2}, {1, 2});
  expect_values(b, {2}, {3, 4});
}

TEST(Parameter, KeepsItsPathWhenReplaced) {
  Parameter a({2});
  a.set_path("fc.bias");
  a = tensor({1.0, 2.0});
  EXPECT_EQ(a.path(), "fc.bias");
  EXPECT_EQ(a.to(float16).path(), "fc.bias");
}

TEST(Parameter, UnloadedStaysUnloadedInAnotherType) {
  Parameter a({3});
  Parameter b = a.to(float16);
  EXPECT_FALSE(b.is_loaded());
  EXPECT_EQ(b.dtype(), float16);
  expect_values(b, {3}, {0, 1, 2});
}

TEST(Parameter, IsAwaitedUntilItsElementsAreThere) {
  Parameter unloaded({3}), loaded({3});
  loaded = tensor({1.0, 2.0, 3.0});
  const Parameter cast = loaded.to(float16); // computed when it is needed
  for (const Parameter &parameter : {unloaded, cast}) {
    EXPECT_TRUE(relu(parameter).node()->awaits_parameters);
    ASSERT_TRUE(relu(parameter).eval().ok());
    EXPECT_FALSE(relu(parameter).node()->awaits_parameters);
  }
  expect_values(cast.to(float32), {3}, {1, 2, 3});
}

} // namespace
} // namespace weft::nn
