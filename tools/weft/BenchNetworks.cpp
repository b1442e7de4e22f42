// SPDX-License-Identifier: Apache-2.0
// The networks that benchmarks run.
#include "BenchNetworks.h"

#include "weft/Weft.h"

#include "digits/Net.h"
#include "encoder/Encoder.h"
#include "mlp/MLP.h"
#include "mobilenet_v2/MobileNetV2.h"
#include "resnet/ResNet.h"

#include <cmath>

namespace weft::tools {
namespace {

/// Gives every parameter elements: variances of 1, weights small enough that
/// values stay near 1 through all layers.
template <typename Net> Net loaded(Net net, Device device) {
  StateDict values;
  for (const auto &[name, parameter] : net.state_dict()) {
    std::vector<float> elements(static_cast<size_t>(parameter.num_elements()));
    auto fanIn = static_cast<float>(
        parameter.rank() > 1 ? parameter.num_elements() / parameter.shape()[0]
                             : 1);
    for (size_t i = 0; i < elements.size(); ++i)
      elements[i] =
          name.ends_with("running_var")
              ? 1
              : static_cast<float>(i * 37 % 64) / 32 / std::sqrt(fanIn) -
                    1 / std::sqrt(fanIn);
    values[name] =
        Tensor::from_host<float>(elements, parameter.shape(), device);
  }
  (void)net.load_state_dict(values);
  return net;
}

template <typename Net> BenchFunction functionOf(Net net, Device device) {
  return [net = loaded(std::move(net), device)](const std::vector<Tensor> &x) {
    return net(x[0]);
  };
}

} // namespace

const std::vector<BenchNetwork> &benchNetworks() {
  static const InputSpec image{float32, {1, 3, 224, 224}},
      small{float32, {1, 3, 32, 32}}, digit{float32, {1, 1, 8, 8}},
      vector{float32, {1, 784}};
  static const std::vector<BenchNetwork> networks = {
      {"digits", digit, digit,
       [](Device device) { return functionOf(digits::Net(), device); }},
      {"mlp", vector, vector,
       [](Device device) { return functionOf(mlp::MLP(), device); }},
      {"resnet18", image, small,
       [](Device device) { return functionOf(resnet::resnet18(), device); }},
      {"resnet50", image, small,
       [](Device device) { return functionOf(resnet::resnet50(), device); }},
      {"mobilenet_v2", image, small,
       [](Device device) {
         return functionOf(mobilenet_v2::MobileNetV2(), device);
       }},
      {"encoder",
       {float32, {1, 512, 768}},
       {float32, {1, 4, 768}},
       [](Device device) { return functionOf(encoder::Block(), device); }},
  };
  return networks;
}

} // namespace weft::tools
