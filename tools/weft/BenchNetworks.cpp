// SPDX-License-Identifier: Apache-2.0
// The networks that benchmarks run.
#include "BenchNetworks.h"

#include "BenchBuffers.h"
#include "HostMemory.h"

#include "weft/Core/ShapeRules.h"
#include "weft/Weft.h"

#include "digits/Net.h"
#include "encoder/Encoder.h"
#include "mlp/MLP.h"
#include "mobilenet_v2/MobileNetV2.h"
#include "resnet/ResNet.h"

#include <cmath>

namespace weft::tools {
namespace {

/// Element `i` of a parameter. Values stay near 1 through all layers, also
/// where 16 bits hold no large ones: a block adds little to what it gets.
double parameterElement(const std::string &name, const Shape &shape,
                        int64_t i) {
  if (name.ends_with("running_var"))
    return 1;
  double element = benchElement(0, i);
  if (shape.rank() > 1)
    return element /
           std::sqrt(static_cast<double>(shape.num_elements() / shape[0]));
  return element / 8 + (name.ends_with("weight") ? 0.5 : 0);
}

template <typename Net> Net loaded(Net net, Device device, DType dtype) {
  StateDict values;
  for (const auto &[name, parameter] : net.state_dict()) {
    std::vector<float> elements(static_cast<size_t>(parameter.num_elements()));
    for (size_t i = 0; i < elements.size(); ++i)
      elements[i] = static_cast<float>(
          parameterElement(name, parameter.shape(), static_cast<int64_t>(i)));
    values[name] =
        Tensor::from_host<float>(elements, parameter.shape(), device);
  }
  (void)net.load_state_dict(values);
  net.to(dtype);
  for (const auto &[name, parameter] : net.state_dict())
    (void)parameter.eval(); // elements, not a cast in every evaluation
  return net;
}

template <typename Net>
BenchFunction functionOf(Net net, Device device, DType dtype) {
  return [net = loaded(std::move(net), device, dtype)](
             const std::vector<Tensor> &x) { return net(x[0]); };
}

} // namespace

const std::vector<BenchNetwork> &benchNetworks() {
  static const Shape image{1, 3, 224, 224}, small{1, 3, 32, 32},
      digit{1, 1, 8, 8}, vector{1, 784};
  static const std::vector<BenchNetwork> networks = {
      {"digits", digit, digit,
       [](Device device, DType dtype) {
         return functionOf(digits::Net(), device, dtype);
       }},
      {"mlp", vector, vector,
       [](Device device, DType dtype) {
         return functionOf(mlp::MLP(), device, dtype);
       }},
      {"resnet18", image, small,
       [](Device device, DType dtype) {
         return functionOf(resnet::resnet18(), device, dtype);
       }},
      {"resnet50",
       image,
       small,
       [](Device device, DType dtype) {
         return functionOf(resnet::resnet50(), device, dtype);
       },
       {32, 256}},
      {"mobilenet_v2",
       image,
       small,
       [](Device device, DType dtype) {
         return functionOf(mobilenet_v2::MobileNetV2(), device, dtype);
       },
       {32}},
      {"encoder",
       {1, 512, 768},
       {1, 4, 768},
       [](Device device, DType dtype) {
         return functionOf(encoder::Block(), device, dtype);
       },
       {8}},
  };
  return networks;
}

StatusOr<Shape> inBatches(const BenchNetwork &network, int64_t batch) {
  std::vector<int64_t> sizes(network.input.begin(), network.input.end());
  sizes[0] = batch;
  Shape shape(sizes);
  std::string option = "--batch=" + std::to_string(batch);
  if (Status status = shape_rules::valid(option, shape); !status.ok())
    return status;
  // Made as float32 on the host, whatever the type and the device.
  Status status = fitsHostMemory(
      option, "an input " + to_string(shape) + " of " + network.name,
      shape.num_elements() * size_in_bytes(float32));
  return status.ok() ? StatusOr<Shape>(shape) : status;
}

} // namespace weft::tools
