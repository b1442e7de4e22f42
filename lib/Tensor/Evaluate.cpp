// SPDX-License-Identifier: Apache-2.0
// Evaluation: parameters first, then the rest by the compiler.
#include "Evaluate.h"

#include "weft/Compiler/Compiler.h"
#include "weft/Core/Float.h"
#include "weft/Tensor.h"

#include "runtime/StreamOrder.h"

namespace weft {
namespace {

std::shared_ptr<runtime::Storage> current_storage(const NodePtr &node) {
  std::lock_guard<std::mutex> lock(graph_mutex());
  return node->storage;
}

struct Pending {
  std::vector<NodePtr> unloaded; // hold 0, 1, 2, ...
  std::vector<NodePtr> lazy;     // given as tensors that are not computed yet
};

/// Parameters without elements that `roots` depend on, in the order met. Lazy
/// ones are computed together, so what lies below them counts too.
Pending find_pending(std::span<const NodePtr> roots) {
  Pending pending;
  std::vector<NodePtr> stack(roots.rbegin(), roots.rend());
  std::lock_guard<std::mutex> lock(graph_mutex());
  Visits seen;
  while (!stack.empty()) {
    NodePtr node = std::move(stack.back());
    stack.pop_back();
    if (!node->awaits_parameters || node->storage || seen.contains(*node))
      continue;
    seen.add(*node);
    for (size_t i = node->inputs.size(); i-- > 0;)
      if (node->inputs[i].node)
        stack.push_back(node->inputs[i].node);
    if (node->is_parameter)
      (node->is_unloaded ? pending.unloaded : pending.lazy).push_back(node);
  }
  return pending;
}

/// 0, 1, 2, ... in row-major order.
Status fill_initial(const NodePtr &node) {
  const int64_t count = node->shape.num_elements();
  const int64_t bytes = count * size_in_bytes(node->dtype);
  auto host = runtime::Storage::allocate(Device::cpu(), bytes);
  if (!host.ok())
    return host.status();
  for (int64_t i = 0; i < count; ++i)
    store_from_int64((*host)->data(), node->dtype, i, i);
  std::shared_ptr<runtime::Storage> storage = *host;
  if (!node->device.is_cpu()) {
    auto copy = runtime::copyTo(**host, node->device);
    if (!copy.ok())
      return copy.status();
    storage = *copy;
  }
  std::lock_guard<std::mutex> lock(graph_mutex());
  node->storage = std::move(storage);
  node->awaits_parameters.store(false, std::memory_order_release);
  return {};
}

} // namespace

Status make_parameters(std::span<const NodePtr> roots) {
  bool awaits = false;
  for (const NodePtr &root : roots)
    awaits |= root->awaits_parameters;
  if (!awaits)
    return {};
  // Threads that need the same parameters wait for the first of them.
  static std::mutex &making = *new std::mutex;
  std::lock_guard<std::mutex> lock(making);
  Pending pending = find_pending(roots);
  for (const NodePtr &node : pending.unloaded)
    if (Status status = fill_initial(node); !status.ok())
      return status;
  if (pending.lazy.empty())
    return {};
  return compiler::evaluate(pending.lazy);
}

Status evaluate(std::span<const NodePtr> roots) {
  for (const NodePtr &root : roots) {
    if (!root)
      return Tensor().status();
    if (root->failed())
      return root->status;
  }
  if (Status status = make_parameters(roots); !status.ok())
    return status;
  std::vector<NodePtr> pending;
  for (const NodePtr &root : roots)
    if (!current_storage(root))
      pending.push_back(root);
  return pending.empty() ? Status() : compiler::evaluate(pending);
}

StatusOr<std::shared_ptr<runtime::Storage>> storage_of(const NodePtr &node) {
  if (node)
    if (std::shared_ptr<runtime::Storage> storage = current_storage(node))
      return storage;
  if (Status status = evaluate({&node, 1}); !status.ok())
    return status;
  std::shared_ptr<runtime::Storage> storage = current_storage(node);
  if (!storage)
    return internal_error("eval: a value was not kept");
  return storage;
}

Status Tensor::eval() const { return evaluate({&node_, 1}); }

Status eval(std::span<const Tensor> tensors) {
  std::vector<NodePtr> roots;
  for (const Tensor &tensor : tensors)
    roots.push_back(tensor.node());
  return evaluate(roots);
}

Status eval(std::initializer_list<Tensor> tensors) {
  return eval(std::span<const Tensor>(tensors.begin(), tensors.size()));
}

} // namespace weft
