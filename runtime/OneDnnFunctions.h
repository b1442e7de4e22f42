// SPDX-License-Identifier: Apache-2.0
// The entry points of oneDNN that Weft uses, of versions 2 and 3. A memory
// description is passed by address in both; in version 2 it is memory of the
// caller's, in version 3 the library's.
#pragma once

#include "runtime/OneDnn.h"

#include <cstddef>
#include <cstdint>

namespace weft::runtime {

using DnnObject = void *;         // a handle of the library's
using DnnLayout = const void *;   // a memory description
using DnnSizes = const int64_t *; // up to 12
struct DnnArgument {
  int number;
  DnnObject memory;
};
struct DnnVersion {
  int major, minor, patch;
};

namespace dnn {
inline constexpr int cpu = 1;
inline constexpr unsigned inOrder = 1;
inline constexpr int bfloat16 = 2;
inline constexpr int float32 = 3;
inline constexpr int anyLayout = 1;
inline constexpr int forwardInference = 96;
inline constexpr int direct = 1; // a convolution's algorithms
inline constexpr int winograd = 2;
inline constexpr int userScratchpad = 1;
inline constexpr int implementationName = 8; // queries
inline constexpr int sourceLayout = 129;
inline constexpr int weightsLayout = 131;
inline constexpr int destinationLayout = 133;
inline constexpr int scratchpadLayout = 136;
inline constexpr int source = 1; // arguments of an execution
inline constexpr int destination = 17;
inline constexpr int weights = 33;
inline constexpr int bias = 41;
inline constexpr int scratchpad = 80;
/// The bits of AVX-512 with bfloat16; AMX has them, too.
inline constexpr unsigned bfloat16Isa = 0xe7;
/// What version 2 keeps in a memory description, and in a primitive's before it
/// is made, with room to spare: 696 and 5976 bytes.
inline constexpr size_t layoutBytes = 1024;
inline constexpr size_t operationBytes = 8192;
} // namespace dnn

// name in these tables, symbol, parameters
#define WEFT_ONEDNN_FUNCTIONS(X)                                               \
  X(engineCreate, dnnl_engine_create,                                          \
    (DnnObject * engine, int kind, size_t index))                              \
  X(streamCreate, dnnl_stream_create,                                          \
    (DnnObject * stream, DnnObject engine, unsigned flags))                    \
  X(layoutEqual, dnnl_memory_desc_equal, (DnnLayout a, DnnLayout b))           \
  X(memoryCreate, dnnl_memory_create,                                          \
    (DnnObject * memory, DnnLayout layout, DnnObject engine, void *data))      \
  X(memoryDestroy, dnnl_memory_destroy, (DnnObject memory))                    \
  X(attributesCreate, dnnl_primitive_attr_create, (DnnObject * attributes))    \
  X(attributesDestroy, dnnl_primitive_attr_destroy, (DnnObject attributes))    \
  X(setScratchpadMode, dnnl_primitive_attr_set_scratchpad_mode,                \
    (DnnObject attributes, int mode))                                          \
  X(descriptionQuery, dnnl_primitive_desc_query,                               \
    (DnnObject description, int what, int index, void *result))                \
  X(descriptionDestroy, dnnl_primitive_desc_destroy, (DnnObject description))  \
  X(reorderDescription, dnnl_reorder_primitive_desc_create,                    \
    (DnnObject * description, DnnLayout from, DnnObject fromEngine,            \
     DnnLayout to, DnnObject toEngine, DnnObject attributes))                  \
  X(primitiveCreate, dnnl_primitive_create,                                    \
    (DnnObject * primitive, DnnObject description))                            \
  X(primitiveExecute, dnnl_primitive_execute,                                  \
    (DnnObject primitive, DnnObject stream, int numArguments,                  \
     const DnnArgument *arguments))                                            \
  X(primitiveDestroy, dnnl_primitive_destroy, (DnnObject primitive))

#define WEFT_ONEDNN2_FUNCTIONS(X)                                              \
  X(layoutInitByStrides, dnnl_memory_desc_init_by_strides,                     \
    (void *layout, int rank, DnnSizes sizes, int type, DnnSizes strides))      \
  X(layoutInitByTag, dnnl_memory_desc_init_by_tag,                             \
    (void *layout, int rank, DnnSizes sizes, int type, int tag))               \
  X(convInit, dnnl_dilated_convolution_forward_desc_init,                      \
    (void *operation, int propagation, int algorithm, DnnLayout x,             \
     DnnLayout w, DnnLayout bias, DnnLayout y, DnnSizes stride,                \
     DnnSizes dilation, DnnSizes before, DnnSizes after))                      \
  X(matmulInit, dnnl_matmul_desc_init,                                         \
    (void *operation, DnnLayout x, DnnLayout w, DnnLayout bias, DnnLayout y))  \
  X(descriptionCreate, dnnl_primitive_desc_create,                             \
    (DnnObject * description, const void *operation, DnnObject attributes,     \
     DnnObject engine, DnnObject hint))

#define WEFT_ONEDNN3_FUNCTIONS(X)                                              \
  X(layoutCreateWithStrides, dnnl_memory_desc_create_with_strides,             \
    (void **layout, int rank, DnnSizes sizes, int type, DnnSizes strides))     \
  X(layoutCreateWithTag, dnnl_memory_desc_create_with_tag,                     \
    (void **layout, int rank, DnnSizes sizes, int type, int tag))              \
  X(layoutDestroy, dnnl_memory_desc_destroy, (void *layout))                   \
  X(convDescription, dnnl_convolution_forward_primitive_desc_create,           \
    (DnnObject * description, DnnObject engine, int propagation,               \
     int algorithm, DnnLayout x, DnnLayout w, DnnLayout bias, DnnLayout y,     \
     DnnSizes stride, DnnSizes dilation, DnnSizes before, DnnSizes after,      \
     DnnObject attributes))                                                    \
  X(matmulDescription, dnnl_matmul_primitive_desc_create,                      \
    (DnnObject * description, DnnObject engine, DnnLayout x, DnnLayout w,      \
     DnnLayout bias, DnnLayout y, DnnObject attributes))

struct OneDnn::Functions {
#define WEFT_ONEDNN_FUNCTION(member, symbol, parameters)                       \
  int(*member) parameters = nullptr;
  WEFT_ONEDNN_FUNCTIONS(WEFT_ONEDNN_FUNCTION)
  WEFT_ONEDNN2_FUNCTIONS(WEFT_ONEDNN_FUNCTION)
  WEFT_ONEDNN3_FUNCTIONS(WEFT_ONEDNN_FUNCTION)
#undef WEFT_ONEDNN_FUNCTION
  size_t (*layoutBytes)(DnnLayout layout) = nullptr;
  DnnLayout (*layoutQuery)(DnnObject description, int what,
                           int index) = nullptr;
  const DnnVersion *(*version)() = nullptr;
  unsigned (*effectiveIsa)() = nullptr; // bits; more of them, more instructions
  void (*setNumThreads)(int count) = nullptr; // of OpenMP, for this thread
  int (*getMaxThreads)() = nullptr;
  int (*getLevel)() = nullptr; // of parallel regions this thread is inside
  Team *team = nullptr; // OpenMP's threads, which primitives run on; or null

  bool isV2 = false;
  DnnObject engine = nullptr;
  DnnObject stream = nullptr; // has no state on the CPU
};

} // namespace weft::runtime
