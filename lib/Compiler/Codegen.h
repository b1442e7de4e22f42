// SPDX-License-Identifier: Apache-2.0
// From a program to plans that the run time can load.
#pragma once

#include "Program.h"

#include "weft/Compiler/Compiler.h"
#include "weft/Core/Device.h"
#include "weft/Target/CUDA/Emit.h"

#include "runtime/Plan.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace weft::compiler {

/// What kernels are compiled for.
struct Target {
  Device::Kind device = Device::Kind::cpu;
  std::string arch;   // sm_90a; or the host's CPU and its features
  int capability = 0; // of the GPU that is there: 90
  int multiprocessors = 0;
  /// How far kernels are tuned, on which GPU; `off` where there is none.
  Tuning tuning = Tuning::off;
  /// `ieee` where there are no tensor cores.
  Float32Precision float32Precision = Float32Precision::ieee;
  int index = 0;
  std::string gpu; // its name
  /// What makes and loads the code of its kernels: NVRTC, the driver.
  std::string toolchain;
  /// No code comes from memory or disk: what was found there does not load.
  bool anew = false;

  /// Whether 16-bit floats are multiplied on tensor cores: convolutions then
  /// work with their channels last, and attention is one kernel.
  bool hasTensorCores() const;
  /// What kernels are emitted for on a GPU.
  CudaTarget cuda() const {
    return {arch, multiprocessors, float32Precision == Float32Precision::tf32};
  }

  /// The machine's own CPU, or the GPU `device`.
  static StatusOr<Target> of(Device device,
                             const CompileSettings &settings = {});
  /// All that decides, besides a program, what it is compiled to.
  std::string key() const;
  /// `cpu`, `cuda` (the first GPU's architecture, sm_90a without one),
  /// `cuda:sm_80`; float32 products are those of the process.
  static StatusOr<Target> parse(std::string_view text);
};

/// A compiled program.
struct CompiledProgram {
  runtime::Plan main;
  /// Computes what depends on parameters alone; no steps if nothing does.
  runtime::Plan prepare;
  /// Which inputs of the program the inputs of each plan are.
  std::vector<int32_t> mainInputs, prepareInputs;
};

/// Runs the passes for a target up to memory planning. `module` is left in the
/// form of `stages`' last text; texts are only written where `stages` is given.
Status lower(mlir::ModuleOp module, const Target &target, Stages *stages);

/// What is made of a group: machine code to run, text to read, or both. Text
/// for a GPU needs no NVRTC.
enum class KernelForm { code, text, both };

/// Compiles every group of a lowered module, equal ones once, different ones
/// in parallel.
StatusOr<CompiledProgram> compileKernels(mlir::ModuleOp module,
                                         const Target &target, KernelForm form);

/// The whole way, from a module that no pass has seen; its stages go to
/// WEFT_DUMP_DIR if that is set.
StatusOr<CompiledProgram> compileModule(mlir::ModuleOp module,
                                        const Target &target);
/// The same from a recorded program.
StatusOr<CompiledProgram> compileProgram(const Program &program,
                                         const Target &target);

/// The kernels of a compiled program as text.
std::vector<KernelText> kernelTexts(const CompiledProgram &program);

/// The groups of a fused module, for Graphviz.
std::string dotOf(mlir::ModuleOp module);

/// A context with all that compilation needs.
std::unique_ptr<mlir::MLIRContext> makeContext();

std::string serialize(const CompiledProgram &program);
bool deserialize(std::string_view bytes, CompiledProgram &program);

/// Counts of kernels that NVRTC or LLVM compiled in this process.
int64_t numKernelsCompiled();

} // namespace weft::compiler
