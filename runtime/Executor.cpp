// SPDX-License-Identifier: Apache-2.0
// A plan made ready for one device, and its execution.
#include "runtime/Executor.h"

#include "runtime/Arena.h"
#include "runtime/Gpu.h"
#include "runtime/LaunchGraphs.h"
#include "runtime/ObjectLoader.h"
#include "runtime/OneDnn.h"
#include "runtime/StreamOrder.h"
#include "runtime/TensorMaps.h"
#include "runtime/ThreadPool.h"
#include "weft/Core/Float.h"

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"

#include <algorithm>
#include <cstring>

namespace weft::runtime {
namespace {

using CpuKernel = void(void *const *arguments, int64_t begin, int64_t end);

// Room for the arguments of nearly every kernel without allocation.
constexpr size_t kInlineArguments = 32;
// Launching a graph costs the host what two or three launches cost.
constexpr size_t kGraphSteps = 4;

Status ofKernel(std::string_view prefix, const std::string &name,
                const Status &status) {
  return Status(status.code(),
                absl::StrCat(std::string(prefix), ": kernel \"", name,
                             "\": ", std::string(status.message())));
}

void unload(const Gpu &gpu, const std::vector<void *> &modules) {
  ScopedContext scope(gpu);
  for (void *module : modules)
    (void)gpu.driver().moduleUnload(static_cast<CudaModule>(module));
}

} // namespace

// ---- loading ----------------------------------------------------------------

StatusOr<std::shared_ptr<const LoadedPlan>> LoadedPlan::load(const Plan &plan,
                                                             Device device) {
  if (plan.device != device.kind)
    return invalid_argument_error(absl::StrCat(
        "plan: made for ", plan.device == Device::Kind::cpu ? "cpu" : "gpu",
        ", loaded on ", to_string(device)));
  std::shared_ptr<LoadedPlan> loaded(new LoadedPlan);
  loaded->device_ = device;
  if (device.is_gpu()) {
    StatusOr<Gpu *> gpu = Gpu::get(device.index);
    if (!gpu.ok())
      return gpu.status();
    loaded->gpu_ = *gpu;
  }
  std::vector<void *> functions;
  if (Status status = loaded->loadKernels(plan, functions); !status.ok())
    return status;
  if (Status status = loaded->loadPrimitives(plan); !status.ok())
    return status;
  if (Status status = loaded->loadConstants(plan); !status.ok())
    return status;
  loaded->numInputs_ = plan.inputs.size();
  loaded->numPrepared_ = plan.prepared.size();
  loaded->numOutputs_ = plan.outputs.size();
  loaded->numScalars_ = plan.scalars.size();
  loaded->arenaBytes_ = plan.arenaBytes;
  loaded->parts_ = plan.parts;
  for (auto [specs, bytes] : {std::pair(&plan.inputs, &loaded->inputParts_),
                              std::pair(&plan.outputs, &loaded->outputParts_)})
    for (const TensorSpec &spec : *specs)
      bytes->push_back(spec.partBytes);
  loaded->resolveSteps(plan, functions);
  if (loaded->gpu_ && loaded->steps_.size() >= kGraphSteps)
    loaded->graphs_ = std::make_unique<LaunchGraphs>(*loaded->gpu_);
  return std::shared_ptr<const LoadedPlan>(std::move(loaded));
}

Status LoadedPlan::loadCudaKernel(const Kernel &kernel, uint32_t sharedBytes,
                                  void *&function) {
  const Driver &driver = gpu_->driver();
  ScopedContext scope(*gpu_);
  char log[4096] = "";
  int options[] = {cuda::jitErrorLogBuffer, cuda::jitErrorLogBufferBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof(log))};
  CudaModule module = nullptr;
  CudaFunction found = nullptr;
  Status status = driver.check(
      driver.moduleLoadDataEx(&module, kernel.code.c_str(), 2, options, values),
      "cuModuleLoadDataEx");
  if (!status.ok())
    return *log ? Status(status.code(),
                         absl::StrCat(std::string(status.message()), ": ", log))
                : status;
  modules_.push_back(module);
  status = driver.check(
      driver.moduleGetFunction(&found, module, kernel.name.c_str()),
      "cuModuleGetFunction");
  // More than the 48 KiB every device has must be asked for.
  if (status.ok() && sharedBytes > 48 * 1024)
    status =
        driver.check(driver.funcSetAttribute(found, cuda::maxDynamicSharedSize,
                                             static_cast<int>(sharedBytes)),
                     "cuFuncSetAttribute");
  function = found;
  return status;
}

Status LoadedPlan::loadKernels(const Plan &plan,
                               std::vector<void *> &functions) {
  std::vector<uint32_t> shared(plan.kernels.size(), 0);
  for (const Launch &launch : plan.launches) {
    if (launch.primitive >= 0)
      continue;
    uint32_t &most = shared[static_cast<size_t>(launch.kernel)];
    most = std::max(most, launch.sharedBytes);
  }
  for (size_t i = 0; i < plan.kernels.size(); ++i) {
    const Kernel &kernel = plan.kernels[i];
    names_.push_back(kernel.name);
    void *function = nullptr;
    if (gpu_) {
      if (Status status = loadCudaKernel(kernel, shared[i], function);
          !status.ok())
        return ofKernel("plan", kernel.name, status);
    } else {
      auto object = LoadedObject::load(kernel.code);
      if (!object.ok())
        return ofKernel("plan", kernel.name, object.status());
      function = (*object)->find(kernel.name);
      if (!function)
        return ofKernel("plan", kernel.name,
                        data_loss_error("no such symbol in its object"));
      objects_.push_back(std::move(*object));
    }
    functions.push_back(function);
  }
  return {};
}

/// Each is code that the library writes now: in parallel.
Status LoadedPlan::loadPrimitives(const Plan &plan) {
  if (gpu_ && !plan.primitives.empty())
    return invalid_argument_error("plan: its primitives run on the CPU alone");
  const auto count = static_cast<int64_t>(plan.primitives.size());
  primitives_.resize(plan.primitives.size());
  std::vector<Status> statuses(plan.primitives.size());
  parallelFor(count, 1, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end);
         ++i) {
      auto primitive = LoadedPrimitive::load(plan.primitives[i]);
      statuses[i] = primitive.status();
      if (primitive.ok())
        primitives_[i] = std::move(*primitive);
    }
  });
  for (const Status &status : statuses)
    if (!status.ok())
      return Status(status.code(),
                    absl::StrCat("plan: ", std::string(status.message())));
  return checkPacked(plan);
}

/// What the library packs depends on more than a plan's key may say, such as
/// the instructions it is let use: no plan serves another form of weights.
Status LoadedPlan::checkPacked(const Plan &plan) const {
  for (const Launch &launch : plan.launches) {
    if (launch.primitive < 0)
      continue;
    const auto i = static_cast<size_t>(launch.primitive);
    const Primitive &primitive = plan.primitives[i];
    if (primitive.kind != Primitive::Kind::pack && !primitive.isPacked)
      continue;
    // Packing writes its second argument; a convolution reads weights there.
    const int64_t bytes = bytesBehind(launch.arguments[1].buffer, plan),
                  wanted = primitives_[i]->packedBytes();
    if (bytes != wanted)
      return failed_precondition_error(absl::StrCat(
          "plan: packed weights have ", wanted, " bytes, not ", bytes));
  }
  return {};
}

Status LoadedPlan::loadConstants(const Plan &plan) {
  auto bytes = static_cast<int64_t>(plan.constants.size());
  StatusOr<std::shared_ptr<Storage>> memory = Storage::allocate(device_, bytes);
  if (!memory.ok())
    return memory.status();
  Status status = copyFromHost(**memory, plan.constants.data(), bytes);
  if (status.ok())
    status = waitOnHost(**memory);
  if (!status.ok())
    return status;
  if (!gpu_) {
    constants_ = std::move(*memory);
    return {};
  }
  // Released when the runs, its readers, are over: only then may the modules
  // and the memory go.
  void *data = (*memory)->data();
  constants_ = std::make_shared<Storage>(
      device_, data, bytes,
      [gpu = gpu_, modules = modules_, memory = std::move(*memory)] {
        unload(*gpu, modules);
      });
  return {};
}

LoadedPlan::Operand LoadedPlan::operandOf(const Argument &argument) {
  if (!argument.isScalar)
    return {false, argument.buffer.kind, argument.buffer.index};
  auto same = [&](const ScalarSlot &slot) {
    return slot.scalar == argument.scalar && slot.type == argument.scalarType;
  };
  auto slot = std::find_if(slots_.begin(), slots_.end(), same);
  int64_t index = slot - slots_.begin();
  if (slot == slots_.end())
    slots_.push_back({argument.scalar, argument.scalarType});
  return {true, BufferRef::Kind::input, index};
}

void LoadedPlan::resolveSteps(const Plan &plan,
                              const std::vector<void *> &functions) {
  for (int32_t number : plan.steps) {
    Step step;
    if (number < 0) {
      const Copy &copy = plan.copies[static_cast<size_t>(-1 - number)];
      step.isCopy = true;
      step.from = copy.from;
      step.to = copy.to;
      step.bytes = copy.bytes;
      steps_.push_back(step);
      continue;
    }
    const Launch &launch = plan.launches[static_cast<size_t>(number)];
    if (launch.primitive >= 0)
      step.primitive = primitives_[static_cast<size_t>(launch.primitive)].get();
    else
      step.function = functions[static_cast<size_t>(launch.kernel)];
    step.firstOperand = static_cast<uint32_t>(operands_.size());
    step.numOperands = static_cast<uint32_t>(launch.arguments.size());
    step.firstMap = static_cast<uint32_t>(tensorMaps_.size());
    step.numMaps = static_cast<uint32_t>(launch.tensorMaps.size());
    tensorMaps_.insert(tensorMaps_.end(), launch.tensorMaps.begin(),
                       launch.tensorMaps.end());
    std::copy_n(launch.grid, 3, step.grid);
    std::copy_n(launch.block, 3, step.block);
    step.sharedBytes = launch.sharedBytes;
    step.startsEarly = launch.startsEarly;
    step.extent = launch.extent;
    step.grain = launch.grain;
    step.kernel = launch.kernel;
    for (const Argument &argument : launch.arguments)
      operands_.push_back(operandOf(argument));
    steps_.push_back(step);
  }
}

LoadedPlan::~LoadedPlan() {
  if (gpu_ && !constants_) // a load that failed
    unload(*gpu_, modules_);
}

// ---- running ----------------------------------------------------------------

void *LoadedPlan::Bases::operator()(BufferRef::Kind kind, int64_t index) const {
  switch (kind) {
  case BufferRef::Kind::input:
    return inputs[static_cast<size_t>(index)];
  case BufferRef::Kind::prepared:
    return prepared[static_cast<size_t>(index)];
  case BufferRef::Kind::output:
    return outputs[static_cast<size_t>(index)];
  case BufferRef::Kind::arena:
    return arena + index;
  case BufferRef::Kind::constant:
    return constants + index;
  }
  return nullptr;
}

Status LoadedPlan::check(size_t inputs, size_t prepared, size_t outputs,
                         size_t scalars) const {
  struct Count {
    const char *what;
    size_t expected, got;
  };
  for (const Count &count : {Count{"inputs", numInputs_, inputs},
                             Count{"prepared values", numPrepared_, prepared},
                             Count{"outputs", numOutputs_, outputs},
                             Count{"scalars", numScalars_, scalars}})
    if (count.expected != count.got)
      return invalid_argument_error(
          absl::StrCat("run: expects ", count.expected, " ", count.what,
                       ", got ", count.got));
  return {};
}

/// Kernels and memory are those of one context.
Status LoadedPlan::checkContext() const {
  StatusOr<Gpu *> current = Gpu::get(device_.index);
  if (!current.ok() || *current == gpu_)
    return current.status();
  return failed_precondition_error(
      absl::StrCat("run: loaded in another CUDA context of ",
                   to_string(device_), " than this thread works in"));
}

Status LoadedPlan::run(std::span<void *const> inputs,
                       std::span<void *const> prepared,
                       std::span<void *const> outputs,
                       std::span<const Scalar> scalars,
                       CudaStream stream) const {
  if (Status status =
          check(inputs.size(), prepared.size(), outputs.size(), scalars.size());
      !status.ok())
    return status;
  // Eight bytes hold a scalar of any type.
  absl::InlinedVector<uint64_t, kInlineArguments> slots(slots_.size(), 0);
  for (size_t i = 0; i < slots_.size(); ++i)
    store_scalar(&slots[i], slots_[i].type, 0,
                 scalars[static_cast<size_t>(slots_[i].scalar)]);
  if (gpu_) {
    if (Status status = checkContext(); !status.ok())
      return status;
    StatusOr<CudaStream> resolved = gpu_->resolve(stream);
    if (!resolved.ok())
      return resolved.status();
    stream = *resolved;
  }
  Bases bases{inputs, prepared, outputs, nullptr,
              static_cast<std::byte *>(constants_->data())};
  std::span<uint64_t> values(slots.data(), slots.size());
  if (parts_ > 1)
    return runParts(bases, values);
  Arena arena(gpu_, stream);
  if (Status status = arena.allocate(arenaBytes_); !status.ok())
    return status;
  bases.arena = arena.data();
  if (gpu_)
    return runGpu(bases, values, stream);
  return runCpu(bases, values);
}

/// Each part on a thread of its own, as far as there are so many.
Status LoadedPlan::runParts(const Bases &bases,
                            std::span<uint64_t> slots) const {
  using Addresses = absl::InlinedVector<void *, kInlineArguments>;
  auto partOf = [](std::span<void *const> whole,
                   const std::vector<int64_t> &strides, int64_t part) {
    Addresses addresses(whole.begin(), whole.end());
    for (size_t i = 0; i < addresses.size(); ++i)
      addresses[i] = static_cast<std::byte *>(addresses[i]) + part * strides[i];
    return addresses;
  };
  std::vector<Status> statuses(static_cast<size_t>(parts_));
  parallelFor(parts_, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      Status &status = statuses[static_cast<size_t>(part)];
      Arena arena;
      status = arena.allocate(arenaBytes_);
      if (!status.ok())
        continue;
      const Addresses inputs = partOf(bases.inputs, inputParts_, part),
                      outputs = partOf(bases.outputs, outputParts_, part);
      status = runCpu(
          {inputs, bases.prepared, outputs, arena.data(), bases.constants},
          slots);
    }
  });
  for (const Status &status : statuses)
    if (!status.ok())
      return status;
  return {};
}

Status LoadedPlan::runCpu(const Bases &bases, std::span<uint64_t> slots) const {
  absl::InlinedVector<void *, kInlineArguments> arguments;
  // One set of threads for all steps.
  Team *team = primitives_.empty() ? nullptr : LoadedPrimitive::team();
  for (const Step &step : steps_) {
    if (step.isCopy) {
      if (step.bytes > 0)
        std::memmove(bases(step.to.kind, step.to.index),
                     bases(step.from.kind, step.from.index),
                     static_cast<size_t>(step.bytes));
      continue;
    }
    arguments.clear();
    for (uint32_t i = 0; i < step.numOperands; ++i) {
      const Operand &operand = operands_[step.firstOperand + i];
      arguments.push_back(operand.isSlot
                              ? &slots[static_cast<size_t>(operand.index)]
                              : bases(operand.kind, operand.index));
    }
    if (step.primitive) {
      if (Status status = step.primitive->run(arguments); !status.ok())
        return Status(status.code(),
                      absl::StrCat("run: ", std::string(status.message())));
      continue;
    }
    auto *kernel = reinterpret_cast<CpuKernel *>(step.function);
    parallelFor(
        step.extent, step.grain,
        [&](int64_t begin, int64_t end) {
          kernel(arguments.data(), begin, end);
        },
        team);
  }
  return {};
}

Status LoadedPlan::launchGpu(const Step &step, const Bases &bases,
                             std::span<uint64_t> slots,
                             CudaStream stream) const {
  // An empty grid is an error to the driver, and nothing to us.
  if (std::find(step.grid, step.grid + 3, 0u) != step.grid + 3)
    return {};
  absl::InlinedVector<void *, kInlineArguments> addresses(step.numOperands);
  absl::InlinedVector<void *, kInlineArguments> parameters(step.numOperands);
  for (uint32_t i = 0; i < step.numOperands; ++i) {
    const Operand &operand = operands_[step.firstOperand + i];
    addresses[i] =
        operand.isSlot ? nullptr : bases(operand.kind, operand.index);
    parameters[i] = operand.isSlot ? &slots[static_cast<size_t>(operand.index)]
                                   : static_cast<void *>(&addresses[i]);
  }
  const Driver &driver = gpu_->driver();
  absl::InlinedVector<EncodedTensorMap, 2> maps(step.numMaps);
  for (uint32_t i = 0; i < step.numMaps; ++i) {
    const TensorMap &map = tensorMaps_[step.firstMap + i];
    if (Status status = encode(
            driver, map, addresses[static_cast<size_t>(map.argument)], maps[i]);
        !status.ok())
      return status;
    parameters.push_back(&maps[i]);
  }
  CudaLaunchAttribute early{.id = cuda::programmaticStreamSerialization};
  early.value[0] = 1;
  CudaLaunchConfig config{{step.grid[0], step.grid[1], step.grid[2]},
                          {step.block[0], step.block[1], step.block[2]},
                          step.sharedBytes,
                          stream,
                          &early,
                          step.startsEarly ? 1u : 0u};
  return driver.check(
      driver.launchKernelEx(&config, static_cast<CudaFunction>(step.function),
                            parameters.data(), nullptr),
      "cuLaunchKernelEx");
}

Status LoadedPlan::launchAll(const Bases &bases, std::span<uint64_t> slots,
                             CudaStream stream) const {
  const Driver &driver = gpu_->driver();
  for (const Step &step : steps_) {
    Status status;
    if (!step.isCopy) {
      status = launchGpu(step, bases, slots, stream);
      if (!status.ok())
        return ofKernel("run", names_[static_cast<size_t>(step.kernel)],
                        status);
    } else if (step.bytes > 0) {
      // Unified addressing tells the driver where each of the two lies.
      status = driver.check(
          driver.memcpyAsync(
              reinterpret_cast<CudaPointer>(bases(step.to.kind, step.to.index)),
              reinterpret_cast<CudaPointer>(
                  bases(step.from.kind, step.from.index)),
              static_cast<size_t>(step.bytes), stream),
          "run: cuMemcpyAsync");
      if (!status.ok())
        return status;
    }
  }
  return {};
}

/// All that decides what a run enqueues.
static absl::InlinedVector<uint64_t, 8 * kInlineArguments>
argumentsOf(std::span<void *const> inputs, std::span<void *const> prepared,
            std::span<void *const> outputs, const void *arena,
            std::span<const uint64_t> slots) {
  absl::InlinedVector<uint64_t, 8 * kInlineArguments> arguments(
      inputs.size() + prepared.size() + outputs.size() + 1 + slots.size());
  auto address = [](const void *buffer) {
    return reinterpret_cast<uintptr_t>(buffer);
  };
  auto next = arguments.begin();
  for (const auto &buffers : {inputs, prepared, outputs})
    next = std::transform(buffers.begin(), buffers.end(), next, address);
  *next++ = address(arena);
  std::ranges::copy(slots, next);
  return arguments;
}

Status LoadedPlan::runGpu(const Bases &bases, std::span<uint64_t> slots,
                          CudaStream stream) const {
  ScopedContext scope(*gpu_);
  const Accesses constants{device_, stream, {constants_.get()}, {}, gpu_};
  if (Status status = constants.wait(); !status.ok())
    return status;
  auto launch = [&](CudaStream on) { return launchAll(bases, slots, on); };
  Status result =
      graphs_ ? graphs_->run(argumentsOf(bases.inputs, bases.prepared,
                                         bases.outputs, bases.arena, slots),
                             stream, launch)
              : launch(stream);
  // Also after an error: what came before it runs.
  Status marked = constants.mark();
  return result.ok() ? marked : result;
}

} // namespace weft::runtime
