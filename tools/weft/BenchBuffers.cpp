// SPDX-License-Identifier: Apache-2.0
// Sets of buffers that calls rotate through.
#include "BenchBuffers.h"

#include "weft/Core/Float.h"
#include "weft/Target/CPU/Compile.h"

#include "runtime/Gpu.h"
#include "runtime/StreamOrder.h"
#include "runtime/ThreadPool.h"

#include <algorithm>
#include <cstring>
#include <fstream>

namespace weft::tools {
namespace {

// Prime, so that no dim of a shape repeats with it.
constexpr int64_t kPeriod = 1048573;

/// What may be taken of the device's memory.
StatusOr<int64_t> memoryFor(Device device) {
  if (device.is_gpu()) {
    StatusOr<runtime::Gpu *> gpu = runtime::Gpu::get(device.index);
    if (!gpu.ok())
      return gpu.status();
    runtime::ScopedContext scope(**gpu);
    size_t free = 0, total = 0;
    Status status = (*gpu)->driver().check(
        (*gpu)->driver().memGetInfo(&free, &total), "cuMemGetInfo");
    if (!status.ok())
      return status;
    return static_cast<int64_t>(free / 2);
  }
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  for (int64_t kibibytes; file >> name >> kibibytes; std::getline(file, unit))
    if (name == "MemAvailable:")
      return (kibibytes << 10) / 2;
  return int64_t(4) << 30;
}

/// A whole buffer of elements in host memory.
std::vector<char> hostElements(size_t input, DType dtype, int64_t count) {
  auto size = static_cast<size_t>(size_in_bytes(dtype));
  int64_t period = std::min(count, kPeriod);
  std::vector<char> elements(static_cast<size_t>(count) * size);
  for (int64_t i = 0; i < period; ++i)
    store_from_double(elements.data(), dtype, i, benchElement(input, i));
  for (int64_t i = period; i < count; i += period)
    std::memcpy(elements.data() + static_cast<size_t>(i) * size,
                elements.data(),
                static_cast<size_t>(std::min(period, count - i)) * size);
  return elements;
}

StatusOr<std::shared_ptr<runtime::Storage>>
storageOf(const std::vector<char> &elements, Device device) {
  auto bytes = static_cast<int64_t>(elements.size());
  auto storage = runtime::Storage::allocate(device, bytes);
  if (!storage.ok())
    return storage;
  if (Status status = runtime::copyFromHost(**storage, elements.data(), bytes);
      !status.ok())
    return status;
  return storage;
}

} // namespace

double roundingOf(DType dtype) {
  return dtype == bfloat16 ? 0x1p-8 : dtype == float16 ? 0x1p-11 : 0x1p-24;
}

DType multipliedAs(DType dtype, Device device) {
  return dtype == float32 && device.is_gpu() &&
                 float32_precision() == Float32Precision::tf32
             ? float16
             : dtype;
}

double benchElement(size_t input, int64_t i) {
  auto hash = static_cast<uint32_t>(i % kPeriod + 1) * 2654435761u +
              static_cast<uint32_t>(input) * 40503u;
  hash ^= hash >> 15;
  return static_cast<double>(hash % 256) / 64 - 2;
}

Tensor benchTensor(const Shape &shape, DType dtype, Device device,
                   const std::function<double(int64_t i)> &element) {
  std::vector<char> elements(
      static_cast<size_t>(shape.num_elements() * size_in_bytes(dtype)));
  for (int64_t i = 0; i < shape.num_elements(); ++i)
    store_from_double(elements.data(), dtype, i, element(i));
  return Tensor::from_host(elements.data(), dtype, shape, device);
}

StatusOr<int64_t> lastCacheBytes(Device device) {
  if (device.is_cpu())
    return std::max<int64_t>(reportedCacheBytes(), 1 << 20);
  StatusOr<runtime::Gpu *> gpu = runtime::Gpu::get(device.index);
  if (!gpu.ok())
    return gpu.status();
  return (*gpu)->l2Bytes();
}

StatusOr<BenchBuffers> BenchBuffers::make(Device device, DType dtype,
                                          const std::vector<Shape> &inputs,
                                          const Shape &output, bool quick) {
  StatusOr<int64_t> cache = lastCacheBytes(device), memory = memoryFor(device);
  if (!cache.ok())
    return cache.status();
  if (!memory.ok())
    return memory.status();
  if (quick)
    *memory = std::min(*memory, int64_t(256) << 20);
  BenchBuffers buffers;
  buffers.bytes = output.num_elements() * size_in_bytes(dtype);
  int64_t set = buffers.bytes;
  std::vector<std::vector<char>> elements;
  for (size_t input = 0; input < inputs.size(); ++input) {
    elements.push_back(
        hostElements(input, dtype, inputs[input].num_elements()));
    set += static_cast<int64_t>(elements.back().size());
  }
  // Outputs are written too: pages that nobody has touched take no memory.
  std::vector<char> zeros(static_cast<size_t>(buffers.bytes));
  int64_t wanted = 4 * *cache / set + 1, possible = *memory / set;
  int64_t sets = std::max<int64_t>(2, std::min(wanted, possible));
  for (int64_t i = 0; i < sets; ++i) {
    buffers.inputs.emplace_back();
    for (const std::vector<char> &from : elements) {
      auto storage = storageOf(from, device);
      if (!storage.ok())
        return storage.status();
      buffers.memory.push_back(*storage);
      buffers.inputs.back().push_back((*storage)->data());
    }
    auto storage = storageOf(zeros, device);
    if (!storage.ok())
      return storage.status();
    buffers.outputs.push_back(*storage);
  }
  return buffers;
}

} // namespace weft::tools
