// SPDX-License-Identifier: Apache-2.0
// From groups to kernels: equal ones once, on disk and in memory.
#pragma once

#include "Codegen.h"
#include "OnceMap.h"

#include "weft/IR/Dialect.h"
#include "weft/Target/CUDA/Emit.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <memory>
#include <string>

namespace weft::compiler {

/// A kernel and how it is launched.
struct LaunchableKernel {
  runtime::Kernel kernel;
  runtime::Launch shape; // grid, block, extent; no arguments
};
using KernelPtr = std::shared_ptr<const LaunchableKernel>;

/// The group without what depends on its surroundings: equal text, equal
/// kernel. Not to be called from several threads: cloning touches use lists.
std::string groupText(ir::GroupOp group);

/// The kernel of a group, whose groupText is `text`. `tile` is one of the
/// kernel's tiles, or empty for the model's choice.
StatusOr<KernelPtr> kernelOf(ir::GroupOp group, const std::string &text,
                             const Target &target, KernelForm form,
                             const std::string &tile);

/// The text of a kernel for a GPU.
StatusOr<CudaKernel> emitKernel(ir::GroupOp group, const Target &target,
                                const std::string &tile);
/// The machine code of a text, from disk if it was compiled before; PTX where
/// the compiler does not know a device that is newer than itself. `isKept`:
/// whether it goes to disk if it was not there.
StatusOr<std::string> codeOf(const CudaKernel &kernel, const Target &target,
                             bool isKept);
/// Writes machine code to disk. PTX is not kept: a newer compiler will know the
/// device.
void keepCode(const CudaKernel &kernel, const Target &target,
              const std::string &code);
bool isMachineCode(const std::string &code);
/// The kernel of a text and its code.
LaunchableKernel launchable(const CudaKernel &kernel, std::string code);

/// A tensor that a kernel works on.
runtime::TensorSpec specOf(mlir::Type type);

/// For a scope in which several threads make kernels of a context's groups:
/// loop nests are made of affine expressions of the context, whose tables have
/// locks only while it is told that there are threads.
class ThreadedContext {
public:
  explicit ThreadedContext(mlir::MLIRContext &context)
      : context_(context), hadThreads_(context.isMultithreadingEnabled()) {
    context_.enableMultithreading();
  }
  ThreadedContext(const ThreadedContext &) = delete;
  ThreadedContext &operator=(const ThreadedContext &) = delete;
  ~ThreadedContext() { context_.enableMultithreading(hadThreads_); }

private:
  mlir::MLIRContext &context_;
  const bool hadThreads_;
};

/// Calls `body(0)` ... `body(count - 1)` on several threads.
void inParallel(size_t count, llvm::function_ref<void(size_t)> body);

} // namespace weft::compiler
