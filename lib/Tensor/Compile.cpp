// SPDX-License-Identifier: Apache-2.0
// Functions compiled ahead of their inputs: tracing with placeholders, and
// checking what a run is given.
#include "weft/Compile.h"

#include "Evaluate.h"
#include "Record.h"
#include "Strides.h"

#include "weft/Compiler/Compiler.h"
#include "weft/Core/ShapeRules.h"
#include "weft/Runtime.h"

namespace weft {

struct Executable::Impl {
  std::shared_ptr<const compiler::CompiledFunction> function;
  std::vector<InputSpec> inputs, outputs;
};

Executable::Executable(std::shared_ptr<const Impl> impl)
    : impl_(std::move(impl)) {}

const std::vector<InputSpec> &Executable::inputs() const {
  return impl_->inputs;
}
const std::vector<InputSpec> &Executable::outputs() const {
  return impl_->outputs;
}
Device Executable::device() const { return impl_->function->device(); }

namespace {

using Storages = std::vector<std::shared_ptr<runtime::Storage>>;

std::string counted(size_t count, const char *what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string list(const std::vector<int64_t> &values) {
  return to_string(Shape(std::span<const int64_t>(values)));
}

// ---- tracing ----------------------------------------------------------------

NodePtr placeholder(size_t index, DType dtype, const Shape &shape,
                    Device device) {
  NodePtr node(new Node);
  node->placeholder = static_cast<int32_t>(index);
  node->dtype = dtype;
  node->shape = shape;
  node->device = device;
  node->location = std::source_location::current();
  return node;
}

/// The tensor that stands for an input, and its placeholder: strided memory is
/// read as `borrow` reads it.
struct TracedInput {
  Tensor tensor;
  NodePtr placeholder;
};
StatusOr<TracedInput> trace_input(size_t index, const InputSpec &spec,
                                  Device device) {
  StatusOr<StridedMemory> memory = strided_memory(
      "compile: input " + std::to_string(index), spec.shape, spec.strides);
  if (!memory.ok())
    return memory.status();
  if (memory->is_dense) {
    NodePtr node = placeholder(index, spec.dtype, spec.shape, device);
    return TracedInput{Tensor(node), node};
  }
  NodePtr node = placeholder(index, spec.dtype, {memory->elements}, device);
  const Tensor elements(node);
  std::vector<int64_t> layout = {memory->offset};
  layout.insert(layout.end(), spec.strides->begin(), spec.strides->end());
  return TracedInput{record::node(OpKind::as_strided, spec.dtype, spec.shape,
                                  {&elements}, {.ints = layout},
                                  std::source_location::current()),
                     node};
}

// ---- running ----------------------------------------------------------------

Status check_spec(const char *what, size_t index, const InputSpec &spec,
                  const Tensor &given, Device device) {
  auto differs = [&](const char *rule, const std::string &expected,
                     const std::string &got) {
    return invalid_argument_error(
        "run: " + std::string(what) + " " + std::to_string(index) + ": " +
        rule + " differs: expects " + expected + ", got " + got);
  };
  if (!given.ok())
    return given.status();
  if (given.dtype() != spec.dtype)
    return differs("type", std::string(name(spec.dtype)),
                   std::string(name(given.dtype())));
  if (given.shape() != spec.shape)
    return differs("shape", to_string(spec.shape), to_string(given.shape()));
  if (given.device() != device)
    return differs("device", to_string(device), to_string(given.device()));
  return {};
}

/// The memory of an input, strided as the function was compiled for.
StatusOr<std::shared_ptr<runtime::Storage>>
input_memory(size_t index, const InputSpec &spec, const Tensor &given) {
  NodePtr memory;
  std::vector<int64_t> strides;
  {
    std::lock_guard<std::mutex> lock(graph_mutex());
    const Node &node = *given.node();
    if (!node.storage && node.kind == OpKind::as_strided) {
      memory = node.inputs[0].node;
      strides.assign(node.attributes.ints.begin() + 1,
                     node.attributes.ints.end());
    }
  }
  // A run never compiles, so it cannot rearrange memory either. An evaluated
  // tensor is row-major, whatever it was made from.
  if (!memory && !spec.strides)
    return storage_of(given.node());
  if (memory && spec.strides && strides == *spec.strides)
    return storage_of(memory);
  return invalid_argument_error(
      "run: input " + std::to_string(index) + ": strides differ: expects " +
      (spec.strides ? list(*spec.strides) : "row-major") + ", got " +
      (memory ? list(strides) : "row-major"));
}

/// The memory of a tensor that a run may overwrite.
StatusOr<std::shared_ptr<runtime::Storage>> output_memory(size_t index,
                                                          const Tensor &given) {
  std::lock_guard<std::mutex> lock(graph_mutex());
  const Node &node = *given.node();
  if (!node.storage || node.is_parameter)
    return invalid_argument_error(
        "run: output " + std::to_string(index) +
        ": is not borrowed memory or the result of a run" +
        (node.is_parameter ? ": a parameter" : ""));
  if (node.storage->isFrozen())
    return invalid_argument_error(
        "run: output " + std::to_string(index) +
        ": its memory is that of a parameter or constant");
  return node.storage;
}

bool overlap(const runtime::Storage &a, const runtime::Storage &b) {
  const auto *begin_a = static_cast<const char *>(a.data());
  const auto *begin_b = static_cast<const char *>(b.data());
  return a.device() == b.device() && begin_a < begin_b + b.bytes() &&
         begin_b < begin_a + a.bytes();
}

/// Kernels write while they still read, and several outputs at once.
Status refuse_overlaps(const Storages &inputs, const Storages &outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    auto overlaps = [&](const char *what, size_t other) {
      return invalid_argument_error("run: output " + std::to_string(i) +
                                    ": overlaps " + what + " " +
                                    std::to_string(other));
    };
    for (size_t j = 0; j < inputs.size(); ++j)
      if (overlap(*outputs[i], *inputs[j]))
        return overlaps("input", j);
    for (size_t j = 0; j < i; ++j)
      if (overlap(*outputs[i], *outputs[j]))
        return overlaps("output", j);
  }
  return {};
}

/// The CPU has no streams: what is given there means nothing.
void *stream_of(const Executable &executable, const RunOptions &options) {
  return executable.device().is_gpu() ? options.stream : nullptr;
}

StatusOr<Storages> gather_inputs(const Executable::Impl &impl,
                                 const std::vector<Tensor> &inputs) {
  if (inputs.size() != impl.inputs.size())
    return invalid_argument_error("run: expects " +
                                  counted(impl.inputs.size(), "input") +
                                  ", got " + std::to_string(inputs.size()));
  Storages storages;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Status status = check_spec("input", i, impl.inputs[i], inputs[i],
                               impl.function->device());
    if (!status.ok())
      return status;
    auto memory = input_memory(i, impl.inputs[i], inputs[i]);
    if (!memory.ok())
      return memory.status();
    storages.push_back(*memory);
  }
  return storages;
}

} // namespace

Status detail::wrong_arity(size_t inputs) {
  return invalid_argument_error("compile: the function does not take " +
                                counted(inputs, "tensor"));
}

StatusOr<Executable> detail::compile(const Traced &function,
                                     std::vector<InputSpec> inputs,
                                     const CompileOptions &options) {
  const Device device = options.device ? *options.device : default_device();
  if (Status status = is_usable(device); !status.ok())
    return status;
  std::vector<Tensor> traced;
  std::vector<NodePtr> placeholders;
  for (size_t i = 0; i < inputs.size(); ++i) {
    StatusOr<TracedInput> input = trace_input(i, inputs[i], device);
    if (!input.ok())
      return input.status();
    if (input->tensor.node() == input->placeholder)
      inputs[i].strides.reset(); // they are the row-major ones
    traced.push_back(input->tensor);
    placeholders.push_back(input->placeholder);
  }

  auto impl = std::make_shared<Executable::Impl>();
  std::vector<NodePtr> outputs;
  for (const Tensor &output : function(traced)) {
    if (!output.ok())
      return output.status();
    impl->outputs.push_back({output.dtype(), output.shape(), {}});
    outputs.push_back(output.node());
  }
  if (outputs.empty())
    return invalid_argument_error("compile: the function returns no tensor");
  if (Status status = make_parameters(outputs); !status.ok())
    return status;
  const compiler::CompileSettings settings = {
      options.tuning.value_or(tuning()),
      options.float32_precision.value_or(float32_precision())};
  auto compiled = compiler::CompiledFunction::compile(outputs, placeholders,
                                                      device, settings);
  if (!compiled.ok())
    return compiled.status();
  impl->function = *compiled;
  impl->inputs = std::move(inputs);
  return Executable(std::move(impl));
}

StatusOr<std::vector<Tensor>> Executable::run(const std::vector<Tensor> &inputs,
                                              RunOptions options) const {
  StatusOr<Storages> sources = gather_inputs(*impl_, inputs);
  if (!sources.ok())
    return sources.status();
  Storages results;
  std::vector<Tensor> tensors;
  for (const InputSpec &spec : impl_->outputs) {
    auto storage = runtime::Storage::allocate(
        device(), spec.shape.num_elements() * size_in_bytes(spec.dtype),
        static_cast<runtime::CudaStream>(stream_of(*this, options)));
    if (!storage.ok())
      return storage.status();
    results.push_back(*storage);
    tensors.push_back(record::leaf(*storage, spec.dtype, spec.shape, device(),
                                   std::source_location::current()));
  }
  Status status =
      impl_->function->run(*sources, results, stream_of(*this, options));
  if (!status.ok())
    return status;
  return tensors;
}

Status Executable::run(const std::vector<Tensor> &inputs,
                       const std::vector<Tensor> &outputs,
                       RunOptions options) const {
  StatusOr<Storages> sources = gather_inputs(*impl_, inputs);
  if (!sources.ok())
    return sources.status();
  if (outputs.size() != impl_->outputs.size())
    return invalid_argument_error("run: expects " +
                                  counted(impl_->outputs.size(), "output") +
                                  ", got " + std::to_string(outputs.size()));
  Storages results;
  for (size_t i = 0; i < outputs.size(); ++i) {
    Status status =
        check_spec("output", i, impl_->outputs[i], outputs[i], device());
    if (!status.ok())
      return status;
    auto memory = output_memory(i, outputs[i]);
    if (!memory.ok())
      return memory.status();
    results.push_back(*memory);
  }
  if (Status status = refuse_overlaps(*sources, results); !status.ok())
    return status;
  return impl_->function->run(*sources, results, stream_of(*this, options));
}

} // namespace weft
