// SPDX-License-Identifier: Apache-2.0
// From a group to machine code for the CPU.
#pragma once

#include "weft/IR/Dialect.h"

#include "mlir/Support/LLVM.h"

#include <cstdint>
#include <string>

namespace weft {

/// The processor that code is made for.
struct CpuTarget {
  std::string cpu;      // an LLVM name: `znver3`, `x86-64`
  std::string features; // `+avx2,-avx512f,...`
  /// Of the last level. New results of more than half of it bypass it.
  int64_t cacheBytes = 0;

  /// The processor this program runs on.
  static const CpuTarget &host();
  /// The text that tells objects of different targets apart.
  std::string key() const {
    return cpu + " " + features + " " + std::to_string(cacheBytes);
  }
};

/// Bytes of the largest cache, 0 if the kernel tells of none. The kernel's word
/// counts: the C library multiplies by the number of cores on some processors.
int64_t reportedCacheBytes();

/// A compiled group: `void name(void *const *args, int64_t begin, int64_t end)`
/// in an ELF object. args[i] points to input i (a buffer or a scalar), then to
/// the results. [begin, end) is a part of [0, extent): any split of the extent
/// among threads gives the same bits.
struct CpuKernel {
  std::string name;
  std::string object;
  std::string llvmIR; // only if asked for
  int64_t extent = 0;
  int64_t grain = 1; // pieces that are worth a thread
};

/// Compiles `group` for `target`. May be called from several threads at once.
/// Fails, with the reason in `why`, for a group that has no loop nest. Every
/// buffer must be aligned to 64 bytes when the kernel runs.
mlir::FailureOr<CpuKernel> compileCpu(ir::GroupOp group,
                                      const CpuTarget &target, bool keepText,
                                      std::string &why);

} // namespace weft
