// SPDX-License-Identifier: Apache-2.0
// One CUDA context: its stream, its events, its memory.
#include "runtime/Gpu.h"

#include "runtime/Reaper.h"

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

ScopedContext::ScopedContext(const Gpu &gpu)
    : driver_(gpu.driver()), relaxed_(driver_) {
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
  unsigned long long id = 0;
  if (Status status = driver.check(driver.ctxGetId(context, &id), "cuCtxGetId");
      !status.ok())
    return status;
  for (Gpu *gpu : registry().gpus)
    if (gpu->contextId() == id)
      return gpu;
  StatusOr<Gpu *> gpu = make(driver, index, context, id);
  if (gpu.ok())
    registry().gpus.push_back(*gpu);
  return gpu;
}

Gpu::Gpu(const Driver &driver, int index, CudaContext context,
         uint64_t contextId)
    : driver_(driver), index_(index), context_(context), contextId_(contextId),
      pool_(Device::gpu(index), *this) {}

StatusOr<Gpu *> Gpu::make(const Driver &driver, int index, CudaContext context,
                          uint64_t contextId) {
  auto *gpu = new Gpu(driver, index, context, contextId);
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
  if (Status status = gpu->makeStreams(); !status.ok()) {
    delete gpu;
    return status;
  }
  return gpu;
}

Status Gpu::makeStreams() {
  const std::string where = to_string(Device::gpu(index_));
  // Not ordered with the legacy stream, where other libraries may work.
  for (CudaStream *stream : {&stream_, &uploads_, &downloads_})
    if (Status status =
            driver_.check(driver_.streamCreate(stream, cuda::nonBlockingStream),
                          "cuStreamCreate", where);
        !status.ok())
      return status;
  unsigned long long id = 0;
  Status status =
      driver_.check(driver_.streamGetId(stream_, &id), "cuStreamGetId", where);
  streamId_ = id;
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

uint64_t contextOf(Device device) {
  if (device.is_cpu())
    return 0;
  StatusOr<Gpu *> gpu = Gpu::get(device.index);
  return gpu.ok() ? (*gpu)->contextId() : 0;
}

StatusOr<CudaStream> Gpu::resolve(CudaStream stream) const {
  if (!stream || stream == stream_)
    return stream_;
  ScopedContext scope(*this);
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

StatusOr<uint64_t> Gpu::idOf(CudaStream stream) const {
  if (stream == stream_)
    return streamId_;
  // To ask for its id ends a capture.
  if (isCaptured(stream))
    return reinterpret_cast<uintptr_t>(stream);
  ScopedContext scope(*this);
  unsigned long long id = 0;
  Status status =
      driver_.check(driver_.streamGetId(stream, &id), "cuStreamGetId");
  return status.ok() ? StatusOr<uint64_t>(id) : status;
}

// ---- captures ---------------------------------------------------------------

Gpu::Capture Gpu::captureOf(CudaStream stream) const {
  if (stream == stream_)
    return {};
  ScopedContext scope(*this);
  Capture capture;
  int status = cuda::captureNone;
  CudaResult asked = driver_.streamGetCaptureInfo(
      stream, &status, &capture.id, &capture.graph, nullptr, nullptr);
  if (asked == cuda::success && status == cuda::captureActive)
    return capture;
  // One that a mistake has ended takes work no more and runs none either.
  constexpr uint64_t ended = ~uint64_t(0);
  bool isNone = asked == cuda::success && status == cuda::captureNone;
  return {isNone ? 0 : ended, nullptr};
}

Status Gpu::holdForGraph(CudaStream stream, std::shared_ptr<void> what) const {
  CudaGraph graph = captureOf(stream).graph;
  if (!graph)
    return {};
  // The driver's thread must not call it, which the end of memory does.
  auto letGo = [](void *held) {
    auto *owner = static_cast<std::shared_ptr<void> *>(held);
    releaseAfter({}, [what = std::move(*owner)] {});
    delete owner;
  };
  auto *owner = new std::shared_ptr<void>(std::move(what));
  CudaUserObject object = nullptr;
  Status status =
      driver_.check(driver_.userObjectCreate(&object, owner, letGo, 1,
                                             cuda::noDestructorSync),
                    "run: cuUserObjectCreate");
  if (!status.ok()) {
    delete owner;
    return status;
  }
  status = driver_.check(
      driver_.graphRetainUserObject(graph, object, 1, cuda::moveUserObject),
      "run: cuGraphRetainUserObject");
  if (!status.ok())
    (void)driver_.userObjectRelease(object, 1);
  return status;
}

// ---- marks ------------------------------------------------------------------

static uint64_t nextNumber() {
  static std::atomic<uint64_t> counter{0};
  return ++counter;
}

Mark::Mark() : number_(nextNumber()) {}

StatusOr<CudaEvent> Gpu::eventOf(Mark &mark, CudaStream stream) {
  std::lock_guard lock(mark.mutex_);
  if (mark.event_)
    return mark.event_.get();
  StatusOr<std::shared_ptr<CUevent_st>> event = newEvent();
  if (!event.ok())
    return event.status();
  ScopedContext scope(*this);
  // Before it is recorded: what another thread enqueues behind the event must
  // find that the mark is not its own.
  mark.state_ = Mark::State::closing;
  if (Status status = driver_.check(driver_.eventRecord(event->get(), stream),
                                    "cuEventRecord");
      !status.ok())
    return status;
  mark.event_ = std::move(*event);
  mark.capture_ = captureOf(stream).id;
  mark.state_ = Mark::State::recorded;
  return mark.event_.get();
}

/// Marks of other streams than Weft's own are never open.
StatusOr<CudaEvent> Gpu::eventOf(const Use &use) {
  return use.gpu->eventOf(*use.mark, use.gpu->stream_);
}

Status Gpu::begin(CudaStream stream) {
  if (stream != stream_ || marksToRecord_ <= 0)
    return {};
  std::shared_ptr<Mark> mark;
  {
    std::lock_guard lock(markMutex_);
    if (mark_.use_count() < 2)
      return {}; // nobody's
    mark = std::move(mark_);
    --marksToRecord_;
  }
  return eventOf(*mark, stream).status();
}

StatusOr<Use> Gpu::useOf(CudaStream stream) {
  if (stream == stream_) {
    std::lock_guard lock(markMutex_);
    // One that another thread had recorded may be before our work.
    if (!mark_ || mark_->state() != Mark::State::open)
      mark_ = std::make_shared<Mark>();
    return Use{this, streamId_, mark_};
  }
  StatusOr<uint64_t> id = idOf(stream);
  if (!id.ok())
    return id.status();
  Use use{this, *id, std::make_shared<Mark>()};
  if (StatusOr<CudaEvent> event = eventOf(*use.mark, stream); !event.ok())
    return event.status();
  return use;
}

bool Gpu::isBehind(CudaStream stream, const Use &use) const {
  if (!use.gpu)
    return true;
  // A graph is not behind what its stream did before the capture.
  StatusOr<uint64_t> id = idOf(stream);
  return (id.ok() && use.stream == *id &&
          use.mark->capture() == captureOf(stream).id) ||
         isOver(use);
}

Status Gpu::wait(CudaStream stream, const Use &use) const {
  if (isBehind(stream, use))
    return {};
  StatusOr<CudaEvent> event = eventOf(use);
  if (!event.ok())
    return event.status();
  if (use.mark->capture() != captureOf(stream).id)
    return finish(use);
  ScopedContext scope(*this);
  return driver_.check(driver_.streamWaitEvent(stream, *event, 0),
                       "cuStreamWaitEvent");
}

bool Gpu::isOver(const Use &use) {
  if (!use.gpu)
    return true;
  Mark &mark = *use.mark;
  if (mark.state() != Mark::State::recorded)
    return mark.state() == Mark::State::over;
  std::lock_guard lock(mark.mutex_);
  if (mark.state_ == Mark::State::recorded && !mark.capture_) {
    RelaxedCapture relaxed(use.gpu->driver());
    if (use.gpu->driver().eventQuery(mark.event_.get()) != cuda::notReady)
      mark.state_ = Mark::State::over;
  }
  return mark.state_ == Mark::State::over;
}

bool Gpu::isInGraph(const Use &use) { return use.gpu && use.mark->capture(); }

Status Gpu::finish(const Use &use) {
  if (!use.gpu || isInGraph(use))
    return {};
  StatusOr<CudaEvent> event = eventOf(use);
  if (!event.ok())
    return event.status();
  RelaxedCapture relaxed(use.gpu->driver());
  return use.gpu->driver().check(use.gpu->driver().eventSynchronize(*event),
                                 "cuEventSynchronize");
}

CudaStream Gpu::uploads() {
  marksToRecord_ = kMarksOfCopy;
  RelaxedCapture relaxed(driver_);
  return driver_.streamQuery(stream_) == cuda::notReady ? uploads_ : stream_;
}

CudaStream Gpu::downloads(const Use &writer) {
  marksToRecord_ = kMarksOfCopy;
  bool isOpen = writer.gpu && writer.mark->state() == Mark::State::open;
  return isOpen ? stream_ : downloads_;
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
  return std::all_of(uses.begin(), uses.end(),
                     [&](const Use &use) { return isBehind(ours, use); });
}

Status Gpu::order(std::vector<Use> &uses, CudaStream stream) {
  CudaStream ours = stream ? stream : stream_;
  for (const Use &use : uses)
    if (Status status = wait(ours, use); !status.ok())
      return status;
  uses.clear();
  return {};
}

void Gpu::finish(std::vector<Use> &uses) {
  for (const Use &use : uses)
    (void)finish(use);
  uses.clear();
}

} // namespace weft::runtime
