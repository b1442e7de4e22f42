// SPDX-License-Identifier: Apache-2.0
// MobileNetV2 with the names of torchvision's checkpoints.
#pragma once

#include "weft/Weft.h"

namespace mobilenet_v2 {
using namespace weft;

inline Tensor relu6(const Tensor &x) { return minimum(relu(x), 6); }

/// conv, batch norm, relu6; a depthwise conv has as many groups as channels.
inline nn::Sequential convNormRelu(int64_t in, int64_t out, int64_t kernel,
                                   int64_t stride = 1, int64_t groups = 1) {
  return nn::Sequential(nn::Conv(in, out,
                                 {.kernel = {kernel, kernel},
                                  .stride = {stride},
                                  .padding = {kernel / 2},
                                  .groups = groups,
                                  .bias = false}),
                        nn::BatchNorm(out), relu6);
}

/// Widens, filters every channel on its own, narrows again.
struct InvertedResidual : nn::Module {
  nn::Sequential conv;
  WEFT_FIELDS(conv)
  bool adds; // the input to the result

  InvertedResidual(int64_t in, int64_t out, int64_t stride, int64_t expansion)
      : adds(stride == 1 && in == out) {
    const int64_t width = in * expansion;
    if (expansion != 1)
      conv.append(convNormRelu(in, width, 1));
    conv.append(convNormRelu(width, width, 3, stride, width));
    conv.append(nn::Conv(width, out, {.kernel = {1, 1}, .bias = false}));
    conv.append(nn::BatchNorm(out));
  }

  Tensor operator()(const Tensor &x) const {
    return adds ? x + conv(x) : conv(x);
  }
};

/// Images [N, 3, H, W] -> logits [N, classes].
///
/// M. Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks,
/// 2018.
struct MobileNetV2 : nn::Module {
  nn::Sequential features, classifier;
  WEFT_FIELDS(features, classifier)

  explicit MobileNetV2(int64_t classes = 1000) {
    struct Stage {
      int64_t expansion, channels, blocks, stride;
    };
    int64_t in = 32;
    features.append(convNormRelu(3, in, 3, 2));
    for (const Stage &stage : std::initializer_list<Stage>{{1, 16, 1, 1},
                                                           {6, 24, 2, 2},
                                                           {6, 32, 3, 2},
                                                           {6, 64, 4, 2},
                                                           {6, 96, 3, 1},
                                                           {6, 160, 3, 2},
                                                           {6, 320, 1, 1}})
      for (int64_t block = 0; block < stage.blocks; ++block) {
        features.append(InvertedResidual(in, stage.channels,
                                         block == 0 ? stage.stride : 1,
                                         stage.expansion));
        in = stage.channels;
      }
    features.append(convNormRelu(in, 1280, 1));
    // Step 0 is where training drops values out.
    classifier.append([](const Tensor &x) { return x; })
        .append(nn::Linear(1280, classes));
  }

  Tensor operator()(const Tensor &images) const {
    return classifier(mean(features(images), {2, 3}));
  }
};

} // namespace mobilenet_v2
