// SPDX-License-Identifier: Apache-2.0
// The executables that compute a captured program, one after the other.
#include "Sequence.h"

#include "Pieces.h"

#include "runtime/StreamOrder.h"

namespace weft::compiler {

StatusOr<Sequence> Sequence::of(Program program, Device device) {
  Sequence sequence;
  const size_t numInputs = program.inputs.size();
  sequence.outputs_ = program.outputs;
  sequence.numValues_ = numInputs + program.ops.size();
  for (Piece &piece : cut(std::move(program))) {
    auto executable = executableOf(piece.program, device);
    if (!executable.ok())
      return executable.status();
    sequence.steps_.push_back({std::move(*executable),
                               std::move(piece.inputs),
                               std::move(piece.outputs),
                               std::move(piece.scalars),
                               {}});
  }
  sequence.findDead(numInputs);
  return sequence;
}

/// What memory may go after each step: steps between two others that hold the
/// ends of a long loop shall not keep all of it.
void Sequence::findDead(size_t numInputs) {
  std::vector<bool> read(numValues_, false);
  for (int32_t output : outputs_)
    read[static_cast<size_t>(output)] = true;
  for (size_t i = steps_.size(); i-- > 0;)
    for (int32_t input : steps_[i].inputs) {
      auto value = static_cast<size_t>(input);
      if (value >= numInputs && !read[value])
        steps_[i].dead.push_back(input);
      read[value] = true;
    }
}

Status Sequence::runStep(const Step &step, Storages &values,
                         std::span<const Scalar> scalars,
                         runtime::CudaStream stream) const {
  Storages inputs, outputs;
  std::vector<Scalar> numbers;
  for (int32_t input : step.inputs)
    inputs.push_back(values[static_cast<size_t>(input)]);
  for (int32_t output : step.outputs)
    outputs.push_back(values[static_cast<size_t>(output)]);
  for (int32_t scalar : step.scalars)
    numbers.push_back(scalars[static_cast<size_t>(scalar)]);
  if (Status status = step.executable->run(inputs, numbers, outputs, stream);
      !status.ok())
    return status;
  for (size_t i = 0; i < outputs.size(); ++i)
    values[static_cast<size_t>(step.outputs[i])] = std::move(outputs[i]);
  for (int32_t value : step.dead)
    values[static_cast<size_t>(value)] = nullptr;
  return {};
}

Status Sequence::run(std::span<const std::shared_ptr<runtime::Storage>> inputs,
                     std::span<const Scalar> scalars, Storages &outputs,
                     runtime::CudaStream stream) const {
  if (steps_.size() == 1)
    return steps_[0].executable->run(inputs, scalars, outputs, stream);
  outputs.resize(outputs_.size());
  // A value is computed where the first output that asks for it shall be.
  Storages values(numValues_);
  std::copy(inputs.begin(), inputs.end(), values.begin());
  for (size_t i = 0; i < outputs.size(); ++i)
    if (auto &value = values[static_cast<size_t>(outputs_[i])]; !value)
      value = outputs[i];
  for (const Step &step : steps_)
    if (Status status = runStep(step, values, scalars, stream); !status.ok())
      return status;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto &value = values[static_cast<size_t>(outputs_[i])];
    if (!outputs[i])
      outputs[i] = value;
    else if (outputs[i] != value)
      if (Status status =
              runtime::copy(*outputs[i], *value, value->bytes(), stream);
          !status.ok())
        return status;
  }
  return {};
}

} // namespace weft::compiler
