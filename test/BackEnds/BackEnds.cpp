// SPDX-License-Identifier: Apache-2.0
// Runs plans on memory that is fenced in.
#include "BackEnds.h"
#include "Memory.h"

#include "lib/Compiler/Codegen.h"
#include "runtime/Executor.h"
#include "runtime/Storage.h"
#include "runtime/StreamOrder.h"
#include "weft/Core/Float.h"
#include "weft/IR/Dialect.h"

#include "mlir/IR/OwningOpRef.h"

#include <cstring>
#include <functional>

namespace weft::test {
namespace {

using compiler::CompiledProgram;
using compiler::KernelForm;
using reference::Value;
using runtime::BufferRef;

/// The arguments of `@main` in the order of the program's inputs and numbers.
struct Inputs {
  std::vector<const Value *> tensors;
  std::vector<Scalar> scalars;
};

Inputs inputsOf(Job job) {
  Inputs inputs;
  auto main = job.module.lookupSymbol<mlir::func::FuncOp>(ir::kMainName);
  size_t next = 0;
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    bool isParameter = main.getArgAttr(i, ir::kParameterAttr) != nullptr;
    const Value &value =
        isParameter
            ? job.arguments->parameters.at(
                  main.getArgAttrOfType<mlir::StringAttr>(i, ir::kNameAttr)
                      .str())
            : job.arguments->inputs[next++];
    if (mlir::isa<mlir::RankedTensorType>(main.getArgument(i).getType()))
      inputs.tensors.push_back(&value);
    else if (value.isReal())
      inputs.scalars.push_back(value.reals[0]);
    else
      inputs.scalars.push_back(value.ints[0]);
  }
  return inputs;
}

StatusOr<CompiledProgram> compile(Job job, const char *device,
                                  KernelForm form) {
  mlir::OwningOpRef<mlir::ModuleOp> module = job.module.clone();
  StatusOr<compiler::Target> target = compiler::Target::parse(device);
  if (!target.ok())
    return target.status();
  if (Status status = compiler::lower(*module, *target, nullptr); !status.ok())
    return status;
  return compiler::compileKernels(*module, *target, form);
}

/// Runs one plan on the addresses of its buffers.
using RunPlan = std::function<Status(
    const runtime::Plan &plan, std::span<void *const> inputs,
    std::span<void *const> prepared, std::span<void *const> outputs,
    std::span<const Scalar> scalars)>;

std::vector<Memory> outputsOf(const runtime::Plan &plan) {
  std::vector<Memory> outputs;
  for (const runtime::TensorSpec &spec : plan.outputs)
    outputs.emplace_back(spec.bytes);
  return outputs;
}

std::vector<void *> addresses(const std::vector<Memory> &memories) {
  std::vector<void *> pointers;
  for (const Memory &memory : memories)
    pointers.push_back(memory.data());
  return pointers;
}

std::vector<void *> select(const std::vector<Memory> &memories,
                           const std::vector<int32_t> &numbers) {
  std::vector<void *> pointers;
  for (int32_t number : numbers)
    pointers.push_back(memories[static_cast<size_t>(number)].data());
  return pointers;
}

Status checkFences(const std::vector<Memory> &memories, const char *what) {
  for (size_t i = 0; i < memories.size(); ++i)
    if (!memories[i].isIntact())
      return internal_error("a kernel wrote outside " + std::string(what) +
                            " " + std::to_string(i));
  return {};
}

/// `@prepare`, then `@main`.
Results run(const CompiledProgram &program, const Inputs &inputs,
            const RunPlan &runPlan) {
  std::vector<Memory> tensors;
  for (const Value *tensor : inputs.tensors)
    tensors.emplace_back(*tensor);
  std::vector<Memory> prepared = outputsOf(program.prepare),
                      outputs = outputsOf(program.main);
  Status status =
      runPlan(program.prepare, select(tensors, program.prepareInputs), {},
              addresses(prepared), {});
  if (status.ok())
    status = runPlan(program.main, select(tensors, program.mainInputs),
                     addresses(prepared), addresses(outputs), inputs.scalars);
  if (status.ok())
    status = checkFences(tensors, "input");
  if (status.ok())
    status = checkFences(prepared, "prepared value");
  if (status.ok())
    status = checkFences(outputs, "output");
  if (!status.ok())
    return status;
  for (size_t i = 0; i < tensors.size(); ++i) {
    Memory before(*inputs.tensors[i]);
    if (std::memcmp(before.data(), tensors[i].data(),
                    static_cast<size_t>(before.bytes())) != 0)
      return internal_error("a kernel wrote to input " + std::to_string(i));
  }
  std::vector<Value> results;
  for (size_t i = 0; i < outputs.size(); ++i)
    results.push_back(outputs[i].read(program.main.outputs[i].dtype,
                                      program.main.outputs[i].shape));
  return results;
}

Status runLoaded(Device device, const runtime::Plan &plan,
                 std::span<void *const> inputs, std::span<void *const> prepared,
                 std::span<void *const> outputs,
                 std::span<const Scalar> scalars) {
  if (plan.steps.empty())
    return {};
  auto loaded = runtime::LoadedPlan::load(plan, device);
  if (!loaded.ok())
    return loaded.status();
  return (*loaded)->run(inputs, prepared, outputs, scalars);
}

// ---- emulated ---------------------------------------------------------------

/// Runs a plan whose kernel i is kernel `first + i` of the library.
class EmulatedPlan {
public:
  EmulatedPlan(const emulator::Library &library, size_t first,
               const runtime::Plan &plan, std::span<void *const> inputs,
               std::span<void *const> prepared, std::span<void *const> outputs,
               std::span<const Scalar> scalars)
      : library_(library), first_(first), plan_(plan), inputs_(inputs),
        prepared_(prepared), outputs_(outputs), scalars_(scalars),
        arena_(plan.arenaBytes),
        constants_(static_cast<int64_t>(plan.constants.size())) {
    std::memcpy(constants_.data(), plan.constants.data(),
                plan.constants.size());
  }

  Status run() {
    for (int32_t step : plan_.steps) {
      Status status = step >= 0 ? launch(plan_.launches[step]) : Status();
      if (!status.ok())
        return status;
      if (step < 0) {
        const runtime::Copy &copy = plan_.copies[-1 - step];
        std::memcpy(address(copy.to), address(copy.from),
                    static_cast<size_t>(copy.bytes));
      }
    }
    return arena_.isIntact() && constants_.isIntact()
               ? Status()
               : internal_error("a kernel wrote outside the arena");
  }

private:
  void *address(BufferRef buffer) const {
    auto i = static_cast<size_t>(buffer.index);
    switch (buffer.kind) {
    case BufferRef::Kind::input:
      return inputs_[i];
    case BufferRef::Kind::prepared:
      return prepared_[i];
    case BufferRef::Kind::output:
      return outputs_[i];
    case BufferRef::Kind::arena:
      return static_cast<char *>(arena_.data()) + i;
    case BufferRef::Kind::constant:
      return static_cast<char *>(constants_.data()) + i;
    }
    llvm_unreachable("every kind is listed");
  }

  Status launch(const runtime::Launch &launch) {
    // Pointers and numbers alike are passed by their address.
    std::vector<std::array<char, 8>> values(launch.arguments.size());
    std::vector<void *> arguments;
    for (auto [argument, value] : llvm::zip(launch.arguments, values)) {
      if (argument.isScalar) {
        store_scalar(value.data(), argument.scalarType, 0,
                     scalars_[static_cast<size_t>(argument.scalar)]);
      } else {
        void *pointer = address(argument.buffer);
        std::memcpy(value.data(), &pointer, sizeof pointer);
      }
      arguments.push_back(value.data());
    }
    std::vector<emulator::EncodedTensorMap> maps;
    for (const TensorMap &map : launch.tensorMaps)
      maps.push_back(emulator::encode(
          map, address(launch.arguments[map.argument].buffer)));
    for (emulator::EncodedTensorMap &map : maps)
      arguments.push_back(&map);
    auto size = [](const uint32_t(&sizes)[3]) {
      return emulator::Size{sizes[0], sizes[1], sizes[2]};
    };
    return library_.launch(first_ + static_cast<size_t>(launch.kernel),
                           size(launch.grid), size(launch.block), arguments,
                           launch.sharedBytes);
  }

  const emulator::Library &library_;
  size_t first_;
  const runtime::Plan &plan_;
  std::span<void *const> inputs_, prepared_, outputs_;
  std::span<const Scalar> scalars_;
  Memory arena_, constants_;
};

} // namespace

std::vector<Results> runOnCpu(const std::vector<Job> &jobs) {
  std::vector<Results> results;
  for (const Job &job : jobs) {
    StatusOr<CompiledProgram> program = compile(job, "cpu", KernelForm::code);
    results.push_back(program.ok()
                          ? run(*program, inputsOf(job),
                                std::bind_front(runLoaded, Device::cpu()))
                          : Results(program.status()));
  }
  return results;
}

/// No NVRTC here.
static StatusOr<CompiledProgram>
compileToText(const Job &job, const std::string &architecture = "sm_90a") {
  return compile(job, ("cuda:" + architecture).c_str(), KernelForm::text);
}

static void addKernels(const CompiledProgram &program,
                       std::vector<emulator::Source> &sources) {
  for (const runtime::Plan *plan : {&program.prepare, &program.main})
    for (const runtime::Kernel &kernel : plan->kernels)
      sources.push_back({kernel.name, kernel.source});
}

StatusOr<std::vector<emulator::Source>>
cudaKernelsOf(const Job &job, const std::string &architecture) {
  StatusOr<CompiledProgram> program = compileToText(job, architecture);
  if (!program.ok())
    return program.status();
  std::vector<emulator::Source> sources;
  addKernels(*program, sources);
  return sources;
}

std::vector<Results> runEmulated(const std::vector<Job> &jobs) {
  std::vector<StatusOr<CompiledProgram>> programs;
  std::vector<emulator::Source> sources;
  for (const Job &job : jobs) {
    programs.push_back(compileToText(job));
    if (programs.back().ok())
      addKernels(*programs.back(), sources);
  }
  auto library = emulator::Library::compile(sources);
  if (!library.ok())
    return std::vector<Results>(jobs.size(), library.status());
  std::vector<Results> results;
  size_t first = 0;
  for (auto [job, program] : llvm::zip(jobs, programs)) {
    if (!program.ok()) {
      results.push_back(program.status());
      continue;
    }
    RunPlan runPlan = [&](const runtime::Plan &plan, auto... buffers) {
      EmulatedPlan emulated(**library, first, plan, buffers...);
      first += plan.kernels.size();
      return emulated.run();
    };
    size_t next =
        first + program->prepare.kernels.size() + program->main.kernels.size();
    results.push_back(run(*program, inputsOf(job), runPlan));
    first = next; // also after an error in the first plan
  }
  return results;
}

std::vector<Results> runOnGpu(const std::vector<Job> &jobs) {
  using Storages = std::vector<std::shared_ptr<runtime::Storage>>;
  const Device device = Device::gpu();
  RunPlan runPlan =
      [&](const runtime::Plan &plan, std::span<void *const> inputs,
          std::span<void *const> prepared, std::span<void *const> outputs,
          std::span<const Scalar> scalars) -> Status {
    // Device memory beside each host buffer, there and back.
    Storages storages;
    std::vector<std::vector<void *>> pointers;
    auto upload = [&](std::span<void *const> host,
                      const std::vector<runtime::TensorSpec> &specs) -> Status {
      std::vector<void *> &list = pointers.emplace_back();
      for (auto [data, spec] : llvm::zip(host, specs)) {
        auto storage = runtime::Storage::allocate(device, spec.bytes);
        if (!storage.ok())
          return storage.status();
        if (Status s = runtime::copyFromHost(**storage, data, spec.bytes);
            !s.ok())
          return s;
        list.push_back((*storage)->data());
        storages.push_back(*std::move(storage));
      }
      return {};
    };
    pointers.reserve(3);
    for (Status status :
         {upload(inputs, plan.inputs), upload(prepared, plan.prepared),
          upload(outputs, plan.outputs)})
      if (!status.ok())
        return status;
    if (Status status = runLoaded(device, plan, pointers[0], pointers[1],
                                  pointers[2], scalars);
        !status.ok())
      return status;
    size_t first = storages.size() - outputs.size();
    for (size_t i = 0; i < outputs.size(); ++i) {
      runtime::Storage &storage = *storages[first + i];
      const runtime::Accesses accesses{device, nullptr, {}, {&storage}};
      Status status = accesses.mark();
      if (status.ok())
        status = runtime::copyToHost(outputs[i], storage, storage.bytes());
      if (!status.ok())
        return status;
    }
    return {};
  };
  std::vector<Results> results;
  for (const Job &job : jobs) {
    StatusOr<CompiledProgram> program = compile(job, "cuda", KernelForm::code);
    results.push_back(program.ok() ? run(*program, inputsOf(job), runPlan)
                                   : Results(program.status()));
  }
  return results;
}

} // namespace weft::test
