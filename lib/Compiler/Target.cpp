// SPDX-License-Identifier: Apache-2.0
// What kernels are compiled for.
#include "Codegen.h"

#include "weft/Target/CPU/Compile.h"
#include "weft/Target/CUDA/Emit.h"

#include "runtime/Gpu.h"
#include "runtime/Nvrtc.h"

namespace weft::compiler {

/// The newest architecture that every supported NVRTC knows.
static constexpr std::string_view kDefaultArch = "sm_90a";

bool Target::hasTensorCores() const {
  return device == Device::Kind::gpu && usesTensorCores(arch);
}

/// What makes and loads code for GPUs; the same all the time.
static std::string toolchainWith(const runtime::Driver &driver) {
  // Located, not loaded: see is_usable.
  static const std::string *nvrtc = new std::string(
      runtime::Nvrtc::keyOf(runtime::Nvrtc::locate().value_or("")));
  return *nvrtc + ", driver for CUDA " +
         runtime::cudaVersionText(driver.version);
}

/// What products of float32 are on `arch` if `wanted` is asked for.
static Float32Precision precisionOn(const std::string &arch,
                                    Float32Precision wanted) {
  return usesTensorCores(arch) ? wanted : Float32Precision::ieee;
}

StatusOr<Target> Target::of(Device device, const CompileSettings &settings) {
  Target target;
  target.device = device.kind;
  if (device.is_cpu()) {
    target.arch = CpuTarget::host().key();
    return target;
  }
  StatusOr<runtime::Gpu *> gpu = runtime::Gpu::get(device.index);
  if (!gpu.ok())
    return gpu.status();
  target.arch = (*gpu)->arch();
  target.capability = (*gpu)->capability();
  target.multiprocessors = (*gpu)->multiprocessors();
  target.tuning = settings.tuning;
  target.float32Precision = precisionOn(target.arch, settings.float32Precision);
  target.index = device.index;
  target.gpu = (*gpu)->name();
  target.toolchain = toolchainWith((*gpu)->driver());
  return target;
}

std::string Target::key() const {
  std::string key = arch + "\n" + toolchain;
  if (multiprocessors > 0)
    key += "\n" + std::to_string(multiprocessors) + " multiprocessors";
  if (float32Precision != Float32Precision::ieee)
    key += "\nfloat32 products in " + std::string(name(float32Precision));
  if (tuning == Tuning::off)
    return key;
  return key + " tuned " + std::string(name(tuning)) + " on " + gpu;
}

/// `sm_80`, `sm_90a`, `sm_103f`: others than those of today as well.
static bool isArch(std::string_view text) {
  if (!text.starts_with("sm_"))
    return false;
  text.remove_prefix(3);
  if (text.ends_with('a') || text.ends_with('f'))
    text.remove_suffix(1);
  return (text.size() == 2 || text.size() == 3) && text.front() != '0' &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// To emit for; there need be no such GPU.
static Target withoutGpu(std::string_view arch) {
  Target target;
  target.device = Device::Kind::gpu;
  target.arch = arch;
  target.float32Precision = precisionOn(target.arch, float32_precision());
  return target;
}

StatusOr<Target> Target::parse(std::string_view text) {
  if (text == "cpu")
    return of(Device::cpu());
  if (text == "cuda") {
    if (StatusOr<Target> gpu = of(Device::gpu()); gpu.ok())
      return gpu;
    return withoutGpu(kDefaultArch);
  }
  if (text.starts_with("cuda:") && isArch(text.substr(5)))
    return withoutGpu(text.substr(5));
  return invalid_argument_error("target: got \"" + std::string(text) +
                                "\", expected cpu, cuda or an architecture: "
                                "cuda:sm_80, cuda:sm_90a, ...");
}

Status checkTarget(std::string_view target) {
  return Target::parse(target).status();
}

} // namespace weft::compiler
