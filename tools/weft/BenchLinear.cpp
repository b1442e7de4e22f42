// SPDX-License-Identifier: Apache-2.0
// linear: gelu(x W^T + b), one kernel, for products of several forms.
#include "Bench.h"
#include "BenchBuffers.h"
#include "BenchProgram.h"
#include "BenchTimer.h"

#include "weft/Core/Float.h"
#include "weft/Weft.h"

#include "runtime/StreamOrder.h"

#include <cmath>

namespace weft::tools {
namespace {

/// x is [m, k], W [n, k].
struct Problem {
  int64_t m, n, k;
  std::string text() const {
    return std::to_string(m) + "x" + std::to_string(n) + "x" +
           std::to_string(k);
  }
};

std::vector<Problem> problemsOf(bool quick) {
  if (quick)
    return {{128, 96, 256}, {1, 256, 256}};
  return {
      {4096, 4096, 4096}, {1, 4096, 4096}, {64, 4096, 4096}, {256, 1024, 8192}};
}

/// Keeps the sums near 1, and the weights exact.
double weightElement(int64_t i) { return benchElement(1, i) / 64; }
double biasElement(int64_t i) { return benchElement(2, i); }

BenchFunction functionOf(const Problem &p, DType dtype, Device device) {
  nn::Linear layer(p.k, p.n, {.dtype = dtype});
  layer.weight =
      nn::Parameter(benchTensor({p.n, p.k}, dtype, device, weightElement));
  layer.bias = nn::Parameter(benchTensor({p.n}, dtype, device, biasElement));
  return [layer](const std::vector<Tensor> &x) { return gelu(layer(x[0])); };
}

// ---- is it right ------------------------------------------------------------

/// Some hundred elements; what sums in f32 lose grows with the root of k.
Status checkResult(const Problem &p, DType dtype, runtime::Storage &output) {
  std::vector<char> host(static_cast<size_t>(output.bytes()));
  if (Status status = runtime::copyToHost(host.data(), output, output.bytes());
      !status.ok())
    return status;
  double allowed =
      roundingOf(dtype) + 1e-7 * std::sqrt(static_cast<double>(p.k));
  int64_t count = p.m * p.n;
  for (int64_t i = 0; i < count; i += count / 300 | 1) {
    double sum = biasElement(i % p.n), size = 0;
    for (int64_t k = 0; k < p.k; ++k) {
      double product =
          benchElement(0, i / p.n * p.k + k) * weightElement(i % p.n * p.k + k);
      sum += product, size += product * product;
    }
    double want = sum * 0.5 * std::erfc(-sum / std::sqrt(2.0));
    double got = load_as_double(host.data(), dtype, i);
    if (!(std::fabs(got - want) <=
          allowed * (std::fabs(want) + std::sqrt(size))))
      return internal_error(p.text() + " " + std::string(name(dtype)) +
                            ": wrong result: element " + std::to_string(i) +
                            ": expected " + std::to_string(want) + ", got " +
                            std::to_string(got));
  }
  return {};
}

// ---- measuring --------------------------------------------------------------

StatusOr<std::shared_ptr<runtime::Storage>>
inputOf(const Problem &p, DType dtype, Device device) {
  std::vector<char> elements(
      static_cast<size_t>(p.m * p.k * size_in_bytes(dtype)));
  for (int64_t i = 0; i < p.m * p.k; ++i)
    store_from_double(elements.data(), dtype, i, benchElement(0, i));
  auto bytes = static_cast<int64_t>(elements.size());
  auto storage = runtime::Storage::allocate(device, bytes);
  if (!storage.ok())
    return storage.status();
  if (Status status = runtime::copyFromHost(**storage, elements.data(), bytes);
      !status.ok())
    return status;
  return storage;
}

Status measure(const Problem &p, DType dtype, const BenchOptions &options,
               Report &report) {
  Device device = options.device;
  InputSpec spec{dtype, {p.m, p.k}};
  StatusOr<BenchProgram> program =
      BenchProgram::compile(functionOf(p, dtype, device), {&spec, 1}, device);
  if (!program.ok())
    return program.status();
  auto x = inputOf(p, dtype, device);
  if (!x.ok())
    return x.status();
  auto y = runtime::Storage::allocate(device, p.m * p.n * size_in_bytes(dtype));
  if (!y.ok())
    return y.status();
  void *inputs[] = {(*x)->data()};
  Status status = program->run(inputs, (*y)->data(), nullptr);
  if (status.ok())
    status = synchronize(device);
  if (status.ok())
    status = checkResult(p, dtype, **y);
  StatusOr<std::unique_ptr<BenchTimer>> timer = BenchTimer::create(device);
  if (!timer.ok())
    return timer.status();
  double operations =
      2.0 * static_cast<double>(p.m * p.n) * static_cast<double>(p.k);
  double rate = device.is_gpu() ? 2e14 : 2e10; // for rounds of milliseconds
  auto calls = static_cast<int64_t>(2e-3 / (operations / rate + 4e-6)) + 1;
  if (status.ok())
    status = (*timer)->add(
        [&](int64_t, runtime::CudaStream stream) {
          return program->run(inputs, (*y)->data(), stream);
        },
        calls);
  if (!status.ok())
    return status;
  auto times = (*timer)->measure(options.quick ? 0.1 : 0.5);
  if (!times.ok())
    return times.status();
  Times time = times->front();
  report.row({p.text(), std::string(name(dtype)), time.median * 1e6,
              time.least * 1e6, operations / time.median * 1e-12});
  return {};
}

} // namespace

Status benchLinear(const std::string &, const BenchOptions &options,
                   Report &report) {
  report.method(
      options.device.is_gpu()
          ? "Device time of gelu(linear(x)), x [m, k] and W [n, k], by driver "
            "events around a CUDA graph of\nmany runs on the same buffers: "
            "what fits into the L2 cache stays there."
          : "Wall time of gelu(linear(x)), x [m, k] and W [n, k], run many "
            "times on the same buffers.");
  report.table("linear on " + to_string(options.device),
               {"m x n x k", "type", "median us", "least us", "TFLOP/s"});
  for (DType dtype : options.dtypes)
    for (const Problem &problem : problemsOf(options.quick)) {
      Status status = measure(problem, dtype, options, report);
      trim(); // the next problem needs memory of other sizes
      if (!status.ok())
        return status;
    }
  return {};
}

} // namespace weft::tools
