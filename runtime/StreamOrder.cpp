// SPDX-License-Identifier: Apache-2.0
// The order of work on memory across streams, and copies between devices.
#include "runtime/StreamOrder.h"

#include "runtime/Gpu.h"

#include "absl/strings/str_cat.h"

#include <algorithm>
#include <cstring>

namespace weft::runtime {
namespace {

/// The context and stream that work on `storage` means by `stream`.
struct Place {
  Gpu *gpu = nullptr;
  CudaStream stream = nullptr;

  /// What is enqueued on `stream` runs, if that is known: it is not captured.
  bool runs = false;
};

StatusOr<Place> placeOf(Device device, CudaStream stream, Gpu *gpu = nullptr) {
  if (!gpu) {
    StatusOr<Gpu *> found = Gpu::get(device.index);
    if (!found.ok())
      return found.status();
    gpu = *found;
  }
  StatusOr<CudaStream> resolved = gpu->resolve(stream);
  if (!resolved.ok())
    return resolved.status();
  return Place{gpu, *resolved, *resolved == gpu->stream()};
}

/// The mark of what is on the stream of `place` now.
StatusOr<Use> useOf(const StatusOr<Place> &place) {
  return place.ok() ? place->gpu->useOf(place->stream) : place.status();
}

} // namespace

/// The one place that sees a storage's uses.
struct StreamOrder {
  /// A graph that works on memory holds it as well.
  static Status wait(Storage &storage, const Place &place, bool readersToo) {
    Gpu &gpu = *place.gpu;
    if (storage.device_ == Device::gpu(gpu.index()) && storage.pool_ &&
        storage.pool_ != &gpu.pool())
      return failed_precondition_error(
          absl::StrCat("memory on ", to_string(storage.device_),
                       " belongs to another CUDA context than this thread "
                       "works in"));
    // Nearly all that runs read are weights, which nobody writes any more.
    if (!readersToo && place.runs) {
      uint64_t writer = storage.writerStream_.load(std::memory_order_acquire);
      if (writer == 0 ||
          (writer == gpu.streamId() && place.stream == gpu.stream()))
        return {};
    }
    std::lock_guard lock(storage.mutex_);
    if (Status status = gpu.wait(place.stream, storage.writer_); !status.ok())
      return status;
    if (Gpu::isOver(storage.writer_))
      forgetWriter(storage);
    if (readersToo)
      for (const Use &use : storage.readers_)
        if (Status status = gpu.wait(place.stream, use); !status.ok())
          return status;
    return gpu.isCaptured(place.stream)
               ? gpu.holdForGraph(place.stream, storage.shared_from_this())
               : Status();
  }

  static void markRead(Storage &storage, const Use &use) {
    // One that a reader holds is not another's.
    if (storage.lastReader_.load(std::memory_order_acquire) == use.mark.get())
      return;
    std::lock_guard lock(storage.mutex_);
    // One mark a stream or graph, the latest: another thread's may have come
    // before.
    for (Use &reader : storage.readers_)
      if (reader.stream == use.stream &&
          reader.mark->capture() == use.mark->capture()) {
        if (use.mark->isLaterThan(*reader.mark)) {
          storage.lastReader_ = use.mark.get();
          reader = use;
        }
        return;
      }
    // Streams come and go; what is always read is never written.
    storage.lastReader_ = use.mark.get();
    std::erase_if(storage.readers_, Gpu::isOver);
    storage.readers_.push_back(use);
  }

  static void markWritten(Storage &storage, const Use &use) {
    std::lock_guard lock(storage.mutex_);
    // The write waited for everything before it.
    storage.lastReader_ = nullptr;
    storage.readers_.clear();
    // Of a write in a graph the id is no stream's.
    bool isOwn = use.stream == use.gpu->streamId() && use.stream != 0 &&
                 use.mark->capture() == 0;
    storage.writerStream_ = isOwn ? use.stream : Storage::kOtherStream;
    storage.writer_ = use;
  }

  static CudaStream downloads(Gpu &gpu, Storage &storage) {
    std::lock_guard lock(storage.mutex_);
    return gpu.downloads(storage.writer_);
  }

  static Status waitOnHost(Storage &storage) {
    if (storage.writerStream_.load(std::memory_order_acquire) == 0)
      return {};
    std::lock_guard lock(storage.mutex_);
    if (Status status = Gpu::finish(storage.writer_); !status.ok())
      return status;
    forgetWriter(storage);
    return {};
  }

private:
  static void forgetWriter(Storage &storage) {
    storage.writerStream_ = 0;
    storage.writer_ = {};
  }
};

Status Accesses::wait() const {
  if (device.is_cpu()) {
    for (const auto *storages : {&reads, &writes})
      for (Storage *storage : *storages)
        if (Status status = waitOnHost(*storage); !status.ok())
          return status;
    return {};
  }
  StatusOr<Place> place = placeOf(device, stream, gpu);
  if (!place.ok())
    return place.status();
  place->runs = place->runs || !place->gpu->isCaptured(place->stream);
  for (const auto *storages : {&reads, &writes})
    for (Storage *storage : *storages)
      if (Status status =
              StreamOrder::wait(*storage, *place, storages == &writes);
          !status.ok())
        return status;
  return place->gpu->begin(place->stream);
}

Status Accesses::mark() const {
  if (device.is_cpu())
    return {};
  StatusOr<Use> use = useOf(placeOf(device, stream, gpu));
  if (!use.ok())
    return use.status();
  for (Storage *storage : reads)
    StreamOrder::markRead(*storage, *use);
  for (Storage *storage : writes)
    StreamOrder::markWritten(*storage, *use);
  return {};
}

Status waitOnHost(Storage &storage) { return StreamOrder::waitOnHost(storage); }

namespace {

Status checkSizes(int64_t bytes, int64_t from, int64_t to) {
  if (bytes < 0 || bytes > from || bytes > to)
    return invalid_argument_error(
        absl::StrCat("copy: larger than its memory: ", bytes, " bytes, from ",
                     from, ", to ", to));
  return {};
}

CudaPointer pointer(const void *data) {
  return reinterpret_cast<CudaPointer>(data);
}

Status copyHostToGpu(Storage &to, const void *from, int64_t bytes,
                     CudaStream stream) {
  StatusOr<Place> place = placeOf(to.device(), stream);
  if (!place.ok())
    return place.status();
  const Driver &driver = place->gpu->driver();
  ScopedContext scope(*place->gpu);
  if (Status status = StreamOrder::wait(to, *place, true); !status.ok())
    return status;
  // Marks so far may end behind the copy: the work to come begins anew.
  Status status = driver.check(
      driver.memcpyHtoDAsync(pointer(to.data()), from,
                             static_cast<size_t>(bytes), place->stream),
      "cuMemcpyHtoDAsync");
  if (!status.ok())
    return status;
  // From page-locked memory the device reads later; the caller may change it
  // as soon as this returns.
  unsigned type = 0;
  bool pinned = driver.pointerGetAttribute(&type, cuda::pointerMemoryType,
                                           pointer(from)) == cuda::success &&
                type != 0;
  if (pinned)
    status = driver.check(driver.streamSynchronize(place->stream),
                          "cuStreamSynchronize");
  if (!status.ok())
    return status;
  StatusOr<Use> use = place->gpu->useOf(place->stream);
  if (use.ok())
    StreamOrder::markWritten(to, *use);
  return use.status();
}

Status copyGpuToHost(void *to, Storage &from, int64_t bytes,
                     CudaStream stream) {
  StatusOr<Place> place = placeOf(from.device(), stream);
  if (!place.ok())
    return place.status();
  const Driver &driver = place->gpu->driver();
  ScopedContext scope(*place->gpu);
  if (Status status = StreamOrder::wait(from, *place, false); !status.ok())
    return status;
  Status status = driver.check(
      driver.memcpyDtoHAsync(to, pointer(from.data()),
                             static_cast<size_t>(bytes), place->stream),
      "cuMemcpyDtoHAsync");
  if (status.ok())
    status = driver.check(driver.streamSynchronize(place->stream),
                          "cuStreamSynchronize");
  return status;
}

Status copyGpuToGpu(Storage &to, Storage &from, int64_t bytes,
                    CudaStream stream) {
  StatusOr<Place> target = placeOf(to.device(), stream);
  StatusOr<Place> source = placeOf(from.device(), nullptr);
  for (const auto *place : {&target, &source})
    if (!place->ok())
      return place->status();
  const Driver &driver = target->gpu->driver();
  ScopedContext scope(*target->gpu);
  if (Status status = StreamOrder::wait(from, *target, false); !status.ok())
    return status;
  if (Status status = StreamOrder::wait(to, *target, true); !status.ok())
    return status;
  if (Status status = target->gpu->begin(target->stream); !status.ok())
    return status;
  auto size = static_cast<size_t>(bytes);
  Status status =
      target->gpu == source->gpu
          ? driver.check(driver.memcpyDtoDAsync(pointer(to.data()),
                                                pointer(from.data()), size,
                                                target->stream),
                         "cuMemcpyDtoDAsync")
          : driver.check(driver.memcpyPeerAsync(
                             pointer(to.data()), target->gpu->context(),
                             pointer(from.data()), source->gpu->context(), size,
                             target->stream),
                         "cuMemcpyPeerAsync");
  if (!status.ok())
    return status;
  StatusOr<Use> use = target->gpu->useOf(target->stream);
  if (!use.ok())
    return use.status();
  StreamOrder::markRead(from, *use);
  StreamOrder::markWritten(to, *use);
  return {};
}

} // namespace

Status copyFromHost(Storage &to, const void *from, int64_t bytes) {
  if (Status status = checkSizes(bytes, bytes, to.bytes()); !status.ok())
    return status;
  if (bytes == 0)
    return {};
  if (to.device().is_gpu())
    return copyHostToGpu(to, from, bytes, nullptr);
  std::memcpy(to.data(), from, static_cast<size_t>(bytes));
  return {};
}

Status copyToHost(void *to, Storage &from, int64_t bytes) {
  if (Status status = checkSizes(bytes, from.bytes(), bytes); !status.ok())
    return status;
  if (bytes == 0)
    return {};
  if (from.device().is_gpu())
    return copyGpuToHost(to, from, bytes, nullptr);
  if (Status status = waitOnHost(from); !status.ok())
    return status;
  std::memcpy(to, from.data(), static_cast<size_t>(bytes));
  return {};
}

Status copy(Storage &to, Storage &from, int64_t bytes, CudaStream stream) {
  if (Status status = checkSizes(bytes, from.bytes(), to.bytes());
      !status.ok() || bytes == 0)
    return status;
  if (to.device().is_gpu() && from.device().is_gpu())
    return copyGpuToGpu(to, from, bytes, stream);
  if (to.device().is_gpu())
    return copyHostToGpu(to, from.data(), bytes, stream);
  if (from.device().is_gpu())
    return copyGpuToHost(to.data(), from, bytes, stream);
  std::memcpy(to.data(), from.data(), static_cast<size_t>(bytes));
  return {};
}

/// The stream for a copy of `storage` to new memory on `device`.
static StatusOr<CudaStream> streamOf(Storage &storage, Device device) {
  bool goesUp = device.is_gpu() && storage.device().is_cpu(),
       goesDown = device.is_cpu() && storage.device().is_gpu();
  if (!goesUp && !goesDown)
    return CudaStream(nullptr);
  StatusOr<Gpu *> gpu =
      Gpu::get(goesUp ? device.index : storage.device().index);
  if (!gpu.ok())
    return gpu.status();
  return goesUp ? (*gpu)->uploads() : StreamOrder::downloads(**gpu, storage);
}

StatusOr<std::shared_ptr<Storage>> copyTo(Storage &storage, Device device) {
  StatusOr<CudaStream> stream = streamOf(storage, device);
  if (!stream.ok())
    return stream.status();
  StatusOr<std::shared_ptr<Storage>> result =
      Storage::allocate(device, storage.bytes(), *stream);
  if (!result.ok())
    return result;
  if (Status status = copy(**result, storage, storage.bytes(), *stream);
      !status.ok())
    return status;
  return result;
}

} // namespace weft::runtime
