// SPDX-License-Identifier: Apache-2.0
// Counting references to nodes, and destroying graphs of any depth with a
// bounded stack.
#include "weft/Core/Graph.h"

namespace weft {

std::string_view name(OpKind kind) {
  static constexpr std::string_view kNames[] = {
      "leaf",
#define WEFT_OP(mnemonic) #mnemonic,
#include "weft/IR/OpKinds.inc"
#undef WEFT_OP
  };
  return kNames[static_cast<size_t>(kind)];
}

std::mutex &graph_mutex() {
  // Never destroyed: tensors with static lifetime may be evaluated late.
  static std::mutex &mutex = *new std::mutex;
  return mutex;
}

NodePtr::NodePtr(Node *node) : node_(node) {
  if (node_)
    node_->references_.fetch_add(1, std::memory_order_relaxed);
}

NodePtr::NodePtr(const NodePtr &other) : NodePtr(other.node_) {}

NodePtr::~NodePtr() {
  if (!node_ || node_->references_.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;

  // Deleting a node drops its inputs, which brings us back here: the inner
  // calls only note the node down, the outermost deletes. The list lives on
  // the outermost call's stack, so that no thread-local destructor can run
  // before the last node goes.
  static thread_local std::vector<Node *> *pending = nullptr;
  if (pending) {
    pending->push_back(node_);
    return;
  }
  std::vector<Node *> unreferenced;
  pending = &unreferenced;
  delete node_;
  while (!unreferenced.empty()) {
    Node *node = unreferenced.back();
    unreferenced.pop_back();
    delete node;
  }
  pending = nullptr;
}

} // namespace weft
