// SPDX-License-Identifier: Apache-2.0
// What the driver alone takes of the host's time of a call.
#include "BenchEmpty.h"

#include <chrono>

namespace weft::tools {
namespace {

namespace cuda = runtime::cuda;

/// For every GPU that Weft knows; the driver compiles it.
constexpr char kText[] = R"(.version 6.3
.target sm_75
.address_size 64
.visible .entry empty() { ret; }
)";

/// A graph of empty kernels, and what it is made of.
class EmptyGraph {
public:
  explicit EmptyGraph(runtime::Gpu &gpu)
      : gpu_(gpu), driver_(gpu.driver()), scope_(gpu) {}

  Status init(int64_t kernels) {
    runtime::CudaFunction function = nullptr;
    Status status =
        driver_.check(driver_.moduleLoadDataEx(&module_, kText, 0, nullptr,
                                               /*values=*/nullptr),
                      "cuModuleLoadDataEx");
    if (status.ok())
      status =
          driver_.check(driver_.moduleGetFunction(&function, module_, "empty"),
                        "cuModuleGetFunction");
    if (status.ok())
      status =
          driver_.check(driver_.streamCreate(&stream_, cuda::nonBlockingStream),
                        "cuStreamCreate");
    if (status.ok())
      status = driver_.check(
          driver_.streamBeginCapture(stream_, cuda::captureRelaxed),
          "cuStreamBeginCapture");
    if (!status.ok())
      return status;
    runtime::CudaLaunchConfig config{{1, 1, 1}, {32, 1, 1}, 0,
                                     stream_,   nullptr,    0};
    for (int64_t i = 0; i < kernels && status.ok(); ++i)
      status = driver_.check(
          driver_.launchKernelEx(&config, function, nullptr, nullptr),
          "cuLaunchKernelEx");
    runtime::CudaGraph graph = nullptr;
    Status ended = driver_.check(driver_.streamEndCapture(stream_, &graph),
                                 "cuStreamEndCapture");
    if (status.ok())
      status = ended;
    if (status.ok())
      status = driver_.check(driver_.graphInstantiate(&graph_, graph, 0),
                             "cuGraphInstantiate");
    if (graph)
      (void)driver_.graphDestroy(graph);
    return status;
  }

  ~EmptyGraph() {
    if (graph_)
      (void)driver_.graphExecDestroy(graph_);
    if (stream_)
      (void)driver_.streamDestroy(stream_);
    if (module_)
      (void)driver_.moduleUnload(module_);
  }

  /// Seconds.
  StatusOr<double> launch() {
    const auto start = std::chrono::steady_clock::now();
    Status status =
        driver_.check(driver_.graphLaunch(graph_, stream_), "cuGraphLaunch");
    const std::chrono::duration<double> spent =
        std::chrono::steady_clock::now() - start;
    if (status.ok())
      status = gpu_.synchronize();
    return status.ok() ? StatusOr<double>(spent.count()) : status;
  }

private:
  runtime::Gpu &gpu_;
  const runtime::Driver &driver_;
  runtime::ScopedContext scope_;
  runtime::CudaModule module_ = nullptr;
  runtime::CudaStream stream_ = nullptr;
  runtime::CudaGraphExec graph_ = nullptr;
};

} // namespace

StatusOr<Times> timeEmptyKernels(runtime::Gpu &gpu, int64_t kernels,
                                 bool quick) {
  EmptyGraph graph(gpu);
  if (Status status = graph.init(kernels); !status.ok())
    return status;
  std::vector<double> seconds;
  for (int i = quick ? -10 : -100; i < (quick ? 100 : 2000); ++i) {
    StatusOr<double> time = graph.launch();
    if (!time.ok())
      return time.status();
    if (i >= 0)
      seconds.push_back(*time);
  }
  return timesOf(std::move(seconds));
}

} // namespace weft::tools
