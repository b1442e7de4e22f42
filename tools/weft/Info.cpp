// SPDX-License-Identifier: Apache-2.0
// weft info: what this machine has.
#include "Cache.h"
#include "Command.h"
#include "HostMemory.h"

#include "weft/Runtime.h"
#include "weft/Target/CPU/Compile.h"

#include "runtime/Gpu.h"
#include "runtime/Nvrtc.h"
#include "runtime/OneDnn.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Config/llvm-config.h"

namespace weft::tools {
namespace {

std::string cpuText() {
  return CpuTarget::host().cpu + ", " + std::to_string(num_threads()) +
         " threads, " + bytesText(hostMemory()) + " memory";
}

std::string gpuText(int index) {
  StatusOr<runtime::Gpu *> gpu = runtime::Gpu::get(index);
  if (!gpu.ok())
    return std::string(gpu.status().message());
  size_t free = 0, total = 0;
  {
    runtime::ScopedContext context(**gpu);
    (void)(*gpu)->driver().memGetInfo(&free, &total);
  }
  int capability = (*gpu)->capability();
  return (*gpu)->name() + ", compute capability " +
         std::to_string(capability / 10) + "." +
         std::to_string(capability % 10) + ", " +
         std::to_string((*gpu)->multiprocessors()) + " multiprocessors, " +
         bytesText(static_cast<int64_t>(total)) + " memory, " +
         bytesText(static_cast<int64_t>(free)) + " free";
}

/// The driver and its devices, or why there is none.
void printGpus() {
  StatusOr<const runtime::Driver *> driver = runtime::Driver::get();
  if (!driver.ok()) {
    print(driver.status().message());
    return;
  }
  for (int i = 0; i < (*driver)->deviceCount; ++i)
    print(to_string(Device::gpu(i)) + ": " + gpuText(i));
  print("driver: for CUDA " + runtime::cudaVersionText((*driver)->version) +
        ", " + (*driver)->file);
}

void printNvrtc() {
  StatusOr<const runtime::Nvrtc *> nvrtc = runtime::Nvrtc::get();
  if (nvrtc.ok()) {
    print("nvrtc: " + runtime::cudaVersionText((*nvrtc)->version()) + ", " +
          (*nvrtc)->file());
    return;
  }
  llvm::StringRef why(nvrtc.status().message());
  why.consume_front("gpu: no NVRTC: ");
  print("nvrtc: none: " + why.str());
}

void printOneDnn() {
  StatusOr<const runtime::OneDnn *> dnn = runtime::OneDnn::get();
  print(dnn.ok() ? "oneDNN: " + (*dnn)->version() + ", " + (*dnn)->file() +
                       ((*dnn)->multiplies(bfloat16) ? ", float32, bfloat16"
                                                     : ", float32")
                 : std::string(dnn.status().message()));
}

int run() {
  print("weft: " WEFT_VERSION ", LLVM " LLVM_VERSION_STRING);
  print("default device: " + to_string(default_device()));
  print("cpu:0: " + cpuText());
  printOneDnn();
  printGpus();
  printNvrtc();
  print("tuning: " + std::string(name(tuning())));
  print("float32 precision: " + std::string(name(float32_precision())));
  print("cache: " + cacheText(runtime::diskCache().get()));
  return kSuccess;
}

Command command("info", "Print devices, libraries and the cache", run);

} // namespace
} // namespace weft::tools
