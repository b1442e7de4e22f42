// SPDX-License-Identifier: Apache-2.0
// The examples of nvtripy's BatchNorm page, in C++: what they print equals the
// page, but for the device.
#include "weft/Functions.h"
#include "weft/NN/BatchNorm.h"
#include "weft/NN/Linear.h"
#include "weft/Runtime.h"

#include <gtest/gtest.h>

#include <sstream>

namespace weft {
namespace {

/// The page's text with the device that the tests run on.
std::string page(std::string text) {
  const std::string theirs = "gpu:0", ours = to_string(default_device());
  for (size_t at = 0; (at = text.find(theirs, at)) != std::string::npos;
       at += ours.size())
    text.replace(at, theirs.size(), ours);
  return text;
}

template <typename T> std::string printed(const T &value) {
  std::ostringstream os;
  os << value;
  return os.str();
}

TEST(SeedPage, BatchNorm) {
  nn::BatchNorm batch_norm(2);

  Tensor input = iota({1, 2, 1, 1});
  Tensor output = batch_norm(input);

  EXPECT_EQ(printed(batch_norm), R"(BatchNorm(
    weight: Parameter = (shape=[2], dtype=float32),
    bias: Parameter = (shape=[2], dtype=float32),
    running_mean: Parameter = (shape=[2], dtype=float32),
    running_var: Parameter = (shape=[2], dtype=float32),
))");
  EXPECT_EQ(printed(batch_norm.state_dict()), page(R"({
    weight: tensor([0.0000, 1.0000], dtype=float32, loc=gpu:0, shape=(2,)),
    bias: tensor([0.0000, 1.0000], dtype=float32, loc=gpu:0, shape=(2,)),
    running_mean: tensor([0.0000, 1.0000], dtype=float32, loc=gpu:0, shape=(2,)),
    running_var: tensor([0.0000, 1.0000], dtype=float32, loc=gpu:0, shape=(2,)),
})"));
  EXPECT_EQ(printed(input), page("tensor(\n"
                                 "    [[[[0.0000]],\n"
                                 "\n"
                                 "      [[0.0000]]]], \n"
                                 "    dtype=float32, loc=gpu:0, "
                                 "shape=(1, 2, 1, 1))"));
  EXPECT_EQ(printed(output), page("tensor(\n"
                                  "    [[[[0.0000]],\n"
                                  "\n"
                                  "      [[0.0000]]]], \n"
                                  "    dtype=float32, loc=gpu:0, "
                                  "shape=(1, 2, 1, 1))"));
}

TEST(SeedPage, BatchNormAttributes) {
  nn::BatchNorm batch_norm(2, {.dtype = float16, .eps = 1e-3});
  EXPECT_EQ(batch_norm.dtype(), float16);
  EXPECT_EQ(batch_norm.num_features, 2);
  EXPECT_EQ(batch_norm.eps, 1e-3);
  EXPECT_EQ(nn::BatchNorm(2).eps, 1e-5);
}

struct MyModule : nn::Module {
  nn::Parameter param = ones({2}, float32);
  nn::Linear linear1{2, 2};
  nn::Linear linear2{2, 2};
  WEFT_FIELDS(param, linear1, linear2)
};

TEST(SeedPage, StateDict) {
  MyModule module;

  StateDict state_dict = module.state_dict();

  EXPECT_EQ(printed(state_dict),
            page("{\n"
                 "    param: tensor([1.0000, 1.0000], dtype=float32, "
                 "loc=gpu:0, shape=(2,)),\n"
                 "    linear1.weight: tensor(\n"
                 "        [[0.0000, 1.0000],\n"
                 "         [2.0000, 3.0000]], \n"
                 "        dtype=float32, loc=gpu:0, shape=(2, 2)),\n"
                 "    linear1.bias: tensor([0.0000, 1.0000], dtype=float32, "
                 "loc=gpu:0, shape=(2,)),\n"
                 "    linear2.weight: tensor(\n"
                 "        [[0.0000, 1.0000],\n"
                 "         [2.0000, 3.0000]], \n"
                 "        dtype=float32, loc=gpu:0, shape=(2, 2)),\n"
                 "    linear2.bias: tensor([0.0000, 1.0000], dtype=float32, "
                 "loc=gpu:0, shape=(2,)),\n"
                 "}"));
}

TEST(SeedPage, LoadStateDict) {
  MyModule module;
  StateDict state_dict = module.state_dict();
  std::ostringstream out;

  out << "Before: " << module.param << '\n';

  state_dict["param"] = zeros({2}, float32);
  ASSERT_TRUE(module.load_state_dict(state_dict).ok());

  out << "After: " << module.param << '\n';

  EXPECT_EQ(out.str(),
            page("Before: tensor([1.0000, 1.0000], dtype=float32, loc=gpu:0, "
                 "shape=(2,))\n"
                 "After: tensor([0.0000, 0.0000], dtype=float32, loc=gpu:0, "
                 "shape=(2,))\n"));
}

TEST(SeedPage, NamedChildren) {
  struct StackedLinear : nn::Module {
    nn::Linear linear1{2, 2};
    nn::Linear linear2{2, 2};
    WEFT_FIELDS(linear1, linear2)
  };

  StackedLinear stacked_linear;

  std::ostringstream out;
  for (const auto &[name, module] : stacked_linear.named_children())
    out << name << ": " << module.class_name() << '\n';
  EXPECT_EQ(out.str(), "linear1: Linear\nlinear2: Linear\n");
}

TEST(SeedPage, NamedParameters) {
  struct MyModule : nn::Module {
    nn::Parameter alpha = tensor(1);
    nn::Parameter beta = tensor(2);
    WEFT_FIELDS(alpha, beta)
  };

  MyModule linear;

  std::ostringstream out;
  for (const auto &[name, parameter] : linear.named_parameters())
    out << name << ": " << parameter << '\n';
  EXPECT_EQ(out.str(),
            page("alpha: tensor(1, dtype=int32, loc=gpu:0, shape=())\n"
                 "beta: tensor(2, dtype=int32, loc=gpu:0, shape=())\n"));
}

TEST(SeedPage, AppliesToEveryRankOfInputs) {
  nn::BatchNorm batch_norm(2);
  for (const Shape &shape :
       {Shape{3, 2}, Shape{3, 2, 4}, Shape{3, 2, 4, 4}, Shape{1, 2, 2, 2, 2}})
    EXPECT_EQ(batch_norm(iota(shape)).shape(), shape);
}

} // namespace
} // namespace weft
