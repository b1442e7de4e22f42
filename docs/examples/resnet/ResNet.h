// SPDX-License-Identifier: Apache-2.0
// Residual networks with the names of torchvision's checkpoints.
#pragma once

#include "weft/Weft.h"

namespace resnet {
using namespace weft;

/// Options of a conv whose bias the batch norm after it provides.
inline nn::ConvOptions conv(int64_t kernel, int64_t stride = 1) {
  return {.kernel = {kernel, kernel},
          .stride = {stride},
          .padding = {kernel / 2},
          .bias = false};
}

/// What brings x to the shape of a block's result; nothing if it has it.
inline std::optional<nn::Sequential> shortcut(int64_t in, int64_t out,
                                              int64_t stride) {
  if (in == out && stride == 1)
    return {};
  return nn::Sequential(nn::Conv(in, out, conv(1, stride)), nn::BatchNorm(out));
}

/// The block of ResNet-18 and -34.
struct BasicBlock : nn::Module {
  static constexpr int64_t expansion = 1;
  nn::Conv conv1, conv2;
  nn::BatchNorm bn1, bn2;
  std::optional<nn::Sequential> downsample;
  WEFT_FIELDS(conv1, bn1, conv2, bn2, downsample)

  BasicBlock(int64_t in, int64_t width, int64_t stride)
      : conv1(in, width, conv(3, stride)), conv2(width, width, conv(3)),
        bn1(width), bn2(width), downsample(shortcut(in, width, stride)) {}

  Tensor operator()(const Tensor &x) const {
    Tensor y = bn2(conv2(relu(bn1(conv1(x)))));
    return relu(y + (downsample ? (*downsample)(x) : x));
  }
};

/// The block of ResNet-50, -101 and -152; the stride is at the 3x3 conv.
struct Bottleneck : nn::Module {
  static constexpr int64_t expansion = 4;
  nn::Conv conv1, conv2, conv3;
  nn::BatchNorm bn1, bn2, bn3;
  std::optional<nn::Sequential> downsample;
  WEFT_FIELDS(conv1, bn1, conv2, bn2, conv3, bn3, downsample)

  Bottleneck(int64_t in, int64_t width, int64_t stride)
      : conv1(in, width, conv(1)), conv2(width, width, conv(3, stride)),
        conv3(width, expansion * width, conv(1)), bn1(width), bn2(width),
        bn3(expansion * width),
        downsample(shortcut(in, expansion * width, stride)) {}

  Tensor operator()(const Tensor &x) const {
    Tensor y = relu(bn2(conv2(relu(bn1(conv1(x))))));
    y = bn3(conv3(y));
    return relu(y + (downsample ? (*downsample)(x) : x));
  }
};

/// Images [N, 3, H, W] -> logits [N, classes].
///
/// K. He et al., Deep Residual Learning for Image Recognition, 2015.
struct ResNet : nn::Module {
  nn::Conv conv1{3, 64, conv(7, 2)};
  nn::BatchNorm bn1{64};
  nn::Sequential layer1, layer2, layer3, layer4;
  nn::Linear fc;
  WEFT_FIELDS(conv1, bn1, layer1, layer2, layer3, layer4, fc)

  Tensor operator()(const Tensor &images) const {
    Tensor x = relu(bn1(conv1(images)));
    x = maxpool(x, {3}, {.stride = {2}, .padding = {1}});
    return fc(mean(layer4(layer3(layer2(layer1(x)))), {2, 3}));
  }

  /// `depths` blocks in each layer.
  template <typename Block>
  static ResNet of(const std::vector<int> &depths, int64_t classes) {
    ResNet net(512 * Block::expansion, classes);
    nn::Sequential *layers[] = {&net.layer1, &net.layer2, &net.layer3,
                                &net.layer4};
    int64_t in = 64;
    for (size_t i = 0; i < std::size(layers); ++i) {
      const int64_t width = int64_t{64} << i;
      for (int block = 0; block < depths[i]; ++block) {
        layers[i]->append(Block(in, width, i > 0 && block == 0 ? 2 : 1));
        in = width * Block::expansion;
      }
    }
    return net;
  }

private:
  ResNet(int64_t features, int64_t classes) : fc(features, classes) {}
};

inline ResNet resnet18(int64_t classes = 1000) {
  return ResNet::of<BasicBlock>({2, 2, 2, 2}, classes);
}
inline ResNet resnet50(int64_t classes = 1000) {
  return ResNet::of<Bottleneck>({3, 4, 6, 3}, classes);
}

} // namespace resnet
