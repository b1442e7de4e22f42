// SPDX-License-Identifier: Apache-2.0
// The CUDA driver, opened when a GPU is first asked for.
#include "runtime/Driver.h"

#include "runtime/DiskCache.h"
#include "runtime/Nvrtc.h"
#include "runtime/SharedLibrary.h"

#include "absl/strings/str_cat.h"

#include <dlfcn.h>
#include <memory>

namespace weft::runtime {

std::string cudaVersionText(int version) {
  return absl::StrCat(version / 1000, ".", version % 1000 / 10);
}

StatusOr<const Driver *> Driver::open(const char *library) {
  // Never closed: the driver does not survive being unloaded.
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return unavailable_error(absl::StrCat("gpu: no driver: ", dlerror()));
  auto driver = std::make_unique<Driver>();
  Resolver resolve(handle);
#define WEFT_CUDA_FUNCTION(member, symbol, parameters)                         \
  resolve(#symbol, driver->member);
  WEFT_CUDA_FUNCTIONS(WEFT_CUDA_FUNCTION)
#undef WEFT_CUDA_FUNCTION
  if (resolve.missing)
    return unavailable_error(
        absl::StrCat("gpu: driver ", library, " lacks ", resolve.missing));
  driver->file = fileOf(driver->init, library);
  // Where nothing is kept on disk, kernels will be compiled: the compiler loads
  // while the driver starts, which takes as long.
  if (std::shared_ptr<DiskCache> disk = diskCache();
      !disk || !disk->hasEntries())
    Nvrtc::preload();
  Status status = driver->check(driver->init(0), "cuInit", driver->file);
  if (status.ok())
    status = driver->check(driver->driverGetVersion(&driver->version),
                           "cuDriverGetVersion", driver->file);
  if (status.ok())
    status = driver->check(driver->deviceGetCount(&driver->deviceCount),
                           "cuDeviceGetCount", driver->file);
  if (!status.ok())
    return unavailable_error(
        absl::StrCat("gpu: ", std::string(status.message())));
  if (driver->deviceCount == 0)
    return unavailable_error(
        absl::StrCat("gpu: no device: ", driver->file, " reports 0"));
  return driver.release(); // leaked: lives as long as the library
}

StatusOr<const Driver *> Driver::get() {
  static const StatusOr<const Driver *> &driver =
      *new StatusOr<const Driver *>(open("libcuda.so.1"));
  return driver;
}

Status Driver::check(CudaResult result, std::string_view call,
                     std::string_view where) const {
  if (result == cuda::success)
    return {};
  const char *name = nullptr, *text = nullptr;
  getErrorName(result, &name);
  getErrorString(result, &text);
  std::string message = absl::StrCat(
      std::string(call), where.empty() ? "" : " in ", std::string(where),
      " failed: ", name ? name : absl::StrCat("error ", result).c_str());
  if (text)
    absl::StrAppend(&message, " (", text, ")");
  return result == cuda::outOfMemory
             ? resource_exhausted_error(std::move(message))
             : internal_error(std::move(message));
}

} // namespace weft::runtime
