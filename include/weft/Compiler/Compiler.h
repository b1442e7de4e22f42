// SPDX-License-Identifier: Apache-2.0
// From recorded graphs to values: the one header that joins the front end, the
// compiler and the run time.
#pragma once

#include "weft/Core/Graph.h"
#include "weft/Core/Status.h"
#include "weft/Runtime.h"

#include "runtime/KernelResources.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::compiler {

/// How graphs are compiled: as the process says unless told otherwise. Part of
/// every key under which what was compiled is found.
struct CompileSettings {
  Tuning tuning = weft::tuning();
  Float32Precision float32Precision = weft::float32_precision();

  /// What of them makes a difference on `device`: nothing on the CPU.
  CompileSettings on(Device device) const {
    return device.is_gpu()
               ? *this
               : CompileSettings{Tuning::off, Float32Precision::ieee};
  }
};

/// Computes every root and keeps its value in `Node::storage`; their inputs
/// are released. Work shared by several roots is done once. On a GPU this only
/// enqueues; the Status covers compilation, allocation and launch. Roots on
/// several devices are evaluated a device at a time.
Status evaluate(std::span<const NodePtr> roots);

/// What an evaluation did; for `explain` and the tests.
struct Statistics {
  int64_t evaluations = 0;
  int64_t graphsCompiled = 0;  // ran MLIR
  int64_t graphsLoaded = 0;    // found on disk
  int64_t graphsReused = 0;    // found in memory
  int64_t kernelsCompiled = 0; // NVRTC or LLVM
  int64_t kernelsLaunched = 0;
  int64_t prepares = 0; // runs of @prepare
};
/// Counts since the start of the process.
Statistics statistics();

/// A kernel as text, and what it takes of a GPU.
struct KernelText {
  std::string name;
  std::string source; // CUDA text, or LLVM IR for the CPU
  std::string ptx;    // if asked for
  std::optional<runtime::KernelResources> resources; // if asked for
  int64_t dynamicSharedBytes = 0; // asked for by its launches: what NVRTC does
                                  // not know
};

/// Every stage of a compilation, as text. Of a long loop, the different pieces
/// it is cut into, with `// -----` between them.
struct Stages {
  Device::Kind device = Device::Kind::cpu; // what kernels are for
  std::string trace;                       // before any pass
  std::string graph;                       // in canonical form
  std::string folded;              // batch norms folded, parameters hoisted
  std::string fused;               // groups
  std::string plan;                // groups with memory
  std::string fusedDot;            // the groups as a graph for Graphviz
  std::vector<KernelText> kernels; // those of @main, then those of @prepare
  std::vector<std::string> notes;  // how each batch norm was folded, ...
  std::vector<std::string> fusionReasons; // pairs not fused, and why
  int64_t recordedOps = 0;
  int64_t launches = 0; // kernels that one evaluation runs
};

/// A stage as a file.
struct StageFile {
  std::string_view stage; // trace graph folded fused plan cuda ptx resources
                          // llvm
  std::string name;       // `trace.mlir`, `kernel-01-relu.cu`
  std::string text;
};
/// All that `stages` holds, in the order of compilation.
std::vector<StageFile> filesOf(const Stages &stages);
/// Writes `files` into `folder`, which is made if it is missing.
Status writeFiles(std::span<const StageFile> files, const std::string &folder);

/// What `explain` compiles for and how far it goes.
struct ExplainOptions {
  /// `cpu`, `cuda`, `cuda:sm_90a`; empty: the device of the graph.
  std::string target;
  /// Whether to write the kernels. None is compiled for a GPU: the text needs
  /// neither a driver nor NVRTC.
  bool kernels = true;
  /// Whether NVRTC makes PTX of the kernels, and says what they take. Needs no
  /// driver.
  bool ptx = false, resources = false;
};

/// Whether `explain` knows a target of this name.
Status checkTarget(std::string_view target);

/// Compiles and does not run.
StatusOr<Stages> explain(std::span<const NodePtr> roots,
                         const ExplainOptions &options = {});
/// The same for a module of weft ops in MLIR's text form; `name` is what
/// messages call it.
StatusOr<Stages> explain(std::string_view moduleText, std::string_view name,
                         const ExplainOptions &options = {});

/// What there is progress of: kernels that are compiled, tiles of kernels that
/// are tried.
enum class Activity : uint8_t { compiling, tuning };
/// Told how far a compilation is: `done` of `total`, from 0 to `total`, of each
/// activity after the other. Called from several threads at once.
using Progress =
    std::function<void(Activity activity, int64_t done, int64_t total)>;
/// From now on `progress` hears of all compilations of this process; an empty
/// one ends that. To be called before the first compilation.
void setProgress(Progress progress);

/// How the keys of kernels that were tuned begin in the cache on disk.
inline constexpr std::string_view kTunedKey = "tile of ";

/// A graph compiled ahead of its inputs: leaves with `placeholder >= 0` are the
/// inputs of `run`.
class CompiledFunction {
public:
  static StatusOr<std::shared_ptr<const CompiledFunction>>
  compile(std::span<const NodePtr> outputs,
          std::span<const NodePtr> placeholders, Device device,
          const CompileSettings &settings);
  virtual ~CompiledFunction() = default;

  /// Only enqueues; never compiles. `inputs` in placeholder order; dense memory
  /// on the function's device. `stream` null: Weft's own stream.
  virtual Status run(std::span<const std::shared_ptr<runtime::Storage>> inputs,
                     std::span<const std::shared_ptr<runtime::Storage>> outputs,
                     void *stream) const = 0;
  virtual Device device() const = 0;
};

/// An argument or result of a module's @main.
struct ModuleValue {
  std::string name; // its `weft.name`, or `arg2`, `result0`
  DType dtype = DType::float32;
  Shape shape;
  bool isNumber = false;             // no tensor
  bool isParameter = false;          // marked `weft.parameter`
  std::optional<Scalar> number = {}; // its `weft.value`
};

/// A module of weft ops in MLIR's text form, compiled. What depends on
/// arguments marked `weft.parameter` alone is computed by the first run with
/// these tensors and kept.
class CompiledModule {
public:
  /// `name` is what messages call the text.
  static StatusOr<std::shared_ptr<const CompiledModule>>
  compile(std::string_view text, std::string_view name, Device device);
  virtual ~CompiledModule() = default;

  virtual const std::vector<ModuleValue> &inputs() const = 0;
  virtual const std::vector<ModuleValue> &outputs() const = 0;

  /// A tensor's dense memory on the module's device, or a number.
  struct Argument {
    std::shared_ptr<runtime::Storage> tensor;
    Scalar number;
  };
  /// Only enqueues; never compiles. `arguments` in the order of `inputs()` and
  /// of their types; so are the results.
  virtual StatusOr<std::vector<std::shared_ptr<runtime::Storage>>>
  run(std::span<const Argument> arguments) const = 0;
};

} // namespace weft::compiler
