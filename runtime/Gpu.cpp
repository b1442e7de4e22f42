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
  for (CudaStream *stream : {&gpu->stream_, &gpu->uploads_, &gpu->downloads_}) {
    // Not ordered with the legacy stream, where other libraries may work.
    Status status =
        driver.check(driver.streamCreate(stream, cuda::nonBlockingStream),
                     "cuStreamCreate", to_string(Device::gpu(index)));
    if (!status.ok()) {
      delete gpu;
      return status;
    }
  }
  return gpu;
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

bool Gpu::isCaptured(CudaStream stream) const {
  if (stream == stream_)
    return false;
  int status = 0;
  return driver_.streamIsCapturing(stream, &status) != cuda::success ||
         status != 0;
}

namespace {

/// Who asks the device or waits for it ends a capture in global mode, be it
/// another thread's, unless his own mode is relaxed.
class RelaxedCapture {
public:
  explicit RelaxedCapture(const Driver &driver) : driver_(driver) {
    exchange();
  }
  RelaxedCapture(const RelaxedCapture &) = delete;
  RelaxedCapture &operator=(const RelaxedCapture &) = delete;
  ~RelaxedCapture() { exchange(); }

private:
  void exchange() { (void)driver_.threadExchangeStreamCaptureMode(&mode_); }

  const Driver &driver_;
  int mode_ = cuda::captureRelaxed;
};

} // namespace

static uint64_t nextNumber() {
  static std::atomic<uint64_t> counter{0};
  return ++counter;
}

Mark::Mark() : number_(nextNumber()) {}

Mark::State Mark::state() const {
  std::lock_guard lock(mutex_);
  return state_;
}

StatusOr<CudaEvent> Gpu::eventOf(Mark &mark, CudaStream stream) {
  std::lock_guard lock(mark.mutex_);
  if (mark.event_)
    return mark.event_.get();
  StatusOr<std::shared_ptr<CUevent_st>> event = newEvent();
  if (!event.ok())
    return event.status();
  ScopedContext scope(*this);
  if (Status status = driver_.check(driver_.eventRecord(event->get(), stream),
                                    "cuEventRecord");
      !status.ok())
    return status;
  mark.event_ = std::move(*event);
  mark.state_ =
      isCaptured(stream) ? Mark::State::captured : Mark::State::recorded;
  return mark.event_.get();
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
    return Use{this, stream, mark_};
  }
  Use use{this, stream, std::make_shared<Mark>()};
  if (StatusOr<CudaEvent> event = eventOf(*use.mark, stream); !event.ok())
    return event.status();
  return use;
}

static bool isBehind(CudaStream stream, const Use &use) {
  return use.stream == stream || Gpu::isOver(use);
}

Status Gpu::wait(CudaStream stream, const Use &use) {
  if (isBehind(stream, use))
    return {};
  StatusOr<CudaEvent> event = use.gpu->eventOf(*use.mark, use.stream);
  if (!event.ok())
    return event.status();
  bool isInGraph = use.mark->state() == Mark::State::captured;
  if (use.gpu->isCaptured(stream) != isInGraph)
    return finish(use);
  return use.gpu->driver().check(
      use.gpu->driver().streamWaitEvent(stream, *event, 0),
      "cuStreamWaitEvent");
}

bool Gpu::isOver(const Use &use) {
  if (!use.gpu)
    return true;
  Mark &mark = *use.mark;
  std::lock_guard lock(mark.mutex_);
  if (mark.state_ == Mark::State::recorded) {
    RelaxedCapture relaxed(use.gpu->driver());
    if (use.gpu->driver().eventQuery(mark.event_.get()) != cuda::notReady)
      mark.state_ = Mark::State::over;
  }
  return mark.state_ == Mark::State::over;
}

Status Gpu::finish(const Use &use) {
  if (!use.gpu)
    return {};
  StatusOr<CudaEvent> event = use.gpu->eventOf(*use.mark, use.stream);
  if (!event.ok() || use.mark->state() == Mark::State::captured)
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
  bool isOpen =
      writer.stream == stream_ && writer.mark->state() == Mark::State::open;
  return !writer.gpu || isOpen ? stream_ : downloads_;
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
