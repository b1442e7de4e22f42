// SPDX-License-Identifier: Apache-2.0
// From a group to the text of one CUDA kernel and its launch.
#pragma once

#include "weft/Core/TensorMap.h"
#include "weft/IR/Dialect.h"

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>
#include <vector>

namespace weft {

/// What kernels are emitted for. The text depends on it only where a schedule
/// uses instructions of one architecture, or blocks that stay fill the device.
struct CudaTarget {
  std::string arch = "sm_90a";
  int64_t multiprocessors = 0; // 0: as many as the architecture's largest
  bool tf32 = false;           // float32 products on tensor cores
};

/// Why a group of sizes that no launch covers has no kernel.
inline constexpr llvm::StringLiteral kTooManyBlocks =
    "it takes more blocks than a launch may have";

/// A kernel's text is complete: the part of the prelude that it uses, then one
/// `extern "C" __global__` function. Its parameters are the group's inputs in
/// order (tensors as pointers to elements, scalars by value in their element
/// type), then the outputs, then tensor maps by value. Every buffer starts at a
/// multiple of 16 bytes.
/// Compile with contraction off (`--fmad=false`) as C++17.
struct CudaKernel {
  std::string name;
  std::string text;
  uint32_t grid[3] = {1, 1, 1}; // while emitting, 0: too many
  uint32_t block[3] = {1, 1, 1};
  uint32_t sharedBytes = 0; // dynamic
  std::vector<TensorMap> tensorMaps;
  /// May be launched before the kernel in front of it has ended, for which it
  /// waits itself (programmatic stream serialization).
  bool startsEarly = false;
  /// The tiles that it may be cut into, by name, those that should be fastest
  /// first; empty where there is nothing to choose.
  std::vector<std::string> tiles;
  double cycles = 0; // that it should take with the tile it has
};

/// Emits `group`; groups that compute the same give the same text. `tile` is
/// one of the kernel's `tiles`, else the first of them is taken. On failure
/// `why` says what the group holds that no kernel can be made of.
mlir::FailureOr<CudaKernel> emitCuda(ir::GroupOp group,
                                     const CudaTarget &target, std::string &why,
                                     llvm::StringRef tile = "");

/// Whether a kernel for `pair` should take less time than two, of which that
/// of `second` is one.
bool gainsFromPair(ir::GroupOp second, ir::GroupOp pair,
                   const CudaTarget &target);

/// Whether `arch` multiplies 16-bit floats on tensor cores that Weft has a
/// schedule for: sm_80 and later.
bool usesTensorCores(llvm::StringRef arch);

/// Whether a kernel for the target computes `group`, a convolution, on tensor
/// cores from lines of its images: also what puts these in order, and max
/// pooling of what it computes. Nothing between is written to memory.
bool takesImage(ir::GroupOp group, const CudaTarget &target);

/// Whether tensor cores of the target multiply the rows that `product`, a conv
/// or a matmul, reads through views, with weights that lie in memory, and the
/// tensor memory accelerator brings both.
bool takesSum(mlir::Operation *product, const CudaTarget &target);

/// Whether warp groups of the target multiply, in TF32, rows that `product`
/// reads through views by weights that have been rounded and lie in memory.
bool readsTf32(mlir::Operation *product, const CudaTarget &target);

/// The snippets of the prelude that `kernelText` uses, directly or through
/// others, in the order of the prelude.
std::string cudaPrelude(llvm::StringRef kernelText);

} // namespace weft
