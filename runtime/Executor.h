// SPDX-License-Identifier: Apache-2.0
// A plan made ready for one device, and its execution: what the second
// evaluation of a graph consists of.
#pragma once

#include "runtime/Plan.h"
#include "runtime/Storage.h"
#include "weft/Core/Scalar.h"
#include "weft/Core/Status.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace weft::runtime {

class LaunchGraphs;
class LoadedObject;
class LoadedPrimitive;

/// Loaded kernels, uploaded constants, resolved arguments. Immutable: any
/// number of threads may run it at once. Needs the plan no more.
class LoadedPlan {
public:
  /// Errors: `plan: made for cpu, loaded on gpu:0`; `plan: kernel "k": ...`
  /// with what the object loader or the driver says; `plan: packed weights have
  /// 55296 bytes, not 36864`; out of memory.
  static StatusOr<std::shared_ptr<const LoadedPlan>> load(const Plan &plan,
                                                          Device device);

  LoadedPlan(const LoadedPlan &) = delete;
  LoadedPlan &operator=(const LoadedPlan &) = delete;
  ~LoadedPlan();

  /// Runs the plan on the addresses of its buffers, in the order the plan
  /// lists them. On a GPU this only enqueues, on `stream` or, if it is null,
  /// Weft's own; the caller orders it with other streams (StreamOrder.h).
  ///
  /// Errors: `run: expects 2 inputs, got 1`; `run: loaded in another CUDA
  /// context of gpu:0 than this thread works in`; out of memory;
  /// `run: kernel "k": cuLaunchKernelEx failed: ...`.
  Status run(std::span<void *const> inputs, std::span<void *const> prepared,
             std::span<void *const> outputs, std::span<const Scalar> scalars,
             CudaStream stream = nullptr) const;

private:
  /// A distinct way in which kernels take a scalar of the call.
  struct ScalarSlot {
    int32_t scalar;
    DType type;
  };
  /// Either a buffer or a slot.
  struct Operand {
    bool isSlot;
    BufferRef::Kind kind;
    int64_t index; // of the buffer, offset, or number of the slot
  };
  struct Step {
    bool isCopy = false;
    void *function = nullptr; // of the CPU kernel, or a CudaFunction
    const LoadedPrimitive *primitive = nullptr; // instead of a function
    uint32_t firstOperand = 0, numOperands = 0;
    uint32_t firstMap = 0, numMaps = 0;
    uint32_t grid[3], block[3], sharedBytes = 0;
    bool startsEarly = false;
    int64_t extent = 0, grain = 0;
    BufferRef from, to; // of a copy
    int64_t bytes = 0;
    int32_t kernel = 0; // for messages
  };
  /// The addresses of one run.
  struct Bases {
    std::span<void *const> inputs, prepared, outputs;
    std::byte *arena;
    std::byte *constants;

    void *operator()(BufferRef::Kind kind, int64_t index) const;
  };

  LoadedPlan() = default;
  Status loadKernels(const Plan &plan, std::vector<void *> &functions);
  Status loadCudaKernel(const Kernel &kernel, uint32_t sharedBytes,
                        void *&function);
  Status loadPrimitives(const Plan &plan);
  Status checkPacked(const Plan &plan) const;
  Status loadConstants(const Plan &plan);
  void resolveSteps(const Plan &plan, const std::vector<void *> &functions);
  Operand operandOf(const Argument &argument);

  Status check(size_t inputs, size_t prepared, size_t outputs,
               size_t scalars) const;
  Status checkContext() const;
  Status runCpu(const Bases &bases, std::span<uint64_t> slots) const;
  Status runParts(const Bases &bases, std::span<uint64_t> slots) const;
  Status runGpu(const Bases &bases, std::span<uint64_t> slots,
                CudaStream stream) const;
  Status launchAll(const Bases &bases, std::span<uint64_t> slots,
                   CudaStream stream) const;
  Status launchGpu(const Step &step, const Bases &bases,
                   std::span<uint64_t> slots, CudaStream stream) const;

  Device device_;
  Gpu *gpu_ = nullptr;
  size_t numInputs_ = 0, numPrepared_ = 0, numOutputs_ = 0, numScalars_ = 0;
  int64_t arenaBytes_ = 0;
  int32_t parts_ = 1;
  /// From one part to the next, by input and by output.
  std::vector<int64_t> inputParts_, outputParts_;
  std::vector<std::string> names_; // of kernels
  std::vector<ScalarSlot> slots_;
  std::vector<Operand> operands_;
  std::vector<TensorMap> tensorMaps_;
  std::vector<Step> steps_;
  std::vector<std::shared_ptr<const LoadedObject>> objects_;
  std::vector<std::shared_ptr<const LoadedPrimitive>> primitives_;
  std::vector<void *> modules_; // CudaModule
  /// Of the constants. On a GPU its readers are the runs, so that constants
  /// and modules outlast those that are still going on.
  std::shared_ptr<Storage> constants_;
  std::unique_ptr<LaunchGraphs> graphs_; // null: launches one by one
};

} // namespace weft::runtime
