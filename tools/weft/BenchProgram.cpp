// SPDX-License-Identifier: Apache-2.0
// A function compiled for a device and run on plain memory.
#include "BenchProgram.h"

#include "weft/Runtime.h"

namespace weft::tools {

static Tensor placeholder(int32_t number, const InputSpec &spec,
                          Device device) {
  NodePtr node(new Node);
  node->placeholder = number;
  node->dtype = spec.dtype;
  node->shape = spec.shape;
  node->device = device;
  return Tensor(std::move(node));
}

StatusOr<RecordedFunction> recordFunction(const BenchFunction &function,
                                          std::span<const InputSpec> inputs,
                                          Device device) {
  std::vector<Tensor> tensors;
  for (const InputSpec &spec : inputs)
    tensors.push_back(
        placeholder(static_cast<int32_t>(tensors.size()), spec, device));
  Tensor result = function(tensors);
  if (!result.ok())
    return result.status();
  return RecordedFunction{result, compiler::capture({&result.node(), 1})};
}

StatusOr<BenchProgram> BenchProgram::compile(const BenchFunction &function,
                                             std::span<const InputSpec> inputs,
                                             Device device) {
  StatusOr<RecordedFunction> recorded =
      recordFunction(function, inputs, device);
  if (!recorded.ok())
    return recorded.status();
  BenchProgram program;
  program.output_ = {recorded->result.dtype(), recorded->result.shape()};
  if (Status status = program.load(*recorded, device); !status.ok())
    return status;
  return program;
}

Status BenchProgram::load(const RecordedFunction &recorded, Device device) {
  StatusOr<compiler::Target> target = compiler::Target::of(device);
  if (!target.ok())
    return target.status();
  const compiler::Capture &capture = recorded.capture;
  StatusOr<compiler::CompiledProgram> program =
      compiler::compileProgram(capture.program, *target);
  if (!program.ok())
    return program.status();
  for (int32_t number : program->mainInputs) {
    auto at = static_cast<size_t>(number);
    sources_.push_back(
        {capture.leaves[at]->placeholder, capture.arguments.storages[at]});
  }
  scalars_ = capture.arguments.scalars;
  numLaunches_ = static_cast<int64_t>(program->main.launches.size());
  auto loaded = runtime::LoadedPlan::load(program->main, device);
  if (!loaded.ok())
    return loaded.status();
  plan_ = *loaded;
  if (Status status = prepare(*program, capture, device); !status.ok())
    return status;
  return synchronize(device);
}

Status BenchProgram::prepare(const compiler::CompiledProgram &program,
                             const compiler::Capture &capture, Device device) {
  if (program.prepare.outputs.empty())
    return {};
  for (const runtime::TensorSpec &spec : program.prepare.outputs) {
    auto storage = runtime::Storage::allocate(device, spec.bytes);
    if (!storage.ok())
      return storage.status();
    prepared_.push_back(*storage);
    preparedData_.push_back((*storage)->data());
  }
  std::vector<void *> weights;
  for (int32_t number : program.prepareInputs)
    weights.push_back(
        capture.arguments.storages[static_cast<size_t>(number)]->data());
  auto loaded = runtime::LoadedPlan::load(program.prepare, device);
  if (!loaded.ok())
    return loaded.status();
  if (Status status = (*loaded)->run(weights, {}, preparedData_, {});
      !status.ok())
    return status;
  return synchronize(device);
}

Status BenchProgram::run(std::span<void *const> inputs, void *output,
                         runtime::CudaStream stream) const {
  std::vector<void *> sources;
  for (const Source &source : sources_)
    sources.push_back(source.placeholder >= 0
                          ? inputs[static_cast<size_t>(source.placeholder)]
                          : source.storage->data());
  return plan_->run(sources, preparedData_, {&output, 1}, scalars_, stream);
}

} // namespace weft::tools
