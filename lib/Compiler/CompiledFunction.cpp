// SPDX-License-Identifier: Apache-2.0
// Functions compiled ahead of their inputs.
#include "Sequence.h"

#include "weft/Compiler/Compiler.h"

#include <algorithm>

namespace weft::compiler {
namespace {

class Function final : public CompiledFunction {
public:
  /// Of a sequence whose weights are fixed: those that only @prepare has read
  /// may go.
  Function(Sequence sequence, Capture capture, Device device)
      : sequence_(std::move(sequence)), device_(device),
        storages_(std::move(capture.arguments.storages)),
        scalars_(std::move(capture.arguments.scalars)) {
    const std::vector<bool> read = sequence_.inputsRead();
    for (size_t i = 0; i < storages_.size(); ++i) {
      if (const int32_t number = capture.leaves[i]->placeholder; number >= 0)
        inputs_.emplace_back(i, static_cast<size_t>(number));
      if (!read[i])
        storages_[i] = nullptr;
    }
    for (const auto &storage : storages_)
      if (storage)
        storage->freeze();
    pointers_ = pointersTo(storages_);
  }

  Status run(std::span<const std::shared_ptr<runtime::Storage>> inputs,
             std::span<const std::shared_ptr<runtime::Storage>> outputs,
             void *stream) const override {
    StoragePointers all = pointers_;
    for (auto [leaf, number] : inputs_)
      all[leaf] = inputs[number].get();
    Storages results(outputs.begin(), outputs.end());
    return sequence_.run(all, scalars_, results,
                         static_cast<runtime::CudaStream>(stream));
  }

  Device device() const override { return device_; }

private:
  Sequence sequence_;
  Device device_;
  Storages storages_;        // of what runs read beside inputs, else null
  StoragePointers pointers_; // to them
  std::vector<Scalar> scalars_;
  std::vector<std::pair<size_t, size_t>> inputs_; // leaf, number of the input
};

std::string nameOf(const Node &leaf) {
  return leaf.parameter_name ? *leaf.parameter_name : "(unnamed)";
}

/// Compiling fixes the weights, so all of them must be there.
Status refuseUnloaded(const Capture &capture) {
  std::string names;
  for (const NodePtr &leaf : capture.leaves)
    if (leaf->is_unloaded)
      names += (names.empty() ? "" : ", ") + nameOf(*leaf);
  if (names.empty())
    return {};
  return failed_precondition_error(
      "compile: parameters that nobody loaded: " + names +
      " (load_state_dict loads the fields that WEFT_FIELDS names)");
}

/// Tensors may outlive the function that they were recorded in.
Status refuseForeignInputs(const Capture &capture,
                           std::span<const NodePtr> placeholders) {
  for (const NodePtr &leaf : capture.leaves)
    if (leaf->placeholder >= 0 &&
        std::ranges::find(placeholders, leaf) == placeholders.end())
      return failed_precondition_error(
          "compile: uses input " + std::to_string(leaf->placeholder) +
          " of another function that was compiled");
  return {};
}

} // namespace

StatusOr<std::shared_ptr<const CompiledFunction>>
CompiledFunction::compile(std::span<const NodePtr> outputs,
                          std::span<const NodePtr> placeholders, Device device,
                          const CompileSettings &settings) {
  for (const NodePtr &output : outputs)
    if (output->failed())
      return output->status;
  Capture captured = capture(outputs);
  if (Status status = refuseForeignInputs(captured, placeholders); !status.ok())
    return status;
  if (Status status = refuseUnloaded(captured); !status.ok())
    return status;
  StatusOr<Sequence> sequence =
      Sequence::of(std::move(captured.program), device, {.settings = settings});
  if (!sequence.ok())
    return sequence.status();
  if (Status status =
          sequence->fixWeights(pointersTo(captured.arguments.storages));
      !status.ok())
    return status;
  return std::shared_ptr<const CompiledFunction>(std::make_shared<Function>(
      std::move(*sequence), std::move(captured), device));
}

} // namespace weft::compiler
