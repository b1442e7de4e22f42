// SPDX-License-Identifier: Apache-2.0
// How long plans take on a GPU.
#include "runtime/PlanTimer.h"

#include "runtime/Executor.h"
#include "runtime/Gpu.h"
#include "runtime/StreamOrder.h"
#include "weft/Core/Float.h"

#include <algorithm>
#include <random>

namespace weft::runtime {

/// Of runs that count: so many, or as many as this time allows.
static constexpr size_t kLeastRuns = 3, kMostRuns = 20;
static constexpr double kMicrosecondsOfRuns = 10'000;

/// Random elements: the first are made here and repeated on the device.
static Status fill(const Gpu &gpu, Storage &memory, DType dtype,
                   CudaStream stream) {
  constexpr int64_t kElements = 1 << 16;
  const int64_t size = size_in_bytes(dtype);
  int64_t count = std::min(kElements, memory.bytes() / size);
  auto made = Storage::allocate(Device::cpu(), count * size);
  if (!made.ok())
    return made.status();
  std::mt19937 generator(0);
  for (int64_t i = 0; i < count; ++i)
    store_from_double((*made)->data(), dtype, i,
                      static_cast<double>(generator()) * 0x1p-31 - 1);
  int64_t done = count * size;
  // The memory is ordered with the stream that it was allocated for alone.
  Status status = copy(memory, **made, done, stream);
  const auto begin = reinterpret_cast<CudaPointer>(memory.data());
  while (status.ok() && done > 0 && done < memory.bytes()) {
    int64_t more = std::min(done, memory.bytes() - done);
    status = gpu.driver().check(
        gpu.driver().memcpyDtoDAsync(begin + static_cast<uint64_t>(done), begin,
                                     static_cast<size_t>(more), stream),
        "cuMemcpyDtoDAsync");
    done += more;
  }
  return status;
}

Status PlanTimer::prepare(const Plan &plan, Device device) {
  const Driver &driver = gpu_.driver();
  ScopedContext scope(gpu_);
  Status status = driver.check(
      driver.streamCreate(&stream_, cuda::nonBlockingStream), "cuStreamCreate");
  for (CudaEvent *event : {&begin_, &end_})
    if (status.ok())
      status = driver.check(driver.eventCreate(event, cuda::eventBlockingSync),
                            "cuEventCreate");
  if (!status.ok())
    return status;
  for (auto [specs, addresses] :
       {std::pair(&plan.inputs, &inputs_), std::pair(&plan.outputs, &outputs_)})
    for (const TensorSpec &spec : *specs) {
      auto memory = Storage::allocate(device, spec.bytes, stream_);
      if (!memory.ok())
        return memory.status();
      addresses->push_back((*memory)->data());
      if (specs == &plan.inputs)
        status = fill(gpu_, **memory, spec.dtype, stream_);
      memory_.push_back(std::move(*memory));
      if (!status.ok())
        return status;
    }
  scalars_.assign(plan.scalars.size(), Scalar(1));
  return {};
}

StatusOr<std::unique_ptr<PlanTimer>> PlanTimer::make(const Plan &plan,
                                                     Device device) {
  StatusOr<Gpu *> gpu = Gpu::get(device.index);
  if (!gpu.ok())
    return gpu.status();
  std::unique_ptr<PlanTimer> timer(new PlanTimer(**gpu));
  if (Status status = timer->prepare(plan, device); !status.ok())
    return status;
  return timer;
}

PlanTimer::~PlanTimer() {
  const Driver &driver = gpu_.driver();
  ScopedContext scope(gpu_);
  if (stream_)
    (void)driver.streamSynchronize(stream_);
  memory_.clear(); // before the stream that it was made for
  for (CudaEvent event : {begin_, end_})
    if (event)
      (void)driver.eventDestroy(event);
  if (stream_)
    (void)driver.streamDestroy(stream_);
}

/// The host is ahead of the device by the time the run that counts begins, so
/// that the device does not wait for it.
StatusOr<double> PlanTimer::timeOnce(const LoadedPlan &plan) const {
  const Driver &driver = gpu_.driver();
  float milliseconds = 0;
  Status status = run(plan);
  if (status.ok())
    status = driver.check(driver.eventRecord(begin_, stream_), "cuEventRecord");
  if (status.ok())
    status = run(plan);
  if (status.ok())
    status = driver.check(driver.eventRecord(end_, stream_), "cuEventRecord");
  if (status.ok())
    status = driver.check(driver.eventSynchronize(end_), "cuEventSynchronize");
  if (status.ok())
    status = driver.check(driver.eventElapsedTime(&milliseconds, begin_, end_),
                          "cuEventElapsedTime");
  if (!status.ok())
    return status;
  return static_cast<double>(milliseconds) * 1000;
}

Status PlanTimer::run(const LoadedPlan &plan) const {
  return plan.run(inputs_, {}, outputs_, scalars_, stream_);
}

StatusOr<double> PlanTimer::time(const Plan &plan, double limit) const {
  StatusOr<std::shared_ptr<const LoadedPlan>> loaded =
      LoadedPlan::load(plan, Device::gpu(gpu_.index()));
  if (!loaded.ok())
    return loaded.status();
  ScopedContext scope(gpu_);
  // What was enqueued before runs now, not while something is timed.
  Status status = gpu_.driver().check(
      gpu_.driver().streamSynchronize(gpu_.stream()), "cuStreamSynchronize");
  // The first run loads code, the second captures a graph.
  for (int i = 0; i < 2 && status.ok(); ++i)
    status = run(**loaded);
  if (!status.ok())
    return status;
  std::vector<double> times;
  double total = 0;
  while (times.size() < kLeastRuns ||
         (times.size() < kMostRuns && total < kMicrosecondsOfRuns)) {
    StatusOr<double> once = timeOnce(**loaded);
    if (!once.ok() || *once > limit)
      return once;
    times.push_back(*once);
    total += *once;
  }
  auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

} // namespace weft::runtime
