// SPDX-License-Identifier: Apache-2.0
// The executables that compute a captured program, one after the other.
#include "Sequence.h"

#include "Pieces.h"

#include "runtime/StreamOrder.h"

namespace weft::compiler {

StatusOr<Sequence> Sequence::of(Program program, Device device,
                                const CompileRules &rules) {
  Sequence sequence;
  sequence.outputs_ = program.outputs;
  sequence.numInputs_ = program.inputs.size();
  sequence.numValues_ = program.inputs.size() + program.ops.size();
  for (Piece &piece : cut(std::move(program))) {
    auto executable = executableOf(piece.program, device, rules);
    if (!executable.ok())
      return executable.status();
    sequence.steps_.push_back({std::move(*executable),
                               std::move(piece.inputs),
                               std::move(piece.outputs),
                               std::move(piece.scalars),
                               {},
                               nullptr});
  }
  sequence.findDead();
  return sequence;
}

/// What memory may go after each step: steps between two others that hold the
/// ends of a long loop shall not keep all of it.
void Sequence::findDead() {
  std::vector<bool> read(numValues_, false);
  for (int32_t output : outputs_)
    read[static_cast<size_t>(output)] = true;
  for (size_t i = steps_.size(); i-- > 0;)
    for (int32_t input : steps_[i].inputs) {
      auto value = static_cast<size_t>(input);
      if (value >= numInputs_ && !read[value])
        steps_[i].dead.push_back(input);
      read[value] = true;
    }
}

Status Sequence::fixWeights(std::span<runtime::Storage *const> inputs) {
  for (Step &step : steps_) {
    // No weight is the value of another step.
    StoragePointers weights;
    for (int32_t input : step.inputs)
      weights.push_back(static_cast<size_t>(input) < numInputs_
                            ? inputs[static_cast<size_t>(input)]
                            : nullptr);
    auto prepared = step.executable->prepared(weights, /*stream=*/nullptr);
    if (!prepared.ok())
      return prepared.status();
    step.prepared = std::move(*prepared);
  }
  return {};
}

std::vector<bool> Sequence::inputsRead() const {
  std::vector<bool> read(numValues_, false);
  for (const Step &step : steps_)
    for (int32_t input : step.executable->inputsRead())
      read[static_cast<size_t>(step.inputs[static_cast<size_t>(input)])] = true;
  for (int32_t output : outputs_) // an input as it is
    read[static_cast<size_t>(output)] = true;
  read.resize(numInputs_);
  return read;
}

Sequence::Inputs Sequence::hold(StoragePointers all) const {
  Inputs inputs{std::move(all), {}, nullptr};
  if (steps_.size() == 1)
    inputs.prepared = steps_[0].executable->preparedBefore(inputs.all);
  if (inputs.prepared) {
    StoragePointers read(inputs.all.size());
    for (int32_t number : steps_[0].executable->inputsRead())
      read[static_cast<size_t>(number)] =
          inputs.all[static_cast<size_t>(number)];
    inputs.all = std::move(read);
  }
  inputs.owners.reserve(inputs.prepared
                            ? steps_[0].executable->inputsRead().size()
                            : inputs.all.size());
  for (runtime::Storage *storage : inputs.all)
    if (storage)
      inputs.owners.push_back(storage->shared_from_this());
  return inputs;
}

Status Sequence::run(const Inputs &inputs, std::span<const Scalar> scalars,
                     Storages &outputs) const {
  if (inputs.prepared)
    return steps_[0].executable->run(inputs.all, scalars, outputs,
                                     /*stream=*/nullptr, inputs.prepared);
  return run(inputs.all, scalars, outputs, /*stream=*/nullptr);
}

/// `owners` hold the values that are not inputs.
Status Sequence::runStep(const Step &step, StoragePointers &values,
                         Storages &owners, std::span<const Scalar> scalars,
                         runtime::CudaStream stream) const {
  StoragePointers inputs;
  Storages outputs;
  std::vector<Scalar> numbers;
  for (int32_t input : step.inputs)
    inputs.push_back(values[static_cast<size_t>(input)]);
  for (int32_t output : step.outputs)
    outputs.push_back(owners[static_cast<size_t>(output)]);
  for (int32_t scalar : step.scalars)
    numbers.push_back(scalars[static_cast<size_t>(scalar)]);
  if (Status status =
          step.executable->run(inputs, numbers, outputs, stream, step.prepared);
      !status.ok())
    return status;
  for (size_t i = 0; i < outputs.size(); ++i) {
    auto value = static_cast<size_t>(step.outputs[i]);
    values[value] = outputs[i].get();
    owners[value] = std::move(outputs[i]);
  }
  for (int32_t value : step.dead)
    owners[static_cast<size_t>(value)] = nullptr;
  return {};
}

Status Sequence::run(std::span<runtime::Storage *const> inputs,
                     std::span<const Scalar> scalars, Storages &outputs,
                     runtime::CudaStream stream) const {
  if (steps_.size() == 1)
    return steps_[0].executable->run(inputs, scalars, outputs, stream,
                                     steps_[0].prepared);
  outputs.resize(outputs_.size());
  StoragePointers values(inputs.begin(), inputs.end());
  values.resize(numValues_);
  Storages owners(numValues_);
  // A value is computed where the first output that asks for it shall be.
  for (size_t i = 0; i < outputs.size(); ++i) {
    auto value = static_cast<size_t>(outputs_[i]);
    if (value >= inputs.size() && !owners[value])
      owners[value] = outputs[i];
  }
  for (const Step &step : steps_)
    if (Status status = runStep(step, values, owners, scalars, stream);
        !status.ok())
      return status;
  for (size_t i = 0; i < outputs.size(); ++i) {
    auto value = static_cast<size_t>(outputs_[i]);
    runtime::Storage &computed = *values[value];
    if (!outputs[i])
      outputs[i] = owners[value];
    if (outputs[i].get() == &computed)
      continue;
    if (!outputs[i]) { // an input
      auto copied = runtime::Storage::allocate(computed.device(),
                                               computed.bytes(), stream);
      if (!copied.ok())
        return copied.status();
      outputs[i] = std::move(*copied);
    }
    if (Status status =
            runtime::copy(*outputs[i], computed, computed.bytes(), stream);
        !status.ok())
      return status;
  }
  return {};
}

} // namespace weft::compiler
