// SPDX-License-Identifier: Apache-2.0
// From groups to kernels: equal ones once, on disk and in memory.
#include "Kernels.h"

#include "lib/Core/Phases.h"
#include "weft/Target/CPU/Compile.h"

#include "runtime/DiskCache.h"
#include "runtime/Log.h"
#include "runtime/Nvrtc.h"
#include "runtime/ThreadPool.h"

#include "llvm/Support/raw_ostream.h"

#include <atomic>
#include <chrono>

using namespace mlir;
using namespace weft::ir;

namespace weft::compiler {

static std::atomic<int64_t> kernelsCompiled{0};

int64_t numKernelsCompiled() { return kernelsCompiled; }

std::string groupText(GroupOp group) {
  Operation *clone = group->clone();
  clone->removeAttr(kOffsetsAttr);
  std::string text;
  llvm::raw_string_ostream os(text);
  clone->print(os, OpPrintingFlags().useLocalScope().printGenericOpForm());
  clone->erase();
  return text;
}

static Status cannotLower(GroupOp group, const std::string &why) {
  std::string text;
  llvm::raw_string_ostream os(text);
  group->print(os, OpPrintingFlags().useLocalScope());
  text = "compile: cannot lower a group: " + why + ":\n" + text;
  return why == kTooManyBlocks ? resource_exhausted_error(text)
                               : internal_error(text);
}

static void logKernel(const std::string &name, const std::string &what) {
  if (runtime::logEnabled(LogLevel::debug))
    runtime::log(LogLevel::debug, "kernel " + name + ": " + what);
}

// ---- for the CPU ------------------------------------------------------------

static StatusOr<LaunchableKernel> makeCpuKernel(GroupOp group,
                                                KernelForm form) {
  auto start = std::chrono::steady_clock::now();
  std::string why;
  FailureOr<CpuKernel> kernel =
      compileCpu(group, CpuTarget::host(), form != KernelForm::code, why);
  if (failed(kernel))
    return cannotLower(group, why);
  ++kernelsCompiled;
  logKernel(kernel->name, "compiled in " + runtime::millisecondsSince(start));
  LaunchableKernel result;
  result.kernel = {std::move(kernel->name), std::move(kernel->object),
                   std::move(kernel->llvmIR)};
  result.shape.extent = kernel->extent;
  result.shape.grain = kernel->grain;
  return result;
}

// ---- for GPUs ---------------------------------------------------------------

StatusOr<CudaKernel> emitKernel(GroupOp group, const Target &target,
                                const std::string &tile) {
  PhaseTimer timer(Phase::emit);
  std::string why;
  FailureOr<CudaKernel> kernel = emitCuda(group, target.cuda(), why, tile);
  if (failed(kernel))
    return cannotLower(group, why);
  return std::move(*kernel);
}

/// The text holds all that a kernel calls.
static std::string diskKey(const CudaKernel &kernel, const Target &target,
                           const runtime::Nvrtc &nvrtc) {
  return "cubin " + target.arch + "\n" + runtime::Nvrtc::keyOf(nvrtc.file()) +
         "\n" + kernel.text;
}

bool isMachineCode(const std::string &code) {
  return code.starts_with("\x7f"
                          "ELF");
}

void keepCode(const CudaKernel &kernel, const Target &target,
              const std::string &code) {
  StatusOr<const runtime::Nvrtc *> nvrtc = runtime::Nvrtc::get();
  if (std::shared_ptr<runtime::DiskCache> disk = runtime::diskCache();
      disk && nvrtc.ok() && isMachineCode(code))
    disk->put(diskKey(kernel, target, **nvrtc), code);
}

StatusOr<std::string> codeOf(const CudaKernel &kernel, const Target &target,
                             bool isKept) {
  StatusOr<const runtime::Nvrtc *> nvrtc = runtime::Nvrtc::get();
  if (!nvrtc.ok())
    return nvrtc.status();
  if (std::shared_ptr<runtime::DiskCache> disk = runtime::diskCache();
      disk && !target.anew)
    if (auto cubin = disk->get(diskKey(kernel, target, **nvrtc))) {
      logKernel(kernel.name, "found on disk");
      return std::move(*cubin);
    }
  StatusOr<std::string> arch = target.arch;
  if (target.capability > 0)
    arch = (*nvrtc)->archFor(target.capability);
  if (!arch.ok())
    return arch.status();
  auto start = std::chrono::steady_clock::now();
  PhaseTimer timer(Phase::generate);
  StatusOr<runtime::CompiledText> compiled =
      (*nvrtc)->compile(kernel.text, kernel.name, *arch);
  if (!compiled.ok())
    return compiled.status();
  ++kernelsCompiled;
  logKernel(kernel.name, "compiled for " + *arch + " in " +
                             runtime::millisecondsSince(start));
  if (isKept)
    keepCode(kernel, target, compiled->cubin);
  return std::move(compiled->cubin);
}

LaunchableKernel launchable(const CudaKernel &kernel, std::string code) {
  LaunchableKernel result;
  result.kernel = {kernel.name, std::move(code), kernel.text};
  std::copy_n(kernel.grid, 3, result.shape.grid);
  std::copy_n(kernel.block, 3, result.shape.block);
  result.shape.sharedBytes = kernel.sharedBytes;
  result.shape.tensorMaps = kernel.tensorMaps;
  result.shape.startsEarly = kernel.startsEarly;
  return result;
}

static StatusOr<LaunchableKernel> makeCudaKernel(GroupOp group,
                                                 const Target &target,
                                                 KernelForm form,
                                                 const std::string &tile) {
  StatusOr<CudaKernel> kernel = emitKernel(group, target, tile);
  if (!kernel.ok())
    return kernel.status();
  if (form == KernelForm::text)
    return launchable(*kernel, "");
  StatusOr<std::string> code = codeOf(*kernel, target, /*isKept=*/true);
  if (!code.ok())
    return code.status();
  return launchable(*kernel, std::move(*code));
}

// ---- for both ---------------------------------------------------------------

StatusOr<KernelPtr> kernelOf(GroupOp group, const std::string &text,
                             const Target &target, KernelForm form,
                             const std::string &tile) {
  static auto *cache = new OnceMap<LaunchableKernel>(4096); // never destroyed
  std::string key = target.arch + " " + std::to_string(target.multiprocessors) +
                    " " + std::string(name(target.float32Precision)) +
                    (target.anew ? " anew " : " ") +
                    std::to_string(static_cast<int>(form)) + " " + tile + "\n" +
                    text;
  return cache->get(key, [&]() -> StatusOr<KernelPtr> {
    StatusOr<LaunchableKernel> made =
        target.device == Device::Kind::cpu
            ? makeCpuKernel(group, form)
            : makeCudaKernel(group, target, form, tile);
    if (!made.ok())
      return made.status();
    return std::make_shared<const LaunchableKernel>(std::move(*made));
  });
}

runtime::TensorSpec specOf(Type type) {
  DType dtype = toDType(getElementTypeOrSelf(type));
  Shape shape = toShape(type);
  return {dtype, shape, shape.num_elements() * size_in_bytes(dtype)};
}

void inParallel(size_t count, llvm::function_ref<void(size_t)> body) {
  runtime::parallelFor(static_cast<int64_t>(count), 1,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i)
                           body(static_cast<size_t>(i));
                       });
}

} // namespace weft::compiler
