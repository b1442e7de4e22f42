// SPDX-License-Identifier: Apache-2.0
#include "Examples.h"

#include "digits/Net.h"

#include <map>

namespace weft::tools {
namespace {

/// An input with elements: what is computed from nothing would be folded.
Tensor input(const Shape &shape) {
  std::vector<float> elements(static_cast<size_t>(shape.num_elements()));
  return Tensor::from_host<float>(elements, shape);
}

Tensor batchNorm() { return nn::BatchNorm(64)(input({8, 64, 56, 56})); }

Tensor convBnRelu() {
  nn::Sequential net(nn::Conv(16, 32, {.kernel = {3, 3}, .padding = {1}}),
                     nn::BatchNorm(32), relu);
  return net(input({8, 16, 28, 28}));
}

/// What docs/examples/first.cpp does with an image as cameras and files have
/// it: bytes, height x width x channels.
Tensor first() {
  std::vector<uint8_t> pixels(224 * 224 * 3);
  Tensor image = Tensor::from_host<uint8_t>(pixels, {{224, 224, 3}});
  Tensor x = permute(cast(image, float32) / 255, {2, 0, 1});
  nn::Sequential net(
      nn::Conv(3, 16, {.kernel = {3, 3}, .padding = {1}, .bias = false}),
      nn::BatchNorm(16), relu);
  return net(unsqueeze(x, 0));
}

Tensor digitsNet() { return digits::Net()(input({450, 1, 8, 8})); }

} // namespace

static const std::map<std::string, Tensor (*)()> &examples() {
  static const std::map<std::string, Tensor (*)()> examples = {
      {"batchnorm", batchNorm},
      {"conv-bn-relu", convBnRelu},
      {"digits", digitsNet},
      {"first", first}};
  return examples;
}

std::string exampleNames() {
  std::string names;
  size_t left = examples().size();
  for (const auto &[name, make] : examples())
    names += name + (--left > 1 ? ", " : left == 1 ? " or " : "");
  return names;
}

StatusOr<std::vector<Tensor>> example(const std::string &name) {
  auto found = examples().find(name);
  if (found == examples().end())
    return invalid_argument_error("dump: got \"" + name +
                                  "\", expected a file that ends in .mlir, " +
                                  exampleNames());
  return std::vector<Tensor>{found->second()};
}

} // namespace weft::tools
