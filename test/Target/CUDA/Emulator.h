// SPDX-License-Identifier: Apache-2.0
// Runs the text of CUDA kernels on the CPU, so that machines without a GPU test
// them too: the host compiler makes one shared object of many kernels, and the
// threads of a block take turns on stacks of their own.
#pragma once

#include "weft/Core/Status.h"
#include "weft/Core/TensorMap.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace weft::emulator {

struct Source {
  std::string name; // of the kernel in the text
  std::string text; // as emitted: macros, part of the prelude, one kernel
};

struct Size {
  uint32_t x = 1, y = 1, z = 1;
};

/// A tensor map as emulated kernels take it.
struct alignas(64) EncodedTensorMap {
  unsigned char bytes[128];
};
EncodedTensorMap encode(const TensorMap &map, void *data);

/// When bulk copies to shared memory are done: as late as they may be, when
/// somebody waits for them, or as soon as they are started. A kernel that reads
/// too early fails with the one, one that copies over what others still read
/// with the other.
enum class BulkCopies { late, soon };

/// Kernels compiled together. Equal texts are compiled once.
///
/// A text may use threadIdx, blockIdx, blockDim, gridDim, __syncthreads,
/// __syncwarp, the __shfl*_sync, __any_sync, __all_sync and __ballot_sync
/// functions, and what C's math library has. It gets WEFT_DEVICE and the other
/// macros of the prelude from here.
class Library {
public:
  /// Errors: the host compiler does not run. A text that it refuses is reported
  /// when the kernel is launched.
  static StatusOr<std::unique_ptr<Library>>
  compile(std::span<const Source> sources);
  Library(const Library &) = delete;
  Library &operator=(const Library &) = delete;
  ~Library();

  /// Runs kernel `index`, block after block, or cluster after cluster if its
  /// text says WEFT_CLUSTER; `arguments[i]` points to argument i, as for the
  /// driver's launch function.
  ///
  /// Errors: a text that does not compile, with the compiler's log; threads
  /// that wait for each other for ever, because not all of them reach a barrier
  /// or a warp function; bulk copies from or to places in shared memory that
  /// are no multiples of 128 bytes.
  Status launch(size_t index, Size grid, Size block,
                std::span<void *const> arguments, uint32_t sharedBytes = 0,
                BulkCopies copies = BulkCopies::late) const;

private:
  Library() = default;

  struct Kernel {
    std::string name;
    void (*call)(void *const *arguments) = nullptr;
    size_t unit = 0;
    uint32_t clusterBlocks = 1;
    std::string log; // why there is nothing to call
  };
  std::vector<void *> units_; // from dlopen
  std::vector<Kernel> kernels_;
};

} // namespace weft::emulator
