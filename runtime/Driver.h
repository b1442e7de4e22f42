// SPDX-License-Identifier: Apache-2.0
// The CUDA driver, opened when a GPU is first asked for. Declared here as far
// as Weft uses it, so that building needs no CUDA header or library.
#pragma once

#include "runtime/Storage.h"
#include "weft/Core/Status.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weft::runtime {

using CudaResult = int;
using CudaDevice = int;
using CudaPointer = uint64_t;
using CudaContext = struct CUctx_st *;
using CudaModule = struct CUmod_st *;
using CudaFunction = struct CUfunc_st *;
using CudaGraph = struct CUgraph_st *;
using CudaGraphExec = struct CUgraphExec_st *;
using CudaUserObject = struct CUuserObject_st *;

namespace cuda {
inline constexpr CudaResult success = 0;
inline constexpr CudaResult outOfMemory = 2;
inline constexpr CudaResult deinitialized = 4;
inline constexpr CudaResult notReady = 600;
inline constexpr int computeCapabilityMajor = 75; // device attributes
inline constexpr int computeCapabilityMinor = 76;
inline constexpr int multiprocessorCount = 16;
inline constexpr int l2CacheSize = 38;
inline constexpr unsigned nonBlockingStream = 1;
inline constexpr unsigned eventDisableTiming = 2;
inline constexpr unsigned eventBlockingSync = 1;
inline constexpr int captureRelaxed = 2; // mode of cuStreamBeginCapture
inline constexpr int captureNone = 0;    // status of a stream
inline constexpr int captureActive = 1;
inline constexpr unsigned noDestructorSync = 1; // flag of cuUserObjectCreate
inline constexpr unsigned moveUserObject = 1;   // of cuGraphRetainUserObject
inline constexpr int maxDynamicSharedSize = 8;  // function attribute
inline constexpr int programmaticStreamSerialization = 6; // launch attribute
inline constexpr int pointerMemoryType = 2;               // pointer attribute
inline constexpr unsigned memoryTypeHost = 1;
inline constexpr int jitErrorLogBuffer = 5; // options of cuModuleLoadDataEx
inline constexpr int jitErrorLogBufferBytes = 6;
} // namespace cuda

/// CUlaunchAttribute: a number that says which, then up to 64 bytes of value.
struct CudaLaunchAttribute {
  int id = 0;
  int padding = 0;
  int value[16] = {};
};
/// CUlaunchConfig.
struct CudaLaunchConfig {
  unsigned grid[3], block[3], sharedBytes;
  CudaStream stream;
  CudaLaunchAttribute *attributes;
  unsigned numAttributes;
};

// name in this table, symbol in libcuda, parameters
#define WEFT_CUDA_FUNCTIONS(X)                                                 \
  X(init, cuInit, (unsigned flags))                                            \
  X(driverGetVersion, cuDriverGetVersion, (int *version))                      \
  X(getErrorName, cuGetErrorName, (CudaResult error, const char **text))       \
  X(getErrorString, cuGetErrorString, (CudaResult error, const char **text))   \
  X(deviceGetCount, cuDeviceGetCount, (int *count))                            \
  X(deviceGet, cuDeviceGet, (CudaDevice * device, int ordinal))                \
  X(deviceGetName, cuDeviceGetName, (char *name, int size, CudaDevice device)) \
  X(deviceGetAttribute, cuDeviceGetAttribute,                                  \
    (int *value, int attribute, CudaDevice device))                            \
  X(devicePrimaryCtxRetain, cuDevicePrimaryCtxRetain,                          \
    (CudaContext * context, CudaDevice device))                                \
  X(ctxGetCurrent, cuCtxGetCurrent, (CudaContext * context))                   \
  X(ctxGetDevice, cuCtxGetDevice, (CudaDevice * device))                       \
  X(ctxGetId, cuCtxGetId, (CudaContext context, unsigned long long *id))       \
  X(ctxPushCurrent, cuCtxPushCurrent_v2, (CudaContext context))                \
  X(ctxPopCurrent, cuCtxPopCurrent_v2, (CudaContext * context))                \
  X(ctxSynchronize, cuCtxSynchronize, ())                                      \
  X(moduleLoadDataEx, cuModuleLoadDataEx,                                      \
    (CudaModule * module, const void *image, unsigned numOptions,              \
     int *options, void **values))                                             \
  X(moduleUnload, cuModuleUnload, (CudaModule module))                         \
  X(moduleGetFunction, cuModuleGetFunction,                                    \
    (CudaFunction * function, CudaModule module, const char *name))            \
  X(funcSetAttribute, cuFuncSetAttribute,                                      \
    (CudaFunction function, int attribute, int value))                         \
  X(launchKernelEx, cuLaunchKernelEx,                                          \
    (const CudaLaunchConfig *config, CudaFunction function, void **parameters, \
     void **extra))                                                            \
  X(tensorMapEncodeTiled, cuTensorMapEncodeTiled,                              \
    (void *map, int type, unsigned rank, void *address, const uint64_t *sizes, \
     const uint64_t *strides, const uint32_t *box, const uint32_t *steps,      \
     int interleave, int swizzle, int promotion, int fill))                    \
  X(tensorMapEncodeIm2col, cuTensorMapEncodeIm2col,                            \
    (void *map, int type, unsigned rank, void *address, const uint64_t *sizes, \
     const uint64_t *strides, const int *lower, const int *upper,              \
     uint32_t channels, uint32_t pixels, const uint32_t *steps,                \
     int interleave, int swizzle, int promotion, int fill))                    \
  X(memAlloc, cuMemAlloc_v2, (CudaPointer * data, size_t bytes))               \
  X(memFree, cuMemFree_v2, (CudaPointer data))                                 \
  X(memGetInfo, cuMemGetInfo_v2, (size_t *free, size_t *total))                \
  X(memcpyHtoDAsync, cuMemcpyHtoDAsync_v2,                                     \
    (CudaPointer to, const void *from, size_t bytes, CudaStream stream))       \
  X(memcpyDtoHAsync, cuMemcpyDtoHAsync_v2,                                     \
    (void *to, CudaPointer from, size_t bytes, CudaStream stream))             \
  X(memcpyDtoDAsync, cuMemcpyDtoDAsync_v2,                                     \
    (CudaPointer to, CudaPointer from, size_t bytes, CudaStream stream))       \
  X(memcpyPeerAsync, cuMemcpyPeerAsync,                                        \
    (CudaPointer to, CudaContext toContext, CudaPointer from,                  \
     CudaContext fromContext, size_t bytes, CudaStream stream))                \
  X(memcpyAsync, cuMemcpyAsync,                                                \
    (CudaPointer to, CudaPointer from, size_t bytes, CudaStream stream))       \
  X(pointerGetAttribute, cuPointerGetAttribute,                                \
    (void *value, int attribute, CudaPointer pointer))                         \
  X(streamCreate, cuStreamCreate, (CudaStream * stream, unsigned flags))       \
  X(streamGetCtx, cuStreamGetCtx, (CudaStream stream, CudaContext * context))  \
  X(streamGetId, cuStreamGetId, (CudaStream stream, unsigned long long *id))   \
  X(streamQuery, cuStreamQuery, (CudaStream stream))                           \
  X(streamSynchronize, cuStreamSynchronize, (CudaStream stream))               \
  X(streamDestroy, cuStreamDestroy_v2, (CudaStream stream))                    \
  X(streamWaitEvent, cuStreamWaitEvent,                                        \
    (CudaStream stream, CudaEvent event, unsigned flags))                      \
  X(streamGetCaptureInfo, cuStreamGetCaptureInfo_v2,                           \
    (CudaStream stream, int *status, uint64_t *id, CudaGraph *graph,           \
     const void **dependencies, size_t *numDependencies))                      \
  X(threadExchangeStreamCaptureMode, cuThreadExchangeStreamCaptureMode,        \
    (int *mode))                                                               \
  X(streamBeginCapture, cuStreamBeginCapture_v2,                               \
    (CudaStream stream, int mode))                                             \
  X(streamEndCapture, cuStreamEndCapture,                                      \
    (CudaStream stream, CudaGraph * graph))                                    \
  X(graphInstantiate, cuGraphInstantiateWithFlags,                             \
    (CudaGraphExec * executable, CudaGraph graph, unsigned long long flags))   \
  X(graphLaunch, cuGraphLaunch, (CudaGraphExec executable, CudaStream stream)) \
  X(graphRetainUserObject, cuGraphRetainUserObject,                            \
    (CudaGraph graph, CudaUserObject object, unsigned count, unsigned flags))  \
  X(userObjectCreate, cuUserObjectCreate,                                      \
    (CudaUserObject * object, void *what, void (*destroy)(void *),             \
     unsigned count, unsigned flags))                                          \
  X(userObjectRelease, cuUserObjectRelease,                                    \
    (CudaUserObject object, unsigned count))                                   \
  X(graphDestroy, cuGraphDestroy, (CudaGraph graph))                           \
  X(graphExecDestroy, cuGraphExecDestroy, (CudaGraphExec executable))          \
  X(eventCreate, cuEventCreate, (CudaEvent * event, unsigned flags))           \
  X(eventRecord, cuEventRecord, (CudaEvent event, CudaStream stream))          \
  X(eventQuery, cuEventQuery, (CudaEvent event))                               \
  X(eventSynchronize, cuEventSynchronize, (CudaEvent event))                   \
  X(eventElapsedTime, cuEventElapsedTime,                                      \
    (float *milliseconds, CudaEvent begin, CudaEvent end))                     \
  X(eventDestroy, cuEventDestroy_v2, (CudaEvent event))

/// The driver's entry points: `driver.launchKernelEx(...)` is cuLaunchKernelEx.
struct Driver {
#define WEFT_CUDA_FUNCTION(member, symbol, parameters)                         \
  CudaResult(*member) parameters = nullptr;
  WEFT_CUDA_FUNCTIONS(WEFT_CUDA_FUNCTION)
#undef WEFT_CUDA_FUNCTION

  std::string file; // it was loaded from
  int version = 0;  // of CUDA it supports: 12040 is 12.4
  int deviceCount = 0;

  /// The driver, initialised; the same answer every time. Errors:
  /// `gpu: no driver: ...` with the loader's reason, `gpu: driver lacks cuX`,
  /// `gpu: cuInit failed: ...`, `gpu: no device`.
  static StatusOr<const Driver *> get();

  /// Opens `library` anew; what `get` does once.
  static StatusOr<const Driver *> open(const char *library);

  /// Success, or `cuMemAlloc failed: CUDA_ERROR_OUT_OF_MEMORY (out of
  /// memory)`, with ` in <where>` behind the call unless that is empty.
  Status check(CudaResult result, std::string_view call,
               std::string_view where = "") const;
};

/// What to compile for on a GPU, `sm_90a`; errors as `Gpu::get`.
StatusOr<std::string> archOf(Device device);

/// `12.4` for 12040.
std::string cudaVersionText(int version);

} // namespace weft::runtime
