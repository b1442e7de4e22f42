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

/// The net of docs/examples/first.cpp, its image and the names of its weights.
struct FirstNet : nn::Module {
  nn::Conv conv1{1, 16, {.kernel = {3, 3}, .padding = {1}, .bias = false}};
  nn::BatchNorm bn1{16};
  WEFT_FIELDS(conv1, bn1)

  Tensor operator()(const Tensor &image) const {
    Tensor x = permute(cast(image, float32) / 255, {2, 0, 1});
    return relu(bn1(conv1(unsqueeze(x, 0))));
  }
};

Tensor first() {
  std::vector<uint8_t> pixels(8 * 8);
  return FirstNet()(Tensor::from_host<uint8_t>(pixels, {{8, 8, 1}}));
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

bool isExample(const std::string &name) { return examples().contains(name); }

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
