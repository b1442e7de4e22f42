// SPDX-License-Identifier: Apache-2.0
// A libcuda without a GPU. FAKE_CUDA says in a program's environment what it
// fails with: `cuInit`, `cuDeviceGetCount`, `devices` (there is none),
// `cuDevicePrimaryCtxRetain`, `cuStreamCreate`, `memory` (512 KiB in all),
// `cuStreamBeginCapture`, `cuStreamEndCapture`, `cuGraphInstantiate`,
// `captured` (every stream is being captured), `busy` (no stream and no event
// is ever done), `cuLaunchKernelEx` (of kernels with more than FAKE_SHARED
// bytes of dynamic shared memory), `cuModuleLoadDataEx` (the first time).
// FAKE_CUDA_VERSION is the version of CUDA that it says it supports instead of
// 12040.
//
// Kernels compute nothing. They take 1 us and another for each KiB of dynamic
// shared memory, by the clock of events.
#include "runtime/Driver.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

using namespace weft::runtime;

namespace {

constexpr size_t kMemory = 512 * 1024;
std::atomic<size_t> allocated{0};
std::atomic<int> graphs{0}, graphLaunches{0};

/// The clock of the device, in microseconds; work takes its time at once.
std::atomic<long> deviceTime{0};
/// An event and when it was recorded; a graph and how long it takes.
struct Timed {
  long microseconds = 0;
  int owners = 1;          // a graph and what is made of it are one
  bool isCaptured = false; // an event in a graph
};
std::atomic<CudaStream> lastUpload{nullptr};
/// One at a time: what is launched meanwhile goes into its graph.
struct Capture {
  CudaStream stream = nullptr;
  int mode = cuda::captureRelaxed;
  bool isValid = true;
};
std::atomic<Timed *> captured{nullptr}; // the graph
Capture capture;
thread_local int captureMode = 0; // global, until a thread says otherwise
std::atomic<int> hostWaits{0};

bool isCaptured(CudaStream stream) {
  return captured && stream == capture.stream;
}

/// What is not allowed ends the capture under way.
CudaResult breach(CudaResult error) {
  capture.isValid = false;
  return error;
}

/// Asking the device, or waiting for it, about `event` if not null.
CudaResult ask(CudaEvent event) {
  if (event && reinterpret_cast<Timed *>(event)->isCaptured)
    return breach(907);
  if (captured && capture.mode != cuda::captureRelaxed &&
      captureMode != cuda::captureRelaxed)
    return breach(900);
  return 0;
}

template <typename Handle> CudaResult release(Handle handle) {
  auto *timed = reinterpret_cast<Timed *>(handle);
  if (--timed->owners == 0)
    delete timed;
  return 0;
}

bool fails(std::string_view what) {
  const char *fault = std::getenv("FAKE_CUDA");
  return fault && what == fault;
}

CudaResult result(std::string_view call) { return fails(call) ? 999 : 0; }

/// Some address that is not null.
template <typename Handle> CudaResult make(Handle *handle) {
  static int one;
  *handle = reinterpret_cast<Handle>(&one);
  return 0;
}

} // namespace

#define FAKE extern "C" __attribute__((visibility("default"))) CudaResult

FAKE cuInit(unsigned) { return result("cuInit"); }
FAKE cuDriverGetVersion(int *version) {
  const char *text = std::getenv("FAKE_CUDA_VERSION");
  *version = text ? std::atoi(text) : 12040;
  return 0;
}
FAKE cuGetErrorName(CudaResult error, const char **text) {
  *text = error == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_UNKNOWN";
  return 0;
}
FAKE cuGetErrorString(CudaResult, const char **text) {
  return *text = "a fake error", 0;
}
FAKE cuDeviceGetCount(int *count) {
  *count = fails("devices") ? 0 : 1;
  return result("cuDeviceGetCount");
}
FAKE cuDeviceGet(CudaDevice *device, int ordinal) {
  return *device = ordinal, 0;
}
FAKE cuDeviceGetName(char *name, int size, CudaDevice) {
  return std::strncpy(name, "Fake", static_cast<size_t>(size)), 0;
}
FAKE cuDeviceGetAttribute(int *value, int attribute, CudaDevice) {
  *value = attribute == cuda::computeCapabilityMajor ? 9 : 0;
  return 0;
}
FAKE cuDevicePrimaryCtxRetain(CudaContext *context, CudaDevice) {
  make(context);
  return result("cuDevicePrimaryCtxRetain");
}
FAKE cuCtxGetCurrent(CudaContext *context) { return *context = nullptr, 0; }
FAKE cuCtxGetDevice(CudaDevice *device) { return *device = 0, 0; }
FAKE cuCtxPushCurrent_v2(CudaContext) { return 0; }
FAKE cuCtxPopCurrent_v2(CudaContext *) { return 0; }
FAKE cuCtxSynchronize() { return 0; }
FAKE cuModuleLoadDataEx(CudaModule *module, const void *, unsigned, int *,
                        void **) {
  static std::atomic<bool> hasFailed{false};
  if (fails("cuModuleLoadDataEx") && !hasFailed.exchange(true))
    return 999;
  return make(module);
}
FAKE cuModuleUnload(CudaModule) { return 0; }
FAKE cuModuleGetFunction(CudaFunction *function, CudaModule, const char *) {
  return make(function);
}
FAKE cuFuncSetAttribute(CudaFunction, int, int) { return 0; }
FAKE cuLaunchKernelEx(const CudaLaunchConfig *config, CudaFunction, void **,
                      void **) {
  const char *most = std::getenv("FAKE_SHARED");
  if (fails("cuLaunchKernelEx") &&
      static_cast<int>(config->sharedBytes) > std::atoi(most))
    return 701;
  const long time = 1 + config->sharedBytes / 1024;
  if (Timed *graph = captured)
    graph->microseconds += time;
  else
    deviceTime += time;
  return 0;
}
FAKE cuMemAlloc_v2(CudaPointer *data, size_t bytes) {
  if (fails("memory") && allocated + bytes > kMemory)
    return cuda::outOfMemory;
  allocated += bytes;
  auto *memory = static_cast<size_t *>(std::malloc(bytes + 512));
  *memory = bytes;
  *data = reinterpret_cast<CudaPointer>(memory) + 512;
  return 0;
}
FAKE cuMemFree_v2(CudaPointer data) {
  auto *memory = reinterpret_cast<size_t *>(data - 512);
  allocated -= *memory;
  std::free(memory);
  return 0;
}
FAKE cuMemGetInfo_v2(size_t *free, size_t *total) {
  *free = kMemory - allocated;
  *total = kMemory;
  return 0;
}
FAKE cuMemcpyHtoDAsync_v2(CudaPointer to, const void *from, size_t bytes,
                          CudaStream stream) {
  lastUpload = stream;
  std::memcpy(reinterpret_cast<void *>(to), from, bytes);
  return 0;
}
FAKE cuMemcpyDtoHAsync_v2(void *to, CudaPointer from, size_t bytes,
                          CudaStream) {
  std::memcpy(to, reinterpret_cast<void *>(from), bytes);
  return 0;
}
FAKE cuMemcpyDtoDAsync_v2(CudaPointer to, CudaPointer from, size_t bytes,
                          CudaStream) {
  std::memcpy(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from),
              bytes);
  return 0;
}
FAKE cuMemcpyPeerAsync(CudaPointer, CudaContext, CudaPointer, CudaContext,
                       size_t, CudaStream) {
  return 999;
}
FAKE cuMemcpyAsync(CudaPointer, CudaPointer, size_t, CudaStream) { return 999; }
FAKE cuPointerGetAttribute(void *, int, CudaPointer) { return 999; }
FAKE cuStreamCreate(CudaStream *stream, unsigned) {
  static char streams[64], *next = streams; // no two are equal
  *stream = reinterpret_cast<CudaStream>(next++);
  return result("cuStreamCreate");
}
FAKE cuStreamGetCtx(CudaStream, CudaContext *context) { return make(context); }
FAKE cuStreamQuery(CudaStream stream) {
  if (isCaptured(stream))
    return breach(900);
  if (CudaResult error = ask(nullptr))
    return error;
  return fails("busy") ? cuda::notReady : 0;
}
FAKE cuStreamSynchronize(CudaStream) { return 0; }
FAKE cuStreamDestroy_v2(CudaStream) { return 0; }
/// A stream outside that waits for an event inside would join the capture:
/// nobody means that.
FAKE cuStreamWaitEvent(CudaStream stream, CudaEvent event, unsigned) {
  bool isInGraph = reinterpret_cast<Timed *>(event)->isCaptured;
  return isCaptured(stream) == isInGraph ? 0 : breach(905);
}
FAKE cuStreamIsCapturing(CudaStream stream, int *status) {
  *status = isCaptured(stream) ? (capture.isValid ? 1 : 2) : fails("captured");
  return 0;
}
FAKE cuThreadExchangeStreamCaptureMode(int *mode) {
  std::swap(*mode, captureMode);
  return 0;
}
FAKE cuStreamBeginCapture_v2(CudaStream stream, int mode) {
  if (fails("cuStreamBeginCapture"))
    return 999;
  capture = {stream, mode};
  captured = new Timed;
  return 0;
}
FAKE cuStreamEndCapture(CudaStream, CudaGraph *graph) {
  *graph = reinterpret_cast<CudaGraph>(captured.exchange(nullptr));
  return capture.isValid ? result("cuStreamEndCapture") : 901;
}
FAKE cuGraphInstantiateWithFlags(CudaGraphExec *executable, CudaGraph graph,
                                 unsigned long long) {
  *executable = reinterpret_cast<CudaGraphExec>(graph);
  if (!fails("cuGraphInstantiate")) {
    ++reinterpret_cast<Timed *>(graph)->owners;
    ++graphs;
  }
  return result("cuGraphInstantiate");
}
FAKE cuGraphLaunch(CudaGraphExec graph, CudaStream) {
  deviceTime += reinterpret_cast<Timed *>(graph)->microseconds;
  return ++graphLaunches, 0;
}
FAKE cuGraphDestroy(CudaGraph graph) { return release(graph); }
FAKE cuGraphExecDestroy(CudaGraphExec graph) {
  --graphs;
  return release(graph);
}
/// Not of CUDA: what there is, and what was done, for the tests.
FAKE fakeHostWaits(int *count) { return *count = hostWaits, 0; }
FAKE fakeGraphs(int *existing, int *launched) {
  *existing = graphs;
  *launched = graphLaunches;
  return 0;
}
FAKE fakeLastUpload(CudaStream *stream) { return *stream = lastUpload, 0; }
FAKE cuEventCreate(CudaEvent *event, unsigned) {
  *event = reinterpret_cast<CudaEvent>(new Timed);
  return 0;
}
FAKE cuEventRecord(CudaEvent event, CudaStream stream) {
  auto *timed = reinterpret_cast<Timed *>(event);
  timed->microseconds = deviceTime;
  timed->isCaptured = isCaptured(stream);
  return 0;
}
FAKE cuEventQuery(CudaEvent event) {
  if (CudaResult error = ask(event))
    return error;
  return fails("busy") ? cuda::notReady : 0;
}
FAKE cuEventSynchronize(CudaEvent event) { return ++hostWaits, ask(event); }
FAKE cuEventElapsedTime(float *milliseconds, CudaEvent begin, CudaEvent end) {
  *milliseconds =
      static_cast<float>(reinterpret_cast<Timed *>(end)->microseconds -
                         reinterpret_cast<Timed *>(begin)->microseconds) /
      1000;
  return 0;
}
FAKE cuTensorMapEncodeTiled(void *, int, unsigned, void *, const uint64_t *,
                            const uint64_t *, const uint32_t *,
                            const uint32_t *, int, int, int, int) {
  return 0;
}
FAKE cuTensorMapEncodeIm2col(void *, int, unsigned, void *, const uint64_t *,
                             const uint64_t *, const int *, const int *,
                             uint32_t, uint32_t, const uint32_t *, int, int,
                             int, int) {
  return 0;
}
FAKE cuEventDestroy_v2(CudaEvent event) { return release(event); }
