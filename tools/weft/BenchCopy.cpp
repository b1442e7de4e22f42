// SPDX-License-Identifier: Apache-2.0
// What ideally costs no more than moving its bytes, against a copy.
#include "BenchCopy.h"

#include "BenchBuffers.h"
#include "BenchTimer.h"

#include "weft/Functions.h"
#include "weft/Runtime.h"

#include "runtime/Gpu.h"
#include "runtime/StreamOrder.h"
#include "runtime/ThreadPool.h"

#include <algorithm>
#include <array>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weft::tools {
namespace {

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
int64_t callsOf(Device device, const BenchBuffers &buffers, int64_t bytes) {
  double rate = device.is_gpu() ? 2e12 : 1e10;
  double wanted = device.is_gpu() ? 2e-3 : 1e-3;
  double call = static_cast<double>(bytes) / rate + 1e-6;
  auto calls = static_cast<int64_t>(wanted / call) + 1;
  auto sets = static_cast<int64_t>(buffers.sets());
  return device.is_gpu() ? (calls + sets - 1) / sets * sets : calls;
}

Status checkSets(const CopyRival &rival, const BenchBuffers &buffers,
                 const BenchProgram &program) {
  std::vector<char> host(static_cast<size_t>(buffers.bytes));
  for (size_t set : {size_t(0), buffers.sets() - 1}) {
    runtime::Storage &output = *buffers.outputs[set];
    Status status = program.run(buffers.inputs[set], output.data(), nullptr);
    if (status.ok())
      status = runtime::copyToHost(host.data(), output, buffers.bytes);
    if (status.ok())
      status = rival.check(host.data());
    if (!status.ok())
      return status;
  }
  return {};
}

/// What a call reads and writes.
int64_t movedBytes(const CopyRival &rival) {
  auto numInputs = static_cast<int64_t>(rival.numInputs);
  return (rival.shape.num_elements() * numInputs +
          rival.result.num_elements()) *
         size_in_bytes(rival.dtype);
}

/// `8x64x28x28 to 56x56`: from the first size that differs.
std::string labelOf(const CopyRival &rival) {
  auto [from, to] = std::ranges::mismatch(rival.shape, rival.result);
  std::string label = textOf(rival.shape);
  if (to == rival.result.end())
    return label;
  Shape sizes;
  for (; to != rival.result.end(); ++to)
    sizes.push_back(*to);
  return label + " to " + textOf(sizes);
}

void addRow(const CopyRival &rival, Times time, int64_t copiedBytes, Times copy,
            const std::string &copyName, Report &report) {
  auto moved = static_cast<double>(movedBytes(rival));
  double rate = moved / time.least,
         copyRate = 2 * static_cast<double>(copiedBytes) / copy.least;
  report.row({labelOf(rival), std::string(name(rival.dtype)), moved * 1e-6,
              time.median * 1e6, time.least * 1e6, rate * 1e-9, copyRate * 1e-9,
              copyName, 100 * rate / copyRate});
}

/// Both in turn.
Status measureInTurn(const CopyRival &rival, const BenchBuffers &buffers,
                     const BenchProgram &program, const BenchBuffers &copied,
                     const BenchProgram &reader, const BenchOptions &options,
                     Report &report) {
  auto copies = copiesOf(options.device, copied, reader);
  if (!copies.ok())
    return copies.status();
  StatusOr<std::unique_ptr<BenchTimer>> timer =
      BenchTimer::create(options.device);
  if (!timer.ok())
    return timer.status();
  Status added =
      (*timer)->add(programCall(buffers, program),
                    callsOf(options.device, buffers, movedBytes(rival)));
  for (const NamedCopy &copy : *copies)
    if (added.ok())
      added = (*timer)->add(copy.call,
                            callsOf(options.device, copied, 2 * copied.bytes));
  if (!added.ok())
    return added;
  auto times = (*timer)->measure(options.quick ? 0.1 : 0.3);
  if (!times.ok())
    return times.status();
  size_t best = (*times)[1].least <= (*times)[2].least ? 1 : 2;
  addRow(rival, (*times)[0], copied.bytes, (*times)[best],
         (*copies)[best - 1].name, report);
  return {};
}

std::string methodOf(Device device) {
  if (device.is_gpu())
    return "Device time of one kernel by driver events around a CUDA graph of "
           "many launches that rotate\nthrough buffers larger than the L2 "
           "cache. The copy is cuMemcpyDtoDAsync (memcpy) or a kernel of\n"
           "Weft's that reads and writes each element once (kernel), whichever "
           "is faster, of one input to the\nresult, or of as many bytes where "
           "their sizes differ, measured in turn with the kernel;\nshare: "
           "bytes per second against the copy's.";
  return "Wall time of one kernel on " + std::to_string(num_threads()) +
         " threads, calls rotating through buffers larger than the last cache "
         "where\nmemory allows. The copy uses the same threads, stores past "
         "the cache (stream) or the C library's\n(memcpy), whichever is "
         "faster, of one input to the result, or of as many bytes where "
         "their sizes differ, measured in\nturn with the kernel; share: bytes "
         "per second against the copy's, both of the fastest round.";
}

void startTable(const std::string &name, Device device, Report &report) {
  report.method(methodOf(device));
  report.table(name + " on " + to_string(device),
               {"shape", "type", "MB", "median us", "least us", "GB/s",
                "copy GB/s", "copy", "share %"});
}

Status measure(const CopyRival &rival, const BenchOptions &options,
               Report &report) {
  Device device = options.device;
  std::vector<InputSpec> specs(rival.numInputs, {rival.dtype, rival.shape});
  StatusOr<BenchProgram> program =
      BenchProgram::compile(rival.function, specs, device);
  if (!program.ok())
    return program.status();
  StatusOr<BenchBuffers> buffers = BenchBuffers::make(
      device, rival.dtype, std::vector(rival.numInputs, rival.shape),
      rival.result, options.quick);
  if (!buffers.ok())
    return buffers.status();
  if (Status status = checkSets(rival, *buffers, *program); !status.ok())
    return status;

  // On the same buffers if it can be; else on its own, of as many bytes.
  const bool isSame = rival.result == rival.shape;
  const Shape copyShape =
      isSame ? rival.shape
             : Shape{movedBytes(rival) / 2 / size_in_bytes(rival.dtype)};
  std::optional<BenchBuffers> own;
  if (!isSame) {
    auto made = BenchBuffers::make(device, rival.dtype, {copyShape}, copyShape,
                                   options.quick);
    if (!made.ok())
      return made.status();
    own = *std::move(made);
  }
  StatusOr<BenchProgram> reader = BenchProgram::compile(
      [](const std::vector<Tensor> &x) { return abs(x[0]); },
      std::array{InputSpec{rival.dtype, copyShape}}, device);
  if (!reader.ok())
    return reader.status();
  return measureInTurn(rival, *buffers, *program, own ? *own : *buffers,
                       *reader, options, report);
}

} // namespace

Status benchAgainstCopies(
    const std::string &name, size_t numCases,
    const std::function<CopyRival(DType dtype, size_t number)> &rivalOf,
    const BenchOptions &options, Report &report) {
  startTable(name, options.device, report);
  for (DType dtype : options.dtypes)
    for (size_t i = 0; i < numCases; ++i) {
      Status status = measure(rivalOf(dtype, i), options, report);
      trim(); // the next shape needs memory of other sizes
      if (!status.ok())
        return status;
    }
  return {};
}

} // namespace weft::tools
