// SPDX-License-Identifier: Apache-2.0
// NVIDIA's run-time compiler, opened when the first kernel has to be compiled.
// Needs no driver: CUDA text can be compiled on a machine without a GPU.
#pragma once

#include "weft/Core/Status.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weft::runtime {

struct CompiledText {
  std::string cubin; // machine code, or PTX if the architecture is `compute_*`
  std::string log;   // also of a success: warnings, registers spilled
};

class Nvrtc {
public:
  /// The library; looked for once, in this order:
  ///
  ///   WEFT_NVRTC (a file or a folder; nothing else is tried then)
  ///   the loader's path: libnvrtc.so.13, libnvrtc.so.12
  ///   beside libweft.so or the program
  ///   /usr/local/cuda*/lib64
  ///   Python packages: nvidia/cu13/lib, nvidia/cuda_nvrtc/lib
  ///
  /// One older than 12.0 is passed over, and one of a newer major version than
  /// a driver that is there, since the driver could not load what it makes.
  /// Errors name every place and what was wrong there.
  static StatusOr<const Nvrtc *> get();

  /// Begins to load the library in a thread of its own, once; `get` is then
  /// quick. For when kernels will be compiled soon.
  static void preload();

  /// Whether `get` will most likely succeed, without the time that loading the
  /// library takes: the first file that exists and, by its name, is not newer
  /// than the driver.
  static StatusOr<std::string> locate();

  /// Looks again, with the driver's version given (0: no driver).
  static StatusOr<std::shared_ptr<const Nvrtc>> find(int driverVersion);

  /// What tells code that the library in `file` makes from that of others, of
  /// which nothing is loaded: its name and size, and the options it is given.
  /// `libnvrtc.so.13.0.88 of 94512344 bytes, --std=c++17 ...`
  static std::string keyOf(const std::string &file);

  const std::string &file() const { return file_; }
  int version() const { return version_; } // 13000 is 13.0

  /// Compiles `text` for `arch`: machine code for `sm_90a`, PTX for
  /// `compute_80`. `name` is what messages call the text. With `report` the log
  /// holds what the assembler says of each kernel's registers and memory (see
  /// KernelResources.h). May be called from several threads at once.
  ///
  /// Errors: `nvrtc: name: NVRTC_ERROR_COMPILATION: source /path/name.cu`, a
  /// line end and the log.
  StatusOr<CompiledText> compile(const std::string &text,
                                 const std::string &name, std::string_view arch,
                                 bool report = false) const;

  /// Compute capabilities this version compiles for, ascending: 80, 90, ...
  std::vector<int> supportedArchs() const;

  /// What to compile for a device of this compute capability: its exact
  /// architecture, or PTX of the newest older one if this version does not
  /// know it. Error: `nvrtc: 13.0 compiles for none of ...`.
  StatusOr<std::string> archFor(int capability) const;

  struct Functions;

private:
  Nvrtc() = default;
  static StatusOr<std::shared_ptr<const Nvrtc>> open(const std::string &file);

  std::shared_ptr<const Functions> functions_;
  std::string file_;
  int version_ = 0;
};

/// `Nvrtc::get()` and its `compile`; an exact architecture this NVRTC does not
/// know yet (`sm_120a`) becomes PTX of the newest it does.
StatusOr<CompiledText> compileCuda(const std::string &text,
                                   const std::string &name,
                                   std::string_view arch);

/// Files that may be `libnvrtc`, in order; bare names go to the loader.
std::vector<std::string> nvrtcCandidates();

} // namespace weft::runtime
