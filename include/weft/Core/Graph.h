// SPDX-License-Identifier: Apache-2.0
// The recorded graph: what a lazy tensor points to. lib/Tensor builds it,
// lib/Compiler reads it.
#pragma once

#include "weft/Core/DType.h"
#include "weft/Core/Device.h"
#include "weft/Core/Scalar.h"
#include "weft/Core/Shape.h"
#include "weft/Core/Status.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
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
  NodePtr(const NodePtr &other) : NodePtr(other.node_) {}
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
  std::span<const int64_t> ints; // held by the node, or by who makes one
  double real = 0;
};

/// One recorded op. Immutable but for what an evaluation sets once, under the
/// graph lock: its elements. Its inputs are released then.
///
/// A node and its lists are one allocation, at the start of a cache line.
/// Recording and evaluating read the second line and the shape of every node,
/// and of ops the inputs, which follow.
struct Node {
  /// A leaf.
  Node() = default;
  Node(const Node &) = delete;
  Node &operator=(const Node &) = delete;
  ~Node();
  static void operator delete(Node *node, std::destroying_delete_t);
  /// A node of an op with a copy of `ints`; who made it fills in the inputs and
  /// the rest, and signs it.
  static NodePtr make(OpKind kind, size_t num_inputs,
                      std::span<const int64_t> ints = {});

  /// Notes what the node computes: see `signature`.
  void sign();
  /// Gives an op its elements. Returns the inputs, which it no longer needs:
  /// they are to be destroyed outside of the lock, which the caller holds.
  std::vector<NodePtr> settle(std::shared_ptr<runtime::Storage> elements);

  bool failed() const { return !status.ok(); }
  /// Nothing has to be computed: the elements are there, or are an input's.
  bool is_leaf() const { return storage || kind == OpKind::leaf; }

  std::source_location location;
  /// Of a leaf that belongs to a module: what it is called there
  /// (`layer3.0.conv2.weight`). Shared with copies of the module.
  std::shared_ptr<const std::string> parameter_name;
  /// Why there is no value; later ops pass the first error on.
  Status status;
  Attributes attributes;

  // The second line.
  /// Elements, once known (a leaf, or an evaluated node). Guarded by
  /// `graph_mutex()`.
  std::shared_ptr<runtime::Storage> storage;
  /// Of an op: a number for what it computes from leaves of what types. Equal
  /// graphs have equal numbers, others seldom. 0 of leaves and evaluated nodes.
  std::atomic<uint64_t> signature{0};
  mutable uint64_t visit = 0; // of `Visits`
  /// Of a leaf without storage that stands for input number i of an
  /// Executable being traced; -1 for all others.
  int32_t placeholder = -1;
  OpKind kind = OpKind::leaf;
  DType dtype = DType::float32;
  Device device;
  bool is_parameter = false;
  /// A parameter that holds its initial 0, 1, 2, ... because nobody loaded it.
  bool is_unloaded = false;
  bool warned_unloaded = false; // guarded by `graph_mutex()`
  /// This node, or one it depends on, is a parameter whose elements were not
  /// there when the node was recorded: an evaluation has to make them first.
  /// Not so any more once the node has its own.
  std::atomic<bool> awaits_parameters{false};

private:
  friend class NodePtr;
  /// Gives a reference back. Whether it was the last.
  bool drop();
  static void destroy(Node *node);
  /// The signature of what reads the node.
  uint64_t signatureOfValue() const;

  std::atomic<uint32_t> references_{0};
  uint8_t block_ = 0, lead_ = 0;      // the memory it lies in: see Graph.cpp
  Node *next_unreferenced_ = nullptr; // while a graph is destroyed
  mutable std::atomic<uint64_t> type_{0}; // a number for it once asked for

public:
  Shape shape;
  std::span<Operand> inputs; // guarded by `graph_mutex()`
};

/// The nodes that a walk over graphs has come to, with a number for each.
/// Nodes are marked with numbers that no walk before has used, so that nothing
/// has to be cleared. Who walks holds `graph_mutex()`.
class Visits {
public:
  bool contains(const Node &node) const { return node.visit >= first_; }
  void add(const Node &node, uint64_t number = 0) {
    node.visit = first_ + number;
    next_ = std::max(next_, node.visit + 1);
  }
  /// Of a node that has been added.
  uint64_t operator[](const Node &node) const { return node.visit - first_; }

private:
  static uint64_t next_; // that no node is marked with

  const uint64_t first_ = next_;
};

inline NodePtr::NodePtr(Node *node) : node_(node) {
  if (node_)
    node_->references_.fetch_add(1, std::memory_order_relaxed);
}

inline NodePtr::~NodePtr() {
  if (node_ && node_->drop())
    Node::destroy(node_);
}

inline bool Node::drop() {
  // Nobody else can take a reference while ours is the only one.
  return references_.load(std::memory_order_acquire) == 1 ||
         references_.fetch_sub(1, std::memory_order_acq_rel) == 1;
}

} // namespace weft
