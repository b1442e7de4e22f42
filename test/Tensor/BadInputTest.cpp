// SPDX-License-Identifier: Apache-2.0
// Every public function, given what it cannot take: an error of its own for a
// wrong type, shape or size, and the first error passed on.
#include "Values.h"

#include "weft/Core/Graph.h"
#include "weft/Runtime.h"

#include <cmath>
#include <functional>
#include <limits>
#include <set>

namespace weft {
namespace {

using test::message;
using testing::HasSubstr;
using testing::StartsWith;

constexpr DType kTypes[] = {float64, float32, float16, bfloat16, float8, int64,
                            int32,   int8,    int4,    uint8,    boolean};

// ---- rows -------------------------------------------------------------------

struct Row {
  std::string name;
  std::function<Tensor(const Tensor &, const Tensor &)> call;
  int arity;
  std::string types;
};

template <typename Function>
std::function<Tensor(const Tensor &, const Tensor &)> callable(Function *f) {
  if constexpr (std::is_invocable_v<Function *, const Arg &, const Arg &>)
    return [f](const Tensor &x, const Tensor &y) { return f(x, y); };
  else
    return [f](const Tensor &x, const Tensor &) { return f(x, {}); };
}

std::vector<Row> rows() {
  return {
#define WEFT_ROW(mnemonic, op_class, arity, predicate, types, ...)             \
  {#mnemonic, callable(&mnemonic), arity, #types},
#include "weft/IR/Rows.inc"
#undef WEFT_ROW
  };
}

TEST(BadInput, EveryRowChecksItsTypes) {
  for (const Row &row : rows())
    for (DType dtype : kTypes) {
      Tensor x = zeros({2}, dtype), y = row.call(x, x);
      bool floating = is_floating(dtype);
      bool takes = row.types == "Floating" ? floating
                   : row.types == "Number" ? dtype != boolean
                   : row.types == "Bool"   ? dtype == boolean
                                           : true;
      EXPECT_EQ(y.ok(), takes) << row.name << " " << name(dtype);
      if (!takes)
        EXPECT_THAT(message(y), StartsWith(row.name + ": needs "));
    }
}

TEST(BadInput, EveryRowOfTwoChecksThatTypesAndShapesFit) {
  for (const Row &row : rows()) {
    if (row.arity != 2)
      continue;
    bool ofBools = row.types == "Bool";
    DType dtype = ofBools ? boolean : float32;
    Tensor x = zeros({2, 3}, dtype);
    EXPECT_THAT(message(row.call(x, zeros({2, 3}, int8))),
                StartsWith(row.name + ": mixed types: "));
    EXPECT_EQ(message(row.call(x, zeros({2}, dtype))),
              row.name + ": shapes do not broadcast: [2, 3] and [2]");
    EXPECT_EQ(message(row.call(zeros({0, 3}, dtype), x)),
              row.name + ": shapes do not broadcast: [0, 3] and [2, 3]");
  }
}

// ---- every function ---------------------------------------------------------

using Call = std::function<Tensor(const Tensor &)>;

/// Every function of tensors, with the argument in every place.
std::vector<std::pair<std::string, Call>> calls() {
  static const Tensor good = zeros({2, 4, 4, 4}), c = zeros({4}),
                      mask = zeros({2, 4, 4, 4}, boolean);
  std::vector<std::pair<std::string, Call>> list;
  auto add = [&](std::string name, Call call) {
    list.emplace_back(std::move(name), std::move(call));
  };
  for (const Row &row : rows()) {
    add(row.name, [row](const Tensor &x) { return row.call(x, good); });
    if (row.arity == 2) {
      add(row.name, [row](const Tensor &x) { return row.call(good, x); });
      add(row.name, [row](const Tensor &x) { return row.call(x, x); });
    }
  }
#define CALL(expression)                                                       \
  add(#expression, [](const Tensor &x) -> Tensor { return expression; })
  CALL(where(x, good, good));
  CALL(where(mask, x, good));
  CALL(where(mask, good, x));
  CALL(where(mask, x, 1));
  CALL(where(mask, 1, x));
  CALL(masked_fill(x, mask, 1));
  CALL(masked_fill(good, x, 1));
  CALL(cast(x, float16));
  CALL(copy(x, Device::cpu()));
  CALL(reshape(x, {-1}));
  CALL(transpose(x));
  CALL(permute(x, {0, 1}));
  CALL(flatten(x));
  CALL(squeeze(x, {0}));
  CALL(unsqueeze(x, 0));
  CALL(expand(x, {2, 2}));
  CALL(slice(x, {{.start = 1}}));
  CALL(concatenate({x}));
  CALL(concatenate({good, x}));
  CALL(stack({x, good}));
  CALL(stack({good, x}));
  CALL(sum(x));
  CALL(prod(x, 0, true));
  CALL(max(x));
  CALL(min(x));
  CALL(mean(x));
  CALL(var(x));
  CALL(all(x));
  CALL(any(x));
  CALL(argmax(x));
  CALL(argmin(x, 0));
  CALL(matmul(x, good));
  CALL(matmul(good, x));
  CALL(outer(x, c));
  CALL(outer(c, x));
  CALL(linear(x, good));
  CALL(linear(good, x));
  CALL(linear(good, zeros({4, 4}), x));
  CALL(conv(x, good));
  CALL(conv(good, x));
  CALL(conv(good, good, x));
  CALL(maxpool(x, {2, 2}));
  CALL(avgpool(x, {2, 2}));
  CALL(resize(x, {2, 2}));
  CALL(resize_by(x, {2.0}));
  CALL(softmax(x));
  CALL(batch_norm(x, c, c, c, c));
  CALL(batch_norm(good, x, c, c, c));
  CALL(batch_norm(good, c, x, c, c));
  CALL(batch_norm(good, c, c, x, c));
  CALL(batch_norm(good, c, c, c, x));
  CALL(layer_norm(x, c, c));
  CALL(layer_norm(good, x, c));
  CALL(layer_norm(good, c, x));
  CALL(group_norm(x, 2, c, c));
  CALL(group_norm(good, 2, x, c));
  CALL(group_norm(good, 2, c, x));
  CALL(full_like(x, 1));
  CALL(zeros_like(x));
  CALL(ones_like(x));
  CALL(iota_like(x));
  CALL(x + 1);
  CALL(2 - x);
  CALL(-x);
  CALL(!x);

#undef CALL
  return list;
}

TEST(BadInput, EveryFunctionPassesTheFirstErrorOn) {
  Tensor bad = matmul(zeros({4, 3}), zeros({5, 2}));
  for (const auto &[name, call] : calls()) {
    Tensor result = call(bad);
    EXPECT_EQ(result.status(), bad.status()) << name;
    EXPECT_EQ(result.shape(), Shape()) << name;
    EXPECT_EQ(result.eval(), bad.status()) << name;
  }
}

TEST(BadInput, EveryFunctionTakesATensorWithoutValue) {
  for (const auto &[name, call] : calls())
    EXPECT_EQ(call(Tensor()).status().message(), "tensor: has no value")
        << name;
}

TEST(BadInput, WhatIsReadOfAFailedTensor) {
  Tensor bad = matmul(zeros({4, 3}), zeros({5, 2})), good = zeros({1});
  const Status error = bad.status();
  EXPECT_EQ(bad.rank(), 0);
  EXPECT_EQ(bad.num_elements(), 1) << "of the empty shape";
  EXPECT_EQ(bad.item<double>().status(), error);
  EXPECT_EQ(bad.item<bool>().status(), error);
  EXPECT_EQ(bad.to_vector<int>().status(), error);
  EXPECT_EQ(bad.to_vector<bool>().status(), error);
  EXPECT_EQ(bad.host_data().status(), error);
  EXPECT_EQ(to_string(bad),
            "tensor(error: " + std::string(error.message()) + ")");
  EXPECT_EQ(allclose(bad, good).status(), error);
  EXPECT_EQ(allclose(good, bad).status(), error);
  EXPECT_EQ(array_equal(bad, good).status(), error);
  EXPECT_EQ(array_equal(good, bad).status(), error);
  EXPECT_EQ(eval({good, bad}), error);
  bad += good;
  bad -= 1;
  EXPECT_EQ(bad.status(), error);
}

// ---- sizes ------------------------------------------------------------------

/// 2^58 elements that nobody has to hold.
Tensor large() {
  return expand(zeros({1, 1}), {int64_t{1} << 29, int64_t{1} << 29});
}

TEST(BadInput, MoreThanEightDims) {
  const Shape nine{1, 1, 1, 1, 1, 1, 1, 1, 1};
  Tensor eight = zeros({1, 1, 1, 1, 1, 1, 1, 1});
  ASSERT_TRUE(eight.ok());
  const std::pair<const char *, Tensor> results[] = {
      {"zeros", zeros(nine)},
      {"ones", ones(nine)},
      {"iota", iota(nine)},
      {"reshape", reshape(eight, nine)},
      {"expand", expand(eight, nine)},
      {"unsqueeze", unsqueeze(eight, 0)},
      {"stack", stack({eight, eight})},
      {"from_host", Tensor::from_host(&nine, float32, nine)},
      {"borrow", borrow(&nine, float32, nine)},
      {"adopt", adopt(std::vector<float>(1), nine)}};
  for (const auto &[op, result] : results) {
    EXPECT_THAT(message(result), HasSubstr(": too many dims: got 9, limit 8"))
        << op;
    EXPECT_EQ(result.shape(), Shape()) << op;
  }
  EXPECT_THAT(to_string(zeros(nine)), StartsWith("tensor(error: "));
}

TEST(BadInput, SizesWhoseProductOverflows) {
  constexpr int64_t kHuge = int64_t{1} << 40;
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  Tensor x = zeros({2, 3}), big = large();
  ASSERT_TRUE(big.ok());
  Tensor vector = expand(zeros({1}), {kHuge});
  ASSERT_TRUE(vector.ok());
  const std::pair<const char *, Tensor> results[] = {
      {"zeros", zeros({kHuge, kHuge})},
      {"full", full({kMax, kMax}, 1)},
      {"iota", iota({kMax})},
      {"zeros beside 0", zeros({0, kMax, kMax})},
      {"expand", expand(zeros({1, 1}), {kHuge, kHuge})},
      {"outer", outer(vector, vector)},
      {"add", unsqueeze(vector, 0) + unsqueeze(vector, 1)},
      {"matmul", matmul(expand(zeros({1, 1}), {kHuge, 2}),
                        expand(zeros({1, 1}), {2, kHuge}))},
      {"concatenate", concatenate({big, big, big, big})},
      {"stack", stack({big, big, big, big})},
      {"reshape", reshape(x, {kMax, kMax})},
      {"conv", conv(zeros({1, 1, 4}), zeros({1, 1, 1}), {},
                    {.padding = {Padding(kMax, kMax)}})},
      {"maxpool", maxpool(zeros({1, 1, 4}), {1}, {.padding = {kMax / 2}})},
      {"from_host", Tensor::from_host(&x, float32, {kHuge, kHuge})},
      {"borrow", borrow(&x, float32, {kHuge, kHuge})}};
  for (const auto &[op, result] : results)
    EXPECT_FALSE(result.ok()) << op << " " << result.shape();
}

TEST(BadInput, MoreThanMemoryHolds) {
  Tensor x = zeros({int64_t{1} << 50}, float32, Device::cpu());
  ASSERT_TRUE(x.ok()) << "nothing has to hold it yet";
  EXPECT_EQ(*sum(slice(x, {{.stop = 3}})).item<float>(), 0);
  for (const Status &status :
       {x.eval(), x.to_vector<float>().status(), x.host_data().status(),
        (x + 1).eval(), cast(x, boolean).to_vector<bool>().status()}) {
    EXPECT_EQ(status.code(), StatusCode::resource_exhausted);
    EXPECT_THAT(std::string(status.message()),
                StartsWith("out of memory on cpu:0: asked for "));
  }
  EXPECT_THAT(to_string(x), StartsWith("tensor(error: out of memory on cpu:0"));
}

TEST(BadInput, MemoryLimitIsReportedAndLifted) {
  const Device cpu = Device::cpu();
  Tensor x = iota({1 << 20}, 0, float32, cpu);
  // What a compilation keeps is not what is asked about.
  ASSERT_TRUE((exp(x) + 1).eval().ok());
  trim();
  const MemoryStats before = memory_stats(cpu);
  ASSERT_TRUE(set_memory_limit(cpu, before.live + (1 << 20)).ok());
  Tensor y = exp(x) + 1;
  Status status = y.eval();
  EXPECT_EQ(status.message(),
            "out of memory on cpu:0: asked for 4194304 bytes, " +
                std::to_string(before.live) + " in use, limit " +
                std::to_string(before.live + (1 << 20)));
  EXPECT_EQ(memory_stats(cpu).live, before.live) << "nothing is left behind";
  ASSERT_TRUE(set_memory_limit(cpu, 0).ok());
  EXPECT_TRUE(y.eval().ok()) << "the graph is as it was";
}

// ---- options ----------------------------------------------------------------

TEST(BadInput, OptionsOfWindows) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  Tensor x = zeros({1, 4, 8}), w = zeros({4, 4, 3});
  EXPECT_EQ(message(conv(x, w, {}, {.stride = {0}})),
            "conv: stride below 1: got [0]");
  EXPECT_EQ(message(conv(x, w, {}, {.stride = {-1}})),
            "conv: stride below 1: got [-1]");
  EXPECT_EQ(message(conv(x, w, {}, {.padding = {-1}})),
            "conv: padding below 0: got [-1, -1]");
  EXPECT_EQ(message(conv(x, w, {}, {.dilation = {0}})),
            "conv: dilation below 1: got [0]");
  EXPECT_THAT(message(conv(x, w, {}, {.dilation = {kMax}})),
              StartsWith("conv: kernel is larger than the padded input: "));
  EXPECT_EQ(message(conv(x, w, {}, {.stride = {1, 2}})),
            "conv: wrong number of strides: got 2, expected 1 for 1 spatial "
            "dims");
  for (int64_t groups : {int64_t{0}, int64_t{-1}})
    EXPECT_EQ(message(conv(x, w, {}, {.groups = groups})),
              "conv: groups below 1: got " + std::to_string(groups));
  EXPECT_THAT(message(conv(x, w, {}, {.groups = kMax})),
              StartsWith("conv: input channels are not weight channels x "));
  EXPECT_THAT(message(maxpool(x, {0})), StartsWith("maxpool: kernel"));
  EXPECT_THAT(message(maxpool(x, {9})),
              StartsWith("maxpool: kernel is larger than the padded input"));
  EXPECT_THAT(message(avgpool(x, {2, 2})),
              StartsWith("avgpool: not one kernel size a spatial dim"));
  EXPECT_TRUE(conv(x, w, {}, {.stride = {kMax}}).ok());
}

TEST(BadInput, OptionsOfNormalisations) {
  Tensor x = zeros({2, 4, 3}), c = ones({4}), d = ones({3});
  for (double eps :
       {-1.0, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    EXPECT_THAT(message(batch_norm(x, c, c, c, c, eps)),
                StartsWith("batch_norm: eps is negative or not finite: got "));
    EXPECT_THAT(message(layer_norm(x, d, d, eps)),
                StartsWith("layer_norm: eps is negative or not finite: got "));
    EXPECT_THAT(message(group_norm(x, 2, c, c, eps)),
                StartsWith("group_norm: eps is negative or not finite: got "));
  }
  for (int64_t groups : {0, -2, 5})
    EXPECT_THAT(message(group_norm(x, groups, c, c)),
                StartsWith("group_norm: "));
}

TEST(BadInput, AxesAtTheLimitsOfTheirType) {
  Tensor x = zeros({2, 3});
  for (int64_t axis :
       {std::numeric_limits<int64_t>::max(),
        std::numeric_limits<int64_t>::min(), int64_t{2}, int64_t{-3}}) {
    const std::pair<const char *, Tensor> results[] = {
        {"transpose", transpose(x, axis, 0)},
        {"flatten", flatten(x, axis, 1)},
        {"flatten", flatten(x, 0, axis)},
        {"squeeze", squeeze(x, {axis})},
        {"concatenate", concatenate({x, x}, axis)},
        {"sum", sum(x, axis)},
        {"max", max(x, {0, axis})},
        {"mean", mean(x, axis)},
        {"var", var(x, axis)},
        {"argmax", argmax(x, axis)},
        {"softmax", softmax(x, axis)},
        {"iota", iota({2, 3}, axis)}};
    for (const auto &[op, result] : results)
      EXPECT_THAT(message(result), HasSubstr(": axis out of range: axis "))
          << op << " " << axis;
    if (axis != 2 && axis != -3) {
      EXPECT_FALSE(unsqueeze(x, axis).ok());
      EXPECT_FALSE(stack({x, x}, axis).ok());
    }
    EXPECT_FALSE(permute(x, {axis, 0}).ok());
  }
}

TEST(BadInput, SlicesAtTheLimitsOfTheirType) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  Tensor x = arange(0, 5, 1, int32, Device::cpu());
  test::expect_values(slice(x, {{.start = kMin, .stop = kMax}}), {5},
                      {0, 1, 2, 3, 4});
  test::expect_values(slice(x, {{.start = kMax, .stop = kMin, .step = -1}}),
                      {5}, {4, 3, 2, 1, 0});
  test::expect_values(slice(x, {{.step = kMax}}), {1}, {0});
  test::expect_values(slice(x, {{.step = kMin}}), {1}, {4});
  test::expect_values(slice(x, {{.start = kMax, .stop = kMax}}), {0}, {});
}

TEST(BadInput, NumbersOfEveryKind) {
  Tensor b = zeros({2}, boolean), u = zeros({2}, uint8), q = zeros({2}, int4);
  EXPECT_EQ(message(u + 256), "add: number does not fit uint8: got 256");
  EXPECT_EQ(message(u - -1), "sub: number does not fit uint8: got -1");
  EXPECT_EQ(message(q * 8), "mul: number does not fit int4: got 8");
  EXPECT_EQ(message(zeros({2}, int32) + (int64_t{1} << 31)),
            "add: number does not fit int32: got 2147483648");
  EXPECT_EQ(message(full_like(u, NAN)),
            "full_like: a real number for uint8: got nan");
  EXPECT_EQ(message(masked_fill(u, b, 300)),
            "masked_fill: number does not fit uint8: got 300");
  EXPECT_EQ(message(masked_fill(u, u, 3)),
            "masked_fill: needs bool: got uint8");
  EXPECT_EQ(message(arange(0, 300, 1, int8)),
            "arange: number does not fit int8: got 299");
  EXPECT_EQ(message(arange(-1, 3, 1, uint8)),
            "arange: number does not fit uint8: got -1");
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  test::expect_values(arange(kMax - 4, kMax, 2, int64, Device::cpu()) -
                          (kMax - 4),
                      {2}, {0, 2});
  test::expect_values(arange(-kMax, kMax, kMax, int64, Device::cpu()), {2},
                      {-static_cast<double>(kMax), 0});
  EXPECT_TRUE((zeros({2}) + 1e300).ok()) << "rounds to infinity";
}

TEST(BadInput, RaggedLists) {
  EXPECT_EQ(message(tensor({{{1}, {2}}, {{3}}})),
            "tensor: rows differ in length: 2 and 1 at depth 1");
  EXPECT_EQ(message(tensor({{{1, 2}}, {{3}}})),
            "tensor: rows differ in length: 2 and 1 at depth 2");
  EXPECT_EQ(message(tensor({{}, {1}})),
            "tensor: rows differ in length: 0 and 1 at depth 1");
  EXPECT_EQ(message(tensor({{1}, {{2}}})),
            "tensor: numbers beside lists: at depth 2");
}

} // namespace
} // namespace weft
