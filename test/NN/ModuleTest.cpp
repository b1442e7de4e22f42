// SPDX-License-Identifier: Apache-2.0
// State, loading, moving and printing of modules.
#include "test/Tensor/Values.h"

#include "weft/Functions.h"
#include "weft/NN/BatchNorm.h"
#include "weft/NN/Linear.h"
#include "weft/NN/Module.h"
#include "weft/Runtime.h"

#include <mutex>

namespace weft::nn {
namespace {

using test::expect_values;

struct Net : Module {
  Linear fc1{2, 2}, fc2{2, 1};
  WEFT_FIELDS(fc1, fc2)

  Tensor operator()(const Tensor &x) const { return fc2(relu(fc1(x))); }
};

StateDict ones_for(const Module &module) {
  StateDict state;
  for (const auto &[name, tensor] : module.state_dict())
    state[name] = ones_like(tensor);
  return state;
}

TEST(Module, StateIsOrderedAndRecurses) {
  std::vector<std::string> names;
  for (const auto &[name, tensor] : Net().state_dict())
    names.push_back(name);
  EXPECT_THAT(names, testing::ElementsAre("fc1.weight", "fc1.bias",
                                          "fc2.weight", "fc2.bias"));
}

TEST(Module, Loads) {
  Net net;
  StatusOr<LoadResult> result = net.load_state_dict(ones_for(net));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->missing, testing::IsEmpty());
  EXPECT_THAT(result->unexpected, testing::IsEmpty());
  EXPECT_TRUE(net.fc2.bias->is_loaded());
  EXPECT_EQ(net.fc2.bias->path(), "fc2.bias");
  expect_values(net.fc1.weight, {2, 2}, {1, 1, 1, 1});
  // fc1: 1 + 2 + 1 = 4, twice; fc2: 4 + 4 + 1.
  expect_values(net(tensor({{1.0, 2.0}})), {1, 1}, {9});
}

TEST(Module, StrictLoadingListsEveryOffenderAtOnce) {
  Net net;
  StateDict state = ones_for(net);
  state["fc1.weight"] = ones({3, 2});
  state["fc2.weight"] = ones({1, 2}, float64);
  state["fc1.bias"] = exp(tensor({1}));
  state.erase("fc2.bias");
  state["extra"] = ones({1});
  StatusOr<LoadResult> result = net.load_state_dict(state);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::invalid_argument);
  EXPECT_THAT(
      std::string(result.status().message()),
      testing::AllOf(
          testing::StartsWith("load_state_dict: the state does not fit the "
                              "module:\n  fc1.weight: has [2, 2] float32, got "
                              "[3, 2] float32\n  fc1.bias: exp: needs a "
                              "floating-point type: got int32"),
          testing::HasSubstr(
              "\n  fc2.weight: has [1, 2] float32, got [1, 2] float64"),
          testing::EndsWith("\n  missing: fc2.bias\n  unexpected: extra")));
}

TEST(Module, LoadsAllOrNothing) {
  Net net;
  StateDict state = ones_for(net);
  state["fc2.weight"] = ones({7});
  ASSERT_FALSE(net.load_state_dict(state, {.strict = false}).ok());
  EXPECT_FALSE(net.fc1.weight.is_loaded());
  expect_values(net.fc1.weight, {2, 2}, {0, 1, 2, 3});
}

TEST(Module, LooseLoadingReturnsWhatDiffers) {
  Net net;
  StateDict state = ones_for(net);
  state.erase("fc2.bias");
  state["extra"] = ones({1});
  StatusOr<LoadResult> result = net.load_state_dict(state, {.strict = false});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->missing, testing::ElementsAre("fc2.bias"));
  EXPECT_THAT(result->unexpected, testing::ElementsAre("extra"));
  EXPECT_TRUE(net.fc1.weight.is_loaded());
  EXPECT_FALSE(net.fc2.bias->is_loaded());
}

TEST(Module, PyTorchsBatchCountersAreIgnored) {
  struct WithNorm : Module {
    BatchNorm bn{2};
    WEFT_FIELDS(bn)
  } net;
  StateDict state = ones_for(net);
  state["bn.num_batches_tracked"] = tensor(5, int64);
  StatusOr<LoadResult> result = net.load_state_dict(state);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->unexpected, testing::IsEmpty());
  // Only beside the statistics of a batch norm.
  state["num_batches_tracked"] = tensor(5, int64);
  EXPECT_FALSE(net.load_state_dict(state).ok());
}

TEST(Module, LoadingMayCast) {
  Net net;
  net.to(float16);
  StateDict state = ones_for(Net());
  EXPECT_FALSE(net.load_state_dict(state).ok());
  ASSERT_TRUE(net.load_state_dict(state, {.cast = true}).ok());
  EXPECT_EQ(net.fc1.weight.dtype(), float16);
  expect_values(net.fc1.weight, {2, 2}, {1, 1, 1, 1});
}

TEST(Module, ToCastsFloatsOnly) {
  struct Mixed : Module {
    Parameter weight = tensor({1.5}), count = tensor({3});
    WEFT_FIELDS(weight, count)
  } module;
  module.to(float16);
  EXPECT_EQ(module.weight.dtype(), float16);
  EXPECT_EQ(module.count.dtype(), int32);
  expect_values(module.weight, {1}, {1.5});
}

TEST(Module, CopiesAreIndependentValues) {
  Net a;
  Net b = a;
  ASSERT_TRUE(b.load_state_dict(ones_for(b)).ok());
  EXPECT_FALSE(a.fc1.weight.is_loaded());
  expect_values(a.fc1.weight, {2, 2}, {0, 1, 2, 3});
}

TEST(Module, PrintsNestedModules) {
  EXPECT_EQ(to_string(Net()),
            "Net(\n"
            "    fc1: Module = Linear(\n"
            "        weight: Parameter = (shape=[2, 2], dtype=float32),\n"
            "        bias: Parameter = (shape=[2], dtype=float32),\n"
            "    ),\n"
            "    fc2: Module = Linear(\n"
            "        weight: Parameter = (shape=[1, 2], dtype=float32),\n"
            "        bias: Parameter = (shape=[1], dtype=float32),\n"
            "    ),\n"
            ")");
}

TEST(Module, UnloadedParametersAreNamedOnce) {
  std::mutex mutex;
  std::vector<std::string> lines;
  set_log_callback([&](LogLevel level, std::string_view line) {
    std::lock_guard<std::mutex> lock(mutex);
    if (level == LogLevel::warning)
      lines.emplace_back(line);
  });
  Net net;
  Tensor x = tensor({{1.0, 2.0}});
  EXPECT_TRUE(net(x).eval().ok());
  EXPECT_TRUE(net(x).eval().ok());
  set_log_callback({});
  ASSERT_EQ(lines.size(), 1u);
  for (const char *name : {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"})
    EXPECT_THAT(lines[0], testing::HasSubstr(name));
}

} // namespace
} // namespace weft::nn
