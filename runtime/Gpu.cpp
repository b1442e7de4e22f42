// SPDX-License-Identifier: Apache-2.0
// One CUDA context: its stream, its events, its memory.
#include "runtime/Gpu.h"

#include "absl/strings/str_cat.h"

#include <algorithm>

namespace weft::runtime {
namespace {

struct Registry {
  std::mutex mutex;
  std::vector<Gpu *> gpus;
  std::vector<CudaContext> primary; // of each device, null until retained
};

Registry &registry() {
  static Registry &instance = *new Registry;
  return instance;
}

/// The calling thread's context if it belongs to device `index`.
CudaContext currentContextOn(const Driver &driver, int index) {
  CudaContext current = nullptr;
  CudaDevice device = -1, wanted = -1;
  if (driver.ctxGetCurrent(&current) != cuda::success || !current ||
      driver.ctxGetDevice(&device) != cuda::success ||
      driver.deviceGet(&wanted, index) != cuda::success || device != wanted)
    return nullptr;
  return current;
}

StatusOr<CudaContext> primaryContextOn(const Driver &driver, int index,
                                       CudaContext &known) {
  if (known)
    return known;
  CudaDevice device;
  Status status = driver.check(driver.deviceGet(&device, index), "cuDeviceGet");
  if (status.ok())
    status = driver.check(driver.devicePrimaryCtxRetain(&known, device),
                          "cuDevicePrimaryCtxRetain");
  if (!status.ok())
    return unavailable_error(
        absl::StrCat("gpu:", index, ": ", std::string(status.message())));
  return known;
}

} // namespace

ScopedContext::ScopedContext(const Gpu &gpu) : driver_(gpu.driver()) {
  CudaContext current = nullptr;
  driver_.ctxGetCurrent(&current);
  if (current != gpu.context())
    pushed_ = driver_.ctxPushCurrent(gpu.context()) == cuda::success;
}

ScopedContext::~ScopedContext() {
  CudaContext ours;
  if (pushed_)
    driver_.ctxPopCurrent(&ours);
}

std::vector<Gpu *> knownGpus() {
  std::lock_guard lock(registry().mutex);
  return registry().gpus;
}

StatusOr<Gpu *> Gpu::get(int index) {
  StatusOr<const Driver *> found = Driver::get();
  if (!found.ok())
    return found.status();
  const Driver &driver = **found;
  if (index < 0 || index >= driver.deviceCount)
    return not_found_error(absl::StrCat("gpu:", index,
                                        ": no such device: the driver reports ",
                                        driver.deviceCount));
  CudaContext context = currentContextOn(driver, index);
  std::lock_guard lock(registry().mutex);
  registry().primary.resize(static_cast<size_t>(driver.deviceCount));
  if (!context) {
    StatusOr<CudaContext> primary = primaryContextOn(
        driver, index, registry().primary[static_cast<size_t>(index)]);
    if (!primary.ok())
      return primary.status();
    context = *primary;
  }
  for (Gpu *gpu : registry().gpus)
    if (gpu->context() == context)
      return gpu;
  StatusOr<Gpu *> gpu = make(driver, index, context);
  if (gpu.ok())
    registry().gpus.push_back(*gpu);
  return gpu;
}

Gpu::Gpu(const Driver &driver, int index, CudaContext context)
    : driver_(driver), index_(index), context_(context),
      pool_(Device::gpu(index), *this) {}

StatusOr<Gpu *> Gpu::make(const Driver &driver, int index,
                          CudaContext context) {
  auto *gpu = new Gpu(driver, index, context);
  ScopedContext scope(*gpu);
  CudaDevice device = 0;
  char name[256] = "";
  int major = 0, minor = 0, l2 = 0;
  driver.deviceGet(&device, index);
  driver.deviceGetName(name, sizeof(name), device);
  driver.deviceGetAttribute(&major, cuda::computeCapabilityMajor, device);
  driver.deviceGetAttribute(&minor, cuda::computeCapabilityMinor, device);
  driver.deviceGetAttribute(&gpu->multiprocessors_, cuda::multiprocessorCount,
                            device);
  driver.deviceGetAttribute(&l2, cuda::l2CacheSize, device);
  gpu->name_ = name;
  gpu->l2Bytes_ = l2;
  gpu->capability_ = major * 10 + minor;
  // Not ordered with the legacy stream, where other libraries may work.
  Status status =
      driver.check(driver.streamCreate(&gpu->stream_, cuda::nonBlockingStream),
                   "cuStreamCreate", to_string(Device::gpu(index)));
  if (status.ok())
    return gpu;
  delete gpu;
  return status;
}

std::string Gpu::arch() const {
  return absl::StrCat("sm_", capability_, capability_ >= 90 ? "a" : "");
}

StatusOr<std::string> archOf(Device device) {
  StatusOr<Gpu *> gpu = Gpu::get(device.index);
  if (!gpu.ok())
    return gpu.status();
  return (*gpu)->arch();
}

StatusOr<CudaStream> Gpu::resolve(CudaStream stream) const {
  if (!stream || stream == stream_)
    return stream_;
  CudaContext context = nullptr;
  Status status =
      driver_.check(driver_.streamGetCtx(stream, &context), "cuStreamGetCtx");
  if (!status.ok())
    return status;
  if (context != context_)
    return invalid_argument_error(
        absl::StrCat("run: stream belongs to another context than ",
                     to_string(Device::gpu(index_)), " is used in"));
  return stream;
}

StatusOr<std::shared_ptr<CUevent_st>> Gpu::newEvent() {
  auto giveBack = [this](CudaEvent event) {
    std::lock_guard lock(eventsMutex_);
    events_.push_back(event);
  };
  {
    std::unique_lock lock(eventsMutex_);
    if (!events_.empty()) {
      CudaEvent event = events_.back();
      events_.pop_back();
      lock.unlock();
      return std::shared_ptr<CUevent_st>(event, giveBack);
    }
  }
  ScopedContext scope(*this);
  CudaEvent event = nullptr;
  // Blocking: a thread that waits for the device must not spin.
  Status status =
      driver_.check(driver_.eventCreate(&event, cuda::eventDisableTiming |
                                                    cuda::eventBlockingSync),
                    "cuEventCreate");
  if (!status.ok())
    return status;
  return std::shared_ptr<CUevent_st>(event, giveBack);
}

StatusOr<Use> Gpu::useOf(CudaStream stream) {
  if (stream == stream_)
    return Use{this, stream, nullptr};
  StatusOr<std::shared_ptr<CUevent_st>> event = newEvent();
  if (!event.ok())
    return event.status();
  ScopedContext scope(*this);
  if (Status status = driver_.check(driver_.eventRecord(event->get(), stream),
                                    "cuEventRecord");
      !status.ok())
    return status;
  return Use{this, stream, *event};
}

namespace {

/// Gives a use of one of Weft's streams the event it was made without.
Status materialise(Use &use, StatusOr<std::shared_ptr<CUevent_st>> event) {
  if (!event.ok())
    return event.status();
  ScopedContext scope(*use.gpu);
  const Driver &driver = use.gpu->driver();
  Status status = driver.check(driver.eventRecord(event->get(), use.stream),
                               "cuEventRecord");
  if (status.ok())
    use.event = std::move(*event);
  return status;
}

} // namespace

Status Gpu::wait(CudaStream stream, Use &use) {
  if (!use.gpu || use.stream == stream)
    return {};
  if (!use.event)
    if (Status status = materialise(use, use.gpu->newEvent()); !status.ok())
      return status;
  const Driver &driver = use.gpu->driver();
  return driver.check(driver.streamWaitEvent(stream, use.event.get(), 0),
                      "cuStreamWaitEvent");
}

bool Gpu::isOver(const Use &use) {
  return !use.gpu || (use.event && use.gpu->driver().eventQuery(
                                       use.event.get()) != cuda::notReady);
}

Status Gpu::finish(Use &use) {
  if (!use.gpu)
    return {};
  if (!use.event)
    if (Status status = materialise(use, use.gpu->newEvent()); !status.ok())
      return status;
  const Driver &driver = use.gpu->driver();
  return driver.check(driver.eventSynchronize(use.event.get()),
                      "cuEventSynchronize");
}

Status Gpu::synchronize() {
  ScopedContext scope(*this);
  return driver_.check(driver_.ctxSynchronize(), "cuCtxSynchronize",
                       to_string(Device::gpu(index_)));
}

void *Gpu::allocate(int64_t bytes) {
  ScopedContext scope(*this);
  CudaPointer data = 0;
  if (driver_.memAlloc(&data, static_cast<size_t>(bytes)) != cuda::success)
    return nullptr;
  return reinterpret_cast<void *>(data);
}

// At exit the driver may be gone already, and the memory with it.
void Gpu::release(void *data, int64_t) {
  ScopedContext scope(*this);
  (void)driver_.memFree(reinterpret_cast<CudaPointer>(data));
}

bool Gpu::isOrdered(const std::vector<Use> &uses, CudaStream stream) {
  CudaStream ours = stream ? stream : stream_;
  return std::all_of(uses.begin(), uses.end(), [&](const Use &use) {
    return use.stream == ours || isOver(use);
  });
}

Status Gpu::order(std::vector<Use> &uses, CudaStream stream) {
  CudaStream ours = stream ? stream : stream_;
  for (Use &use : uses)
    if (Status status = wait(ours, use); !status.ok())
      return status;
  uses.clear();
  return {};
}

void Gpu::finish(std::vector<Use> &uses) {
  for (Use &use : uses)
    (void)finish(use);
  uses.clear();
}

} // namespace weft::runtime
