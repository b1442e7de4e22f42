// SPDX-License-Identifier: Apache-2.0
// Which devices can be used, which is the default, and what they hold.
#include "runtime/Gpu.h"
#include "runtime/Log.h"
#include "runtime/Nvrtc.h"
#include "weft/Runtime.h"

#include "absl/strings/str_cat.h"

#include <cstdlib>
#include <mutex>
#include <optional>

namespace weft {
namespace {

using runtime::Gpu;

struct DefaultDevice {
  std::mutex mutex;
  std::optional<Device> device;
};

DefaultDevice &defaultDevice() {
  static DefaultDevice &instance = *new DefaultDevice;
  return instance;
}

std::string describe(Device device) {
  if (device.is_cpu())
    return absl::StrCat(to_string(device), ", ", num_threads(), " threads");
  StatusOr<Gpu *> gpu = Gpu::get(device.index);
  if (!gpu.ok())
    return to_string(device);
  StatusOr<std::string> nvrtc = runtime::Nvrtc::locate();
  const runtime::Driver &driver = (*gpu)->driver();
  return absl::StrCat(to_string(device), ", ", (*gpu)->name(), ", ",
                      (*gpu)->arch(), ", driver for CUDA ",
                      runtime::cudaVersionText(driver.version), " from ",
                      driver.file, ", NVRTC ", nvrtc.value_or("not found"));
}

/// What WEFT_DEVICE asks for, usable or not: it is an error later rather than
/// silently another device.
std::optional<Device> deviceFromEnvironment() {
  const char *text = std::getenv("WEFT_DEVICE");
  if (!text || !*text)
    return std::nullopt;
  StatusOr<Device> device = Device::parse(text);
  if (!device.ok()) {
    runtime::log(
        LogLevel::warning,
        absl::StrCat("WEFT_DEVICE: ", std::string(device.status().message())));
    return std::nullopt;
  }
  if (Status status = is_usable(*device); !status.ok())
    runtime::log(LogLevel::warning,
                 absl::StrCat("WEFT_DEVICE: ", std::string(status.message())));
  return *device;
}

Device chooseDevice() {
  if (std::optional<Device> asked = deviceFromEnvironment()) {
    runtime::log(LogLevel::info, absl::StrCat("device ", describe(*asked),
                                              ", as WEFT_DEVICE says"));
    return *asked;
  }
  Status gpu = is_usable(Device::gpu());
  Device device = gpu.ok() ? Device::gpu() : Device::cpu();
  runtime::log(LogLevel::info,
               gpu.ok() ? absl::StrCat("device ", describe(device))
                        : absl::StrCat("device ", describe(device), "; ",
                                       std::string(gpu.message())));
  return device;
}

} // namespace

Status is_usable(Device device) {
  if (device.is_cpu())
    return device.index == 0
               ? Status()
               : not_found_error(absl::StrCat(to_string(device),
                                              ": no such device: there is "
                                              "one CPU, cpu:0"));
  StatusOr<Gpu *> gpu = Gpu::get(device.index);
  if (!gpu.ok())
    return gpu.status();
  // Located, not loaded: a program that finds its kernels on disk never needs
  // the library itself.
  return runtime::Nvrtc::locate().status();
}

Device default_device() {
  DefaultDevice &choice = defaultDevice();
  std::lock_guard lock(choice.mutex);
  if (!choice.device)
    choice.device = chooseDevice();
  return *choice.device;
}

Status set_default_device(Device device) {
  if (Status status = is_usable(device); !status.ok())
    return status;
  DefaultDevice &choice = defaultDevice();
  std::lock_guard lock(choice.mutex);
  choice.device = device;
  return {};
}

namespace {

/// The pool of a device that is usable.
StatusOr<runtime::Pool *> poolOf(Device device) {
  if (device.is_cpu())
    return &runtime::cpuPool();
  StatusOr<Gpu *> gpu = Gpu::get(device.index);
  if (!gpu.ok())
    return gpu.status();
  return &(*gpu)->pool();
}

} // namespace

MemoryStats memory_stats(Device device) {
  StatusOr<runtime::Pool *> pool = poolOf(device);
  return pool.ok() ? (*pool)->stats() : MemoryStats();
}

void reset_memory_peak(Device device) {
  if (StatusOr<runtime::Pool *> pool = poolOf(device); pool.ok())
    (*pool)->resetPeak();
}

Status set_memory_limit(Device device, int64_t bytes) {
  if (bytes < 0)
    return invalid_argument_error(
        absl::StrCat("set_memory_limit: must not be negative: got ", bytes));
  StatusOr<runtime::Pool *> pool = poolOf(device);
  if (!pool.ok())
    return pool.status();
  (*pool)->setLimit(bytes);
  return {};
}

void trim() {
  runtime::cpuPool().trim();
  for (Gpu *gpu : runtime::knownGpus())
    gpu->pool().trim();
}

Status synchronize(Device device) {
  if (device.is_cpu())
    return is_usable(device);
  StatusOr<Gpu *> gpu = Gpu::get(device.index);
  return gpu.ok() ? (*gpu)->synchronize() : gpu.status();
}

} // namespace weft
