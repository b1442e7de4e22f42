// SPDX-License-Identifier: Apache-2.0
// The batch norms that benchmarks run.
#include "BenchBatchNorm.h"

#include "BenchBuffers.h"

#include <cmath>

namespace weft::tools {
namespace {

/// The parameters of a channel.
struct Channel {
  double weight, bias, mean, variance;
};
Channel channelOf(int64_t c) {
  return {0.5 + static_cast<double>(c % 8) / 8,
          static_cast<double>(c % 5) / 4 - 0.5,
          static_cast<double>(c % 7) / 8 - 0.375,
          0.5 + static_cast<double>(c % 3) / 2};
}

} // namespace

NormForm normFormOf(std::string_view name) {
  return {.add = name.find("add") != name.npos,
          .relu = name.find("relu") != name.npos};
}

std::string_view nameOf(NormForm form) {
  if (form.add)
    return form.relu ? "bn+add+relu" : "bn+add";
  return form.relu ? "bn+relu" : "bn";
}

nn::BatchNorm benchBatchNorm(int64_t channels, DType dtype, Device device) {
  std::vector<float> values[4];
  for (int64_t c = 0; c < channels; ++c) {
    Channel channel = channelOf(c);
    values[0].push_back(static_cast<float>(channel.weight));
    values[1].push_back(static_cast<float>(channel.bias));
    values[2].push_back(static_cast<float>(channel.mean));
    values[3].push_back(static_cast<float>(channel.variance));
  }
  nn::BatchNorm bn(channels, {.dtype = dtype});
  nn::Parameter *parameters[] = {&bn.weight, &bn.bias, &bn.running_mean,
                                 &bn.running_var};
  for (size_t i = 0; i < 4; ++i) {
    Tensor value = cast(Tensor::from_host<float>(values[i], {}, device), dtype);
    (void)value.eval();
    *parameters[i] = nn::Parameter(value);
  }
  return bn;
}

NormResult normResult(NormForm form, int64_t c, double x, double residual) {
  Channel channel = channelOf(c);
  double y =
      (x - channel.mean) / std::sqrt(channel.variance + 1e-5) * channel.weight +
      channel.bias;
  double size = std::fabs(y);
  if (form.add)
    y += residual;
  return {form.relu ? std::max(y, 0.0) : y, size + std::fabs(y) + 1};
}

double toleranceOf(DType dtype, const NormResult &result) {
  return (roundingOf(dtype) + 2e-6) * result.size;
}

} // namespace weft::tools
