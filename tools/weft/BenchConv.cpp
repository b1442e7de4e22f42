// SPDX-License-Identifier: Apache-2.0
// conv: the convolutions of ResNet-50, with what their kernels compute behind
// them.
#include "Bench.h"
#include "BenchBuffers.h"
#include "BenchProgram.h"
#include "BenchTimer.h"
#include "HostMemory.h"
#include "NetworkConvs.h"

#include "weft/Core/Float.h"
#include "weft/Weft.h"

#include "lib/Compiler/Codegen.h"
#include "runtime/StreamOrder.h"

#include <cmath>

namespace weft::tools {
namespace {

constexpr int64_t kBatch = 32;

// ---- where elements are -----------------------------------------------------

/// Images [N, C, H, W] in memory, in the order of axes that the network has
/// between its convolutions.
struct Layout {
  bool isLast; // the channels

  Shape inMemory(const Shape &x) const {
    return isLast ? Shape{x[0], x[2], x[3], x[1]} : x;
  }
  Tensor fromMemory(const Tensor &x) const {
    return isLast ? permute(x, {0, 3, 1, 2}) : x;
  }
  Tensor toMemory(const Tensor &x) const {
    return isLast ? permute(x, {0, 2, 3, 1}) : x;
  }
  int64_t offset(const Shape &x, int64_t n, int64_t c, int64_t h,
                 int64_t w) const {
    return isLast ? ((n * x[2] + h) * x[3] + w) * x[1] + c
                  : ((n * x[1] + c) * x[2] + h) * x[3] + w;
  }
};

StatusOr<Layout> layoutOf(DType dtype, Device device) {
  StatusOr<compiler::Target> target = compiler::Target::of(device);
  if (!target.ok())
    return target.status();
  return Layout{size_in_bytes(multipliedAs(dtype, device)) == 2 &&
                target->hasTensorCores()};
}

// ---- what is measured -------------------------------------------------------

Shape resultOf(const NetworkConv &conv) {
  auto size = [&](size_t axis) {
    const ConvOptions &options = conv.options;
    return (conv.x[axis + 2] + options.padding[axis].low +
            options.padding[axis].high -
            options.dilation[axis] * (conv.weight[axis + 2] - 1) - 1) /
               options.stride[axis] +
           1;
  };
  return {conv.x[0], conv.weight[0], size(0), size(1)};
}

/// Keeps the sums near 1, and the weights exact: a power of two.
double weightScale(const NetworkConv &conv) {
  auto terms = static_cast<double>(conv.weight.num_elements() / conv.weight[0]);
  return std::exp2(-std::round(std::log2(std::sqrt(terms))));
}
double weightElement(const NetworkConv &conv, int64_t i) {
  return benchElement(2, i) * weightScale(conv);
}

BenchFunction functionOf(const NetworkConv &conv, Layout layout, DType dtype,
                         Device device) {
  nn::Parameter weights(benchTensor(conv.weight, dtype, device, [&](int64_t i) {
    return weightElement(conv, i);
  }));
  nn::BatchNorm bn = benchBatchNorm(conv.weight[0], dtype, device);
  return [=](const std::vector<Tensor> &inputs) {
    Tensor y =
        bn(weft::conv(layout.fromMemory(inputs[0]), weights, {}, conv.options));
    if (conv.form.add)
      y = y + layout.fromMemory(inputs[1]);
    return layout.toMemory(conv.form.relu ? relu(y) : y);
  };
}

std::vector<Shape> inputsOf(const NetworkConv &conv, Layout layout) {
  std::vector<Shape> shapes = {layout.inMemory(conv.x)};
  if (conv.form.add)
    shapes.push_back(layout.inMemory(resultOf(conv)));
  return shapes;
}

// ---- is it right ------------------------------------------------------------

/// One sum, without padding's zeros, and the root of the sum of its squares.
struct Sum {
  double value = 0, squares = 0;
};
Sum sumOf(const NetworkConv &conv, Layout layout, int64_t n, int64_t o,
          int64_t h, int64_t w) {
  const Shape &weight = conv.weight;
  const ConvOptions &options = conv.options;
  Sum sum;
  for (int64_t i = 0; i < weight.num_elements() / weight[0]; ++i) {
    int64_t c = i / (weight[2] * weight[3]), a = i / weight[3] % weight[2],
            b = i % weight[3];
    int64_t y = h * options.stride[0] + a - options.padding[0].low,
            x = w * options.stride[1] + b - options.padding[1].low;
    if (y < 0 || y >= conv.x[2] || x < 0 || x >= conv.x[3])
      continue;
    double product =
        benchElement(0, layout.offset(conv.x, n, c, y, x)) *
        weightElement(conv, o * weight.num_elements() / weight[0] + i);
    sum.value += product, sum.squares += product * product;
  }
  return sum;
}

/// Some hundred elements.
Status checkResult(const NetworkConv &conv, Layout layout, DType dtype,
                   runtime::Storage &output) {
  std::vector<char> host(static_cast<size_t>(output.bytes()));
  if (Status status = runtime::copyToHost(host.data(), output, output.bytes());
      !status.ok())
    return status;
  Shape y = resultOf(conv);
  // Of weights in TF32, with the batch norm in them, the errors add up.
  DType multiplied = multipliedAs(dtype, output.device());
  double terms = multiplied == dtype ? 1 : 4;
  int64_t count = y.num_elements();
  for (int64_t i = 0; i < count; i += count / 300 | 1) {
    int64_t w = i % y[3], h = i / y[3] % y[2], o = i / y[3] / y[2] % y[1],
            n = i / y[3] / y[2] / y[1], at = layout.offset(y, n, o, h, w);
    Sum sum = sumOf(conv, layout, n, o, h, w);
    NormResult want = normResult(conv.form, o, sum.value, benchElement(1, at));
    want.size += std::sqrt(sum.squares);
    double got = load_as_double(host.data(), dtype, at);
    if (!(std::fabs(got - want.value) <= terms * toleranceOf(multiplied, want)))
      return internal_error(
          "conv of " + textOf(conv.x) + " with " + textOf(conv.weight) + " " +
          std::string(name(dtype)) + ": wrong result: element " +
          std::to_string(at) + ": expected " + std::to_string(want.value) +
          ", got " + std::to_string(got));
  }
  return {};
}

// ---- measuring --------------------------------------------------------------

double operationsOf(const NetworkConv &conv) {
  return 2.0 * static_cast<double>(resultOf(conv).num_elements()) *
         static_cast<double>(conv.weight.num_elements() / conv.weight[0]);
}

/// For rounds of two milliseconds, on a GPU whole rotations.
int64_t callsOf(const NetworkConv &conv, const BenchBuffers &buffers,
                Device device) {
  double rate = device.is_gpu() ? 2e14 : 2e10;
  auto calls =
      static_cast<int64_t>(2e-3 / (operationsOf(conv) / rate + 4e-6)) + 1;
  auto sets = static_cast<int64_t>(buffers.sets());
  return device.is_gpu() ? (calls + sets - 1) / sets * sets : calls;
}

StatusOr<Times> timeOf(const BenchProgram &program, const NetworkConv &conv,
                       const BenchBuffers &buffers,
                       const BenchOptions &options) {
  StatusOr<std::unique_ptr<BenchTimer>> timer =
      BenchTimer::create(options.device);
  if (!timer.ok())
    return timer.status();
  Status added = (*timer)->add(
      [&](int64_t i, runtime::CudaStream stream) {
        return program.run(buffers.inputsOf(i), buffers.output(i), stream);
      },
      callsOf(conv, buffers, options.device));
  if (!added.ok())
    return added;
  auto times = (*timer)->measure(options.quick ? 0.05 : 0.1);
  if (!times.ok())
    return times.status();
  return times->front();
}

Status measure(const NetworkConv &conv, Layout layout, DType dtype,
               const BenchOptions &options, Report &report) {
  Device device = options.device;
  std::vector<Shape> shapes = inputsOf(conv, layout);
  std::vector<InputSpec> specs;
  for (const Shape &shape : shapes)
    specs.push_back({dtype, shape});
  StatusOr<BenchProgram> program = BenchProgram::compile(
      functionOf(conv, layout, dtype, device), specs, device);
  if (!program.ok())
    return program.status();
  StatusOr<BenchBuffers> buffers = BenchBuffers::make(
      device, dtype, shapes, program->output().shape, options.quick);
  if (!buffers.ok())
    return buffers.status();
  Status status =
      program->run(buffers->inputs[0], buffers->outputs[0]->data(), nullptr);
  if (status.ok())
    status = checkResult(conv, layout, dtype, *buffers->outputs[0]);
  if (!status.ok())
    return status;
  StatusOr<Times> times = timeOf(*program, conv, *buffers, options);
  if (!times.ok())
    return times.status();
  report.row({textOf(conv.x), conv.weight[0],
              textOf({conv.weight[2], conv.weight[3]}), conv.options.stride[0],
              conv.options.padding[0].low, std::string(nameOf(conv.form)),
              std::string(name(dtype)), conv.times, program->numLaunches(),
              times->median * 1e6, times->least * 1e6,
              operationsOf(conv) / times->median * 1e-12});
  return {};
}

std::string methodOf(Device device) {
  std::string text = "Every different convolution of ResNet-50, with the batch "
                     "norm, residual and relu behind it; times: how\noften the "
                     "network has it. Images lie in memory as they do between "
                     "the network's kernels.\n";
  return text + (device.is_gpu()
                     ? "Device time by driver events around a CUDA graph of "
                       "many runs that rotate through buffers larger\nthan "
                       "the L2 cache; the weights are the same in all of them."
                     : "Wall time of runs that rotate through several "
                       "buffers.");
}

} // namespace

Status checkConvBatch(int64_t batch) {
  auto convs = resnet50Convs(batch);
  if (!convs.ok())
    return convs.status();
  // Of float32, whatever the type: two sets of buffers, made of a third.
  for (const NetworkConv &conv : *convs) {
    int64_t elements = conv.x.num_elements() +
                       resultOf(conv).num_elements() * (conv.form.add ? 2 : 1);
    Status status = fitsHostMemory("--batch=" + std::to_string(batch),
                                   "conv of " + textOf(conv.x) + " with " +
                                       textOf(conv.weight),
                                   3 * elements * size_in_bytes(float32));
    if (!status.ok())
      return status;
  }
  return {};
}

Status benchConv(const std::string &, const BenchOptions &options,
                 Report &report) {
  report.method(methodOf(options.device));
  report.table("conv on " + to_string(options.device),
               {"input", "outputs", "kernel", "stride", "padding",
                "followed by", "type", "times", "kernels", "median us",
                "least us", "TFLOP/s"});
  auto convs =
      resnet50Convs(options.batch.value_or(options.quick ? 1 : kBatch));
  if (!convs.ok())
    return convs.status();
  for (DType dtype : options.dtypes) {
    StatusOr<Layout> layout = layoutOf(dtype, options.device);
    if (!layout.ok())
      return layout.status();
    for (const NetworkConv &conv : *convs) {
      Status status = measure(conv, *layout, dtype, options, report);
      trim(); // the next one needs memory of other sizes
      if (!status.ok())
        return status;
    }
  }
  return {};
}

} // namespace weft::tools
