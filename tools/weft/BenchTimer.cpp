// SPDX-License-Identifier: Apache-2.0
// Times of calls on a device: wall clock, or events around a CUDA graph.
#include "BenchTimer.h"

#include <algorithm>
#include <chrono>

namespace weft::tools {

Times timesOf(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  return {seconds[seconds.size() / 2], seconds.front()};
}

StatusOr<std::vector<Times>> BenchTimer::measure(double atLeast) {
  constexpr int kLeast = 15, kMost = 500;
  std::vector<std::vector<double>> seconds(size());
  auto start = std::chrono::steady_clock::now();
  auto isOver = [&](int rounds) {
    std::chrono::duration<double> spent =
        std::chrono::steady_clock::now() - start;
    return rounds >= kMost || (rounds >= kLeast && spent.count() >= atLeast);
  };
  for (int i = -1; !isOver(i); ++i)
    for (size_t contender = 0; contender < size(); ++contender) {
      StatusOr<double> time = round(contender);
      if (!time.ok())
        return time.status();
      if (i >= 0)
        seconds[contender].push_back(*time);
    }
  std::vector<Times> times;
  for (std::vector<double> &each : seconds)
    times.push_back(timesOf(std::move(each)));
  return times;
}

namespace {

class CpuTimer final : public BenchTimer {
public:
  Status add(Call call, int64_t calls) override {
    contenders_.push_back({std::move(call), calls});
    return {};
  }

private:
  struct Contender {
    Call call;
    int64_t calls;
  };

  size_t size() const override { return contenders_.size(); }

  StatusOr<double> round(size_t number) override {
    Contender &contender = contenders_[number];
    auto start = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < contender.calls; ++i)
      if (Status status = contender.call(next_++, nullptr); !status.ok())
        return status;
    std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    return time.count() / static_cast<double>(contender.calls);
  }

  std::vector<Contender> contenders_;
  /// Shared: none may find the operands that another has just used.
  int64_t next_ = 0;
};

class GpuTimer final : public BenchTimer {
public:
  explicit GpuTimer(runtime::Gpu &gpu) : gpu_(gpu), driver_(gpu.driver()) {}

  Status init() {
    runtime::ScopedContext scope(gpu_);
    Status status = driver_.check(
        driver_.streamCreate(&stream_, runtime::cuda::nonBlockingStream),
        "cuStreamCreate");
    for (runtime::CudaEvent *event : {&begin_, &end_})
      if (status.ok())
        status = driver_.check(driver_.eventCreate(event, 0), "cuEventCreate");
    return status;
  }

  ~GpuTimer() override {
    runtime::ScopedContext scope(gpu_);
    for (const Contender &contender : contenders_)
      (void)driver_.graphExecDestroy(contender.graph);
    for (runtime::CudaEvent event : {begin_, end_})
      if (event)
        (void)driver_.eventDestroy(event);
    if (stream_)
      (void)driver_.streamDestroy(stream_);
  }

  Status add(Call call, int64_t calls) override {
    // What prepared the buffers is over; a graph cannot wait for it.
    if (Status status = gpu_.synchronize(); !status.ok())
      return status;
    runtime::ScopedContext scope(gpu_);
    Status status = driver_.check(
        driver_.streamBeginCapture(stream_, runtime::cuda::captureRelaxed),
        "cuStreamBeginCapture");
    if (!status.ok())
      return status;
    for (int64_t i = 0; i < calls && status.ok(); ++i)
      status = call(i, stream_);
    runtime::CudaGraph graph = nullptr;
    Status ended = driver_.check(driver_.streamEndCapture(stream_, &graph),
                                 "cuStreamEndCapture");
    Contender contender{nullptr, calls};
    if (status.ok())
      status = ended;
    if (status.ok())
      status =
          driver_.check(driver_.graphInstantiate(&contender.graph, graph, 0),
                        "cuGraphInstantiate");
    if (graph)
      (void)driver_.graphDestroy(graph);
    if (status.ok())
      contenders_.push_back(contender);
    return status;
  }

private:
  struct Contender {
    runtime::CudaGraphExec graph;
    int64_t calls;
  };

  size_t size() const override { return contenders_.size(); }

  StatusOr<double> round(size_t number) override {
    const Contender &contender = contenders_[number];
    runtime::ScopedContext scope(gpu_);
    float milliseconds = 0;
    Status status =
        driver_.check(driver_.eventRecord(begin_, stream_), "cuEventRecord");
    if (status.ok())
      status = driver_.check(driver_.graphLaunch(contender.graph, stream_),
                             "cuGraphLaunch");
    if (status.ok())
      status =
          driver_.check(driver_.eventRecord(end_, stream_), "cuEventRecord");
    if (status.ok())
      status =
          driver_.check(driver_.eventSynchronize(end_), "cuEventSynchronize");
    if (status.ok())
      status =
          driver_.check(driver_.eventElapsedTime(&milliseconds, begin_, end_),
                        "cuEventElapsedTime");
    if (!status.ok())
      return status;
    return milliseconds * 1e-3 / static_cast<double>(contender.calls);
  }

  runtime::Gpu &gpu_;
  const runtime::Driver &driver_;
  runtime::CudaStream stream_ = nullptr;
  runtime::CudaEvent begin_ = nullptr, end_ = nullptr;
  std::vector<Contender> contenders_;
};

} // namespace

StatusOr<std::unique_ptr<BenchTimer>> BenchTimer::create(Device device) {
  if (device.is_cpu())
    return std::unique_ptr<BenchTimer>(new CpuTimer);
  StatusOr<runtime::Gpu *> gpu = runtime::Gpu::get(device.index);
  if (!gpu.ok())
    return gpu.status();
  auto timer = std::make_unique<GpuTimer>(**gpu);
  if (Status status = timer->init(); !status.ok())
    return status;
  return std::unique_ptr<BenchTimer>(std::move(timer));
}

} // namespace weft::tools
