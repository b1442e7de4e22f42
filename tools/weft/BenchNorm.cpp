// SPDX-License-Identifier: Apache-2.0
// bn, bn+relu, bn+add+relu: one kernel each, against a copy.
#include "Bench.h"
#include "BenchBatchNorm.h"
#include "BenchBuffers.h"
#include "BenchProgram.h"
#include "BenchTimer.h"

#include "weft/Core/Float.h"
#include "weft/Weft.h"

#include "runtime/Gpu.h"
#include "runtime/StreamOrder.h"
#include "runtime/ThreadPool.h"

#include <cmath>
#include <cstring>
#include <sstream>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

using namespace llvm;

namespace weft::tools {
namespace {

const std::vector<Shape> &shapesOf(bool quick) {
  static const std::vector<Shape> all = {{256, 64, 112, 112}, {64, 256, 56, 56},
                                         {1, 2048, 7, 7},     {32, 512, 4096},
                                         {8, 32, 16, 64, 64}, {3, 67, 33, 35}};
  static const std::vector<Shape> small = {
      {16, 64, 112, 112}, {8, 256, 56, 56},    {1, 2048, 7, 7},
      {4, 512, 4096},     {1, 32, 16, 64, 64}, {3, 67, 33, 35}};
  return quick ? small : all;
}

std::string textOf(const Shape &shape) {
  std::string text;
  for (int64_t size : shape)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

// ---- what is measured -------------------------------------------------------

BenchFunction functionOf(NormForm form, const nn::BatchNorm &bn) {
  return [form, bn](const std::vector<Tensor> &inputs) {
    Tensor y = bn(inputs[0]);
    if (form.add)
      y = y + inputs[1];
    return form.relu ? relu(y) : y;
  };
}

// ---- is it right ------------------------------------------------------------

NormResult expected(NormForm form, const Shape &shape, int64_t i) {
  int64_t pixels = shape.num_elements() / shape[0] / shape[1];
  return normResult(form, i / pixels % shape[1], benchElement(0, i),
                    benchElement(1, i));
}

/// Every element of a small result, some 100 000 of a large one.
Status checkResult(NormForm form, DType dtype, const Shape &shape,
                   runtime::Storage &output) {
  std::vector<char> host(static_cast<size_t>(output.bytes()));
  if (Status status = runtime::copyToHost(host.data(), output, output.bytes());
      !status.ok())
    return status;
  int64_t count = shape.num_elements(), step = count / 100000 | 1;
  for (int64_t i = 0; i < count; i += i + 4096 < count ? step : 1) {
    NormResult want = expected(form, shape, i);
    double got = load_as_double(host.data(), dtype, i);
    if (std::fabs(got - want.value) <= toleranceOf(dtype, want))
      continue;
    std::ostringstream os;
    os << textOf(shape) << " " << name(dtype) << ": wrong result: element " << i
       << ": expected " << want.value << ", got " << got;
    return internal_error(os.str());
  }
  return {};
}

// ---- what it is compared with -----------------------------------------------

/// Past the cache, 16 bytes at a time: four of them fill a line.
void copyPastCache(char *to, const char *from, int64_t bytes) {
#if defined(__SSE2__)
  int64_t vectors = bytes / 16;
  auto *target = reinterpret_cast<__m128i *>(to);
  auto *source = reinterpret_cast<const __m128i *>(from);
  for (int64_t i = 0; i < vectors; ++i)
    _mm_stream_si128(target + i, _mm_loadu_si128(source + i));
  _mm_sfence();
  to += vectors * 16, from += vectors * 16, bytes -= vectors * 16;
#endif
  std::memcpy(to, from, static_cast<size_t>(bytes));
}

void copyThrough(char *to, const char *from, int64_t bytes) {
  std::memcpy(to, from, static_cast<size_t>(bytes));
}

Call cpuCopy(const BenchBuffers &buffers,
             void (*copy)(char *, const char *, int64_t)) {
  return [&buffers, copy](int64_t i, runtime::CudaStream) -> Status {
    constexpr int64_t kPiece = 1 << 16;
    auto *to = static_cast<char *>(buffers.output(i));
    auto *from = static_cast<const char *>(buffers.inputsOf(i)[0]);
    int64_t bytes = buffers.bytes, pieces = (bytes + kPiece - 1) / kPiece;
    runtime::parallelFor(pieces, 1, [&](int64_t begin, int64_t end) {
      int64_t first = begin * kPiece, last = std::min(end * kPiece, bytes);
      copy(to + first, from + first, last - first);
    });
    return {};
  };
}

Call driverCopy(const BenchBuffers &buffers, const runtime::Driver &driver) {
  return [&](int64_t i, runtime::CudaStream stream) {
    return driver.check(
        driver.memcpyDtoDAsync(
            reinterpret_cast<runtime::CudaPointer>(buffers.output(i)),
            reinterpret_cast<runtime::CudaPointer>(buffers.inputsOf(i)[0]),
            static_cast<size_t>(buffers.bytes), stream),
        "cuMemcpyDtoDAsync");
  };
}

Call programCall(const BenchBuffers &buffers, const BenchProgram &program) {
  return [&](int64_t i, runtime::CudaStream stream) {
    return program.run(buffers.inputsOf(i), buffers.output(i), stream);
  };
}

struct NamedCopy {
  std::string name;
  Call call;
};

StatusOr<std::vector<NamedCopy>> copiesOf(Device device,
                                          const BenchBuffers &buffers,
                                          const BenchProgram &reader) {
  if (device.is_cpu())
    return std::vector<NamedCopy>{{"stream", cpuCopy(buffers, copyPastCache)},
                                  {"memcpy", cpuCopy(buffers, copyThrough)}};
  StatusOr<runtime::Gpu *> gpu = runtime::Gpu::get(device.index);
  if (!gpu.ok())
    return gpu.status();
  return std::vector<NamedCopy>{
      {"memcpy", driverCopy(buffers, (*gpu)->driver())},
      {"kernel", programCall(buffers, reader)}};
}

// ---- measuring --------------------------------------------------------------

/// So many calls that a round takes about two milliseconds on a GPU, and one on
/// a CPU, where other programs get less into a short round; whole rotations
/// where rounds would begin with the same set each time.
int64_t callsOf(Device device, const BenchBuffers &buffers, size_t streams) {
  double rate = device.is_gpu() ? 2e12 : 1e10;
  double wanted = device.is_gpu() ? 2e-3 : 1e-3;
  double call =
      static_cast<double>(buffers.bytes) * static_cast<double>(streams) / rate +
      1e-6;
  auto calls = static_cast<int64_t>(wanted / call) + 1;
  auto sets = static_cast<int64_t>(buffers.sets());
  return device.is_gpu() ? (calls + sets - 1) / sets * sets : calls;
}

Status checkSets(NormForm form, DType dtype, const Shape &shape,
                 const BenchBuffers &buffers, const BenchProgram &program) {
  for (size_t set : {size_t(0), buffers.sets() - 1}) {
    if (Status status = program.run(buffers.inputs[set],
                                    buffers.outputs[set]->data(), nullptr);
        !status.ok())
      return status;
    if (Status status = checkResult(form, dtype, shape, *buffers.outputs[set]);
        !status.ok())
      return status;
  }
  return {};
}

Status measure(NormForm form, DType dtype, const Shape &shape,
               const BenchOptions &options, Report &report) {
  Device device = options.device;
  std::vector<InputSpec> specs(form.inputs(), InputSpec{dtype, shape});
  StatusOr<BenchProgram> program = BenchProgram::compile(
      functionOf(form, benchBatchNorm(shape[1], dtype, device)), specs, device);
  if (!program.ok())
    return program.status();
  StatusOr<BenchProgram> reader = BenchProgram::compile(
      [](const std::vector<Tensor> &x) { return abs(x[0]); },
      std::span(specs).first(1), device);
  if (!reader.ok())
    return reader.status();
  StatusOr<BenchBuffers> buffers = BenchBuffers::make(
      device, dtype, std::vector(form.inputs(), shape), shape, options.quick);
  if (!buffers.ok())
    return buffers.status();
  if (Status status = checkSets(form, dtype, shape, *buffers, *program);
      !status.ok())
    return status;
  auto copies = copiesOf(device, *buffers, *reader);
  if (!copies.ok())
    return copies.status();
  StatusOr<std::unique_ptr<BenchTimer>> timer = BenchTimer::create(device);
  if (!timer.ok())
    return timer.status();
  size_t streams = form.inputs() + 1;
  Status added = (*timer)->add(programCall(*buffers, *program),
                               callsOf(device, *buffers, streams));
  for (const NamedCopy &copy : *copies)
    if (added.ok())
      added = (*timer)->add(copy.call, callsOf(device, *buffers, 2));
  if (!added.ok())
    return added;
  auto times = (*timer)->measure(options.quick ? 0.1 : 0.5);
  if (!times.ok())
    return times.status();

  size_t best = (*times)[1].least <= (*times)[2].least ? 1 : 2;
  auto bytes = static_cast<double>(buffers->bytes);
  double moved = bytes * static_cast<double>(streams);
  double rate = moved / (*times)[0].least,
         copyRate = 2 * bytes / (*times)[best].least;
  report.row({textOf(shape), std::string(name(dtype)), moved * 1e-6,
              (*times)[0].median * 1e6, (*times)[0].least * 1e6, rate * 1e-9,
              copyRate * 1e-9, (*copies)[best - 1].name,
              100 * rate / copyRate});
  return {};
}

std::string methodOf(Device device) {
  if (device.is_gpu())
    return "Device time of one kernel by driver events around a CUDA graph of "
           "many launches that rotate\nthrough buffers larger than the L2 "
           "cache. The copy is cuMemcpyDtoDAsync (memcpy) or a kernel of\n"
           "Weft's that reads and writes each element once (kernel), whichever "
           "is faster, of one input to the\nresult, measured in turn with the "
           "kernel; share: bytes per second against the copy's.";
  return "Wall time of one kernel on " + std::to_string(num_threads()) +
         " threads, calls rotating through buffers larger than the last cache "
         "where\nmemory allows. The copy uses the same threads, stores past "
         "the cache (stream) or the C library's\n(memcpy), whichever is "
         "faster, of one input to the result, measured in turn with the "
         "kernel;\nshare: bytes per second against the copy's, both of the "
         "fastest round.";
}

} // namespace

Status benchNorm(const std::string &name, const BenchOptions &options,
                 Report &report) {
  report.method(methodOf(options.device));
  report.table(name + " on " + to_string(options.device),
               {"shape", "type", "MB", "median us", "least us", "GB/s",
                "copy GB/s", "copy", "share %"});
  for (DType dtype : options.dtypes)
    for (const Shape &shape : shapesOf(options.quick)) {
      Status status = measure(normFormOf(name), dtype, shape, options, report);
      trim(); // the next shape needs memory of other sizes
      if (!status.ok())
        return status;
    }
  return {};
}

} // namespace weft::tools
