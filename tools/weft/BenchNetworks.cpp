// SPDX-License-Identifier: Apache-2.0
// The networks that benchmarks run.
#include "BenchNetworks.h"

#include "weft/Weft.h"

#include "digits/Net.h"

#include <cmath>

namespace weft::tools {
namespace {

/// Gives every parameter elements: variances of 1, weights small enough that
/// values stay near 1 through all layers.
template <typename Net> Net loaded(Net net, Device device) {
  StatusOr<StateDict> state = net.state_dict();
  if (!state.ok())
    return net;
  StateDict values;
  for (const auto &[name, parameter] : *state) {
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

BenchFunction digitsNet(Device device) {
  return [net = loaded(digits::Net(), device)](const std::vector<Tensor> &x) {
    return net(x[0]);
  };
}

} // namespace

const std::vector<BenchNetwork> &benchNetworks() {
  static const std::vector<BenchNetwork> networks = {
      {"digits", {float32, {1, 1, 8, 8}}, digitsNet},
  };
  return networks;
}

} // namespace weft::tools
