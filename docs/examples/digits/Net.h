// SPDX-License-Identifier: Apache-2.0
// A small residual net, written as one writes it.
#pragma once

#include "weft/Weft.h"

namespace digits {
using namespace weft;

struct Block : nn::Module {
  nn::Conv conv1, conv2;
  nn::BatchNorm bn1, bn2;
  std::optional<nn::Sequential> downsample;
  WEFT_FIELDS(conv1, bn1, conv2, bn2, downsample)

  Block(int64_t in, int64_t out, int64_t stride)
      : conv1(in, out, conv3x3(stride)), conv2(out, out, conv3x3(1)), bn1(out),
        bn2(out) {
    if (stride != 1)
      downsample = nn::Sequential(
          nn::Conv(in, out,
                   {.kernel = {1, 1}, .stride = {stride}, .bias = false}),
          nn::BatchNorm(out));
  }

  static nn::ConvOptions conv3x3(int64_t stride) {
    return {
        .kernel = {3, 3}, .stride = {stride}, .padding = {1}, .bias = false};
  }

  Tensor operator()(const Tensor &x) const {
    Tensor y = bn2(conv2(relu(bn1(conv1(x)))));
    return relu(y + (downsample ? (*downsample)(x) : x));
  }
};

struct Net : nn::Module {
  nn::Conv conv1{1, 16, Block::conv3x3(1)};
  nn::BatchNorm bn1{16};
  nn::Sequential layer1{Block(16, 16, 1), Block(16, 16, 1)};
  nn::Sequential layer2{Block(16, 32, 2), Block(32, 32, 1)};
  nn::Sequential layer3{Block(32, 64, 2), Block(64, 64, 1)};
  nn::Linear fc{64, 10};
  WEFT_FIELDS(conv1, bn1, layer1, layer2, layer3, fc)

  Tensor operator()(const Tensor &images) const {
    Tensor x = relu(bn1(conv1(images)));
    return fc(mean(layer3(layer2(layer1(x))), {2, 3}));
  }
};

} // namespace digits
