// SPDX-License-Identifier: Apache-2.0
// The recorded graph: what a lazy tensor points to. lib/Tensor builds it,
// lib/Compiler reads it.
#pragma once

#include "weft/Core/DType.h"
#include "weft/Core/Device.h"
#include "weft/Core/Scalar.h"
#include "weft/Core/Shape.h"
#include "weft/Core/Status.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft {

namespace runtime {
class Storage;
}

/// What a node computes: one enumerator for each op of the dialect that the
/// tracer records (generated from Ops.td and StructuredOps.td), and `leaf`, a
/// tensor whose elements exist.
enum class OpKind : uint8_t {
  leaf,
#define WEFT_OP(mnemonic) mnemonic,
#include "weft/IR/OpKinds.inc"
#undef WEFT_OP
};

std::string_view name(OpKind kind);

struct Node;

/// Guards what an evaluation changes in nodes: `storage` and `inputs`.
std::mutex &graph_mutex();

/// A counted reference to a Node. Graphs of any depth are destroyed without
/// recursion.
class NodePtr {
public:
  NodePtr() = default;
  explicit NodePtr(Node *node); // takes a reference
  NodePtr(const NodePtr &other);
  NodePtr(NodePtr &&other) noexcept : node_(std::exchange(other.node_, {})) {}
  NodePtr &operator=(NodePtr other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~NodePtr();

  Node *get() const { return node_; }
  Node *operator->() const { return node_; }
  Node &operator*() const { return *node_; }
  explicit operator bool() const { return node_; }
  friend bool operator==(const NodePtr &, const NodePtr &) = default;

private:
  friend struct Node;
  Node *node_ = nullptr;
};

/// An input of a node: another node, or a number of the node's own (scalars
/// are arguments of a node, not nodes).
struct Operand {
  NodePtr node;  // null: the scalar counts
  Scalar scalar; // already fits the type of the other operands
  DType scalar_type = DType::float32;

  bool is_scalar() const { return !node; }
};

/// Attributes of structured ops, in the order their `.td` entry lists them:
///
///   transpose      the permutation
///   slice          start of each dim, then step of each dim
///   resample       start of each dim, then step, then divisor
///   concatenate    axis
///   sum ... any    the axes, ascending; the result drops them
///   argmax argmin  axis
///   softmax        axis
///   iota           axis
///   conv           n, then n strides, n x (low, high) padding, n dilations,
///                  groups
///   maxpool        n, then n kernel sizes, n strides, n x (low, high) padding
///   avgpool        the same, then 1 if padding counts as elements
///   batch_norm     `real` = eps
///   as_strided     offset, then a stride (in elements) for each dim
struct Attributes {
  std::vector<int64_t> ints;
  double real = 0;
};

/// One recorded op. Immutable but for `storage`, which an evaluation sets once
/// under the graph lock; the inputs of an evaluated node are released then.
struct Node {
  /// Elements, once known (a leaf, or an evaluated node). Guarded by
  /// `graph_mutex()`.
  std::shared_ptr<runtime::Storage> storage;
  /// Why there is no value; later ops pass the first error on.
  Status status;
  std::vector<Operand> inputs;
  Attributes attributes;
  Shape shape;
  std::source_location location;
  /// Of a leaf that belongs to a module: what it is called there
  /// (`layer3.0.conv2.weight`). Shared with copies of the module.
  std::shared_ptr<const std::string> parameter_name;
  OpKind kind = OpKind::leaf;
  DType dtype = DType::float32;
  Device device;
  bool is_parameter = false;
  /// Of a leaf without storage that stands for input number i of an
  /// Executable being traced; -1 for all others.
  int32_t placeholder = -1;
  /// A parameter that holds its initial 0, 1, 2, ... because nobody loaded it.
  bool is_unloaded = false;
  bool warned_unloaded = false; // guarded by `graph_mutex()`
  /// This node, or one it depends on, is a parameter whose elements were not
  /// there when the node was recorded: an evaluation has to make them first.
  bool awaits_parameters = false;

  bool failed() const { return !status.ok(); }

private:
  friend class NodePtr;
  mutable std::atomic<uint32_t> references_{0};
};

} // namespace weft
