// SPDX-License-Identifier: Apache-2.0
// A libcuda without a GPU. FAKE_CUDA says in a program's environment what it
// fails with: `cuInit`, `cuDeviceGetCount`, `devices` (there is none),
// `cuDevicePrimaryCtxRetain`, `cuStreamCreate`, `memory` (512 KiB in all),
// `cuStreamBeginCapture`, `cuStreamEndCapture`, `cuGraphInstantiate`,
// `captured` (every stream is being captured), `busy` (no stream and no event
// is ever done), `stuck` (nor does waiting for an event end),
// `cuLaunchKernelEx` (of kernels with more than FAKE_SHARED
// bytes of dynamic shared memory), `cuModuleLoadDataEx` (the first time),
// `cuUserObjectCreate`, `cuGraphRetainUserObject`.
// FAKE_CUDA_VERSION is the version of CUDA that it says it supports instead of
// 12040.
//
// Kernels compute nothing. They take 1 us and another for each KiB of dynamic
// shared memory, by the clock of events.
#include "runtime/Driver.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace weft::runtime;

namespace {

constexpr size_t kMemory = 512 * 1024;
std::atomic<size_t> allocated{0};
std::atomic<int> graphs{0}, graphLaunches{0};

/// The clock of the device, in microseconds; work takes its time at once.
std::atomic<long> deviceTime{0};
/// How far streams are, as others know it; work of the tests alone.
using Progress = std::map<CudaStream, long>;
struct Order {
  std::mutex mutex;
  std::map<CudaStream, Progress> behind; // what comes before a stream's next
  Progress done;                         // as the host knows
};
auto &order = *new Order; // outlives all threads

void add(Progress &to, const Progress &from) {
  for (auto [stream, position] : from)
    to[stream] = std::max(to[stream], position);
}

/// What a graph holds.
struct UserObject {
  void *what;
  void (*destroy)(void *);
};
/// An event and when it was recorded; a graph and how long it takes.
struct Timed {
  long microseconds = 0;
  int owners = 1;          // a graph and what is made of it are one
  bool isCaptured = false; // an event in a graph
  Progress progress;       // what an event is behind
  std::vector<UserObject *> objects;
};
std::atomic<CudaStream> lastUpload{nullptr};
/// One at a time: what is launched meanwhile goes into its graph.
struct Capture {
  CudaStream stream = nullptr;
  int mode = cuda::captureRelaxed;
  bool isValid = true;
  uint64_t id = 0;
};
std::atomic<Timed *> captured{nullptr}; // the graph
Capture capture;
thread_local int captureMode = 0; // global, until a thread says otherwise
std::atomic<int> hostWaits{0}, streamWaits{0};
std::atomic<int> events{0}; // ever made
/// Called once, after the next event has been recorded.
std::atomic<void (*)()> whenRecorded{nullptr};

/// Streams by their handles, which come back once they were destroyed.
struct Stream {
  CudaContext context;
  unsigned long long id;
};
std::mutex streamsMutex;
auto &streams = *new std::map<CudaStream, Stream>; // outlives all threads
std::atomic<unsigned long long> lastId{0};
constexpr uintptr_t kPerThread = 2; // a handle that means another in each
thread_local std::vector<CudaContext> contexts; // the last is current

bool isCaptured(CudaStream stream) {
  return captured && stream == capture.stream;
}

/// The host knows that `event` is over.
CudaResult knowOver(CudaEvent event) {
  std::lock_guard lock(order.mutex);
  add(order.done, reinterpret_cast<Timed *>(event)->progress);
  return 0;
}

/// What is not allowed ends the capture under way.
CudaResult breach(CudaResult error) {
  capture.isValid = false;
  return error;
}

/// Asking the device, or waiting for it, about `event` if not null; allocating
/// and freeing.
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
  if (--timed->owners > 0)
    return 0;
  for (UserObject *object : timed->objects) {
    object->destroy(object->what);
    delete object;
  }
  delete timed;
  return 0;
}

bool fails(std::string_view what) {
  const char *fault = std::getenv("FAKE_CUDA");
  return fault && what == fault;
}

bool isBusy() { return fails("busy") || fails("stuck"); }

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
FAKE cuCtxGetCurrent(CudaContext *context) {
  *context = contexts.empty() ? nullptr : contexts.back();
  return 0;
}
FAKE cuCtxGetDevice(CudaDevice *device) { return *device = 0, 0; }
FAKE cuCtxGetId(CudaContext context, unsigned long long *id) {
  return *id = reinterpret_cast<uintptr_t>(context), 0;
}
FAKE cuCtxPushCurrent_v2(CudaContext context) {
  return contexts.push_back(context), 0;
}
FAKE cuCtxPopCurrent_v2(CudaContext *context) {
  *context = contexts.back();
  return contexts.pop_back(), 0;
}
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
  if (CudaResult error = ask(nullptr))
    return error;
  if (fails("memory") && allocated + bytes > kMemory)
    return cuda::outOfMemory;
  allocated += bytes;
  auto *memory = static_cast<size_t *>(std::malloc(bytes + 512));
  *memory = bytes;
  *data = reinterpret_cast<CudaPointer>(memory) + 512;
  return 0;
}
FAKE cuMemFree_v2(CudaPointer data) {
  if (CudaResult error = ask(nullptr))
    return error;
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
  static char handles[64];
  std::lock_guard lock(streamsMutex);
  char *handle = handles;
  while (streams.contains(reinterpret_cast<CudaStream>(handle)))
    ++handle;
  *stream = reinterpret_cast<CudaStream>(handle);
  streams[*stream] = {contexts.empty() ? nullptr : contexts.back(), ++lastId};
  return result("cuStreamCreate");
}
FAKE cuStreamGetCtx(CudaStream stream, CudaContext *context) {
  if (reinterpret_cast<uintptr_t>(stream) == kPerThread)
    return cuCtxGetCurrent(context);
  std::lock_guard lock(streamsMutex);
  return *context = streams[stream].context, 0;
}
FAKE cuStreamGetId(CudaStream stream, unsigned long long *id) {
  if (isCaptured(stream))
    return breach(900);
  static thread_local const unsigned long long ofThread = ++lastId;
  if (reinterpret_cast<uintptr_t>(stream) == kPerThread)
    return *id = ofThread, 0;
  std::lock_guard lock(streamsMutex);
  return *id = streams[stream].id, 0;
}
FAKE cuStreamQuery(CudaStream stream) {
  if (isCaptured(stream))
    return breach(900);
  if (CudaResult error = ask(nullptr))
    return error;
  return isBusy() ? cuda::notReady : 0;
}
FAKE cuStreamSynchronize(CudaStream) { return 0; }
FAKE cuStreamDestroy_v2(CudaStream stream) {
  std::lock_guard lock(streamsMutex);
  return streams.erase(stream), 0;
}
/// A stream outside that waits for an event inside would join the capture:
/// nobody means that.
FAKE cuStreamWaitEvent(CudaStream stream, CudaEvent event, unsigned) {
  ++streamWaits;
  {
    std::lock_guard lock(order.mutex);
    add(order.behind[stream], reinterpret_cast<Timed *>(event)->progress);
  }
  bool isInGraph = reinterpret_cast<Timed *>(event)->isCaptured;
  return isCaptured(stream) == isInGraph ? 0 : breach(905);
}
FAKE cuStreamGetCaptureInfo_v2(CudaStream stream, int *status, uint64_t *id,
                               CudaGraph *graph, const void **, size_t *) {
  static Timed everything; // of `captured`
  *status = isCaptured(stream) ? (capture.isValid ? 1 : 2) : fails("captured");
  *id = capture.id + 1;
  *graph =
      reinterpret_cast<CudaGraph>(captured ? captured.load() : &everything);
  return 0;
}
FAKE cuUserObjectCreate(CudaUserObject *object, void *what,
                        void (*destroy)(void *), unsigned, unsigned) {
  if (fails("cuUserObjectCreate"))
    return 999;
  *object = reinterpret_cast<CudaUserObject>(new UserObject{what, destroy});
  return 0;
}
FAKE cuUserObjectRelease(CudaUserObject object, unsigned) {
  auto *held = reinterpret_cast<UserObject *>(object);
  held->destroy(held->what);
  return delete held, 0;
}
FAKE cuGraphRetainUserObject(CudaGraph graph, CudaUserObject object, unsigned,
                             unsigned) {
  if (fails("cuGraphRetainUserObject"))
    return 999;
  reinterpret_cast<Timed *>(graph)->objects.push_back(
      reinterpret_cast<UserObject *>(object));
  return 0;
}
FAKE cuThreadExchangeStreamCaptureMode(int *mode) {
  std::swap(*mode, captureMode);
  return 0;
}
FAKE cuStreamBeginCapture_v2(CudaStream stream, int mode) {
  if (fails("cuStreamBeginCapture"))
    return 999;
  capture = {stream, mode, true, ++lastId};
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
FAKE fakeEvents(int *count) { return *count = events, 0; }
FAKE fakeStreamWaits(int *count) { return *count = streamWaits, 0; }
/// Enqueues work, which is `position` on its stream; and whether what `stream`
/// takes next comes after such work.
FAKE fakeWork(CudaStream stream, long *position) {
  std::lock_guard lock(order.mutex);
  return *position = ++order.behind[stream][stream], 0;
}
FAKE fakeComesAfter(CudaStream stream, CudaStream other, long position,
                    bool *comesAfter) {
  std::lock_guard lock(order.mutex);
  *comesAfter =
      std::max(order.behind[stream][other], order.done[other]) >= position;
  return 0;
}
FAKE fakeWhenRecorded(void (*call)()) { return whenRecorded = call, 0; }
FAKE cuEventCreate(CudaEvent *event, unsigned) {
  ++events;
  *event = reinterpret_cast<CudaEvent>(new Timed);
  return 0;
}
FAKE cuEventRecord(CudaEvent event, CudaStream stream) {
  auto *timed = reinterpret_cast<Timed *>(event);
  timed->microseconds = deviceTime;
  timed->isCaptured = isCaptured(stream);
  {
    std::lock_guard lock(order.mutex);
    timed->progress = order.behind[stream];
  }
  if (auto *call = whenRecorded.exchange(nullptr))
    call();
  return 0;
}
FAKE cuEventQuery(CudaEvent event) {
  if (CudaResult error = ask(event))
    return error;
  return isBusy() ? cuda::notReady : knowOver(event);
}
FAKE cuEventSynchronize(CudaEvent event) {
  while (fails("stuck"))
    pause();
  knowOver(event);
  return ++hostWaits, ask(event);
}
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
