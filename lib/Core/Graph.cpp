// SPDX-License-Identifier: Apache-2.0
// The memory of nodes, destroying graphs of any depth with a bounded stack, and
// numbers for what graphs compute.
#include "weft/Core/Graph.h"

#include <bit>
#include <memory>

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

uint64_t Visits::next_ = 1;

// ---- memory -----------------------------------------------------------------

namespace {

/// Memory that each thread keeps of nodes that it destroyed, for those that it
/// makes next: a function traced again and again makes the same nodes, and for
/// more of one size than malloc has at hand it takes its time. Each block is an
/// allocation, so that another thread may give it back.
class NodeMemory {
public:
  /// Sizes are told apart in steps; a node of several inputs fits.
  static constexpr size_t kStep = 32, kKinds = 20;
  static size_t kindOf(size_t bytes) { return (bytes + kStep - 1) / kStep; }

  /// Of kind 0, and of any that is too large, comes from and goes to malloc.
  static void *take(size_t kind);
  static void give(void *memory, size_t kind);

private:
  /// Half a megabyte of most nodes.
  static constexpr size_t kMost = 2048;
  struct Block {
    Block *next;
  };

  NodeMemory() = default;
  ~NodeMemory();
  /// Null when the thread has destroyed its own: tensors may outlive that.
  static NodeMemory *ofThread();

  Block *blocks_[kKinds] = {};
  size_t count_ = 0;
};

/// Says so after the end of the thread's NodeMemory, having no destructor.
constinit thread_local bool isNodeMemoryGone = false;

NodeMemory *NodeMemory::ofThread() {
  if (isNodeMemoryGone)
    return nullptr;
  static thread_local NodeMemory memory;
  return &memory;
}

NodeMemory::~NodeMemory() {
  isNodeMemoryGone = true;
  for (Block *block : blocks_)
    while (block)
      ::operator delete(std::exchange(block, block->next));
}

void *NodeMemory::take(size_t kind) {
  NodeMemory *own = kind < kKinds ? ofThread() : nullptr;
  if (!own || !own->blocks_[kind])
    return ::operator new(kind * kStep);
  --own->count_;
  return std::exchange(own->blocks_[kind], own->blocks_[kind]->next);
}

void NodeMemory::give(void *memory, size_t kind) {
  NodeMemory *own = kind && kind < kKinds ? ofThread() : nullptr;
  if (!own || own->count_ == kMost)
    return ::operator delete(memory);
  ++own->count_;
  own->blocks_[kind] = new (memory) Block{own->blocks_[kind]};
}

} // namespace

// The node, its inputs, its integers.
static_assert(sizeof(Node) % alignof(Operand) == 0 &&
              sizeof(Operand) % alignof(int64_t) == 0 &&
              alignof(Node) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

NodePtr Node::make(OpKind kind, size_t num_inputs,
                   std::span<const int64_t> ints) {
  const size_t block = NodeMemory::kindOf(
      sizeof(Node) + num_inputs * sizeof(Operand) + ints.size_bytes());
  Node *node = new (NodeMemory::take(block)) Node;
  node->block_ = static_cast<uint8_t>(block < NodeMemory::kKinds ? block : 0);
  auto *inputs = reinterpret_cast<Operand *>(node + 1);
  std::uninitialized_default_construct_n(inputs, num_inputs);
  auto *own = reinterpret_cast<int64_t *>(inputs + num_inputs);
  std::uninitialized_copy(ints.begin(), ints.end(), own);
  node->kind = kind;
  node->inputs = {inputs, num_inputs};
  node->attributes.ints = {own, ints.size()};
  node->references_.store(1, std::memory_order_relaxed);
  NodePtr made;
  made.node_ = node;
  return made;
}

Node::~Node() { std::destroy(inputs.begin(), inputs.end()); }

void Node::operator delete(Node *node, std::destroying_delete_t) {
  const size_t block = node->block_;
  node->~Node();
  NodeMemory::give(node, block);
}

std::vector<NodePtr> Node::settle(std::shared_ptr<runtime::Storage> elements) {
  std::vector<NodePtr> released;
  released.reserve(inputs.size());
  for (Operand &input : inputs)
    released.push_back(std::move(input.node));
  inputs = {}; // what is left of them needs no destructor
  storage = std::move(elements);
  awaits_parameters.store(false, std::memory_order_release);
  signature.store(0, std::memory_order_relaxed);
  return released;
}

void Node::destroy(Node *node) {
  // Deleting a node would drop its inputs, and so delete theirs: they are
  // dropped here, one node after the other.
  node->next_unreferenced_ = nullptr;
  while (node) {
    Node *next = node->next_unreferenced_;
    for (Operand &input : node->inputs) {
      Node *below = std::exchange(input.node.node_, nullptr);
      if (!below || !below->drop())
        continue;
      below->next_unreferenced_ = next;
      next = below;
    }
    delete node;
    node = next;
  }
}

// ---- signatures -------------------------------------------------------------

namespace {

/// Mixes words into one. Not made against an adversary: who finds a graph by
/// its signature compares it in full.
class Mixer {
public:
  void add(uint64_t first, uint64_t second) {
    const unsigned __int128 product =
        static_cast<unsigned __int128>(mixed_ ^ first ^ 0x9e3779b97f4a7c15) *
        (second ^ 0xd6e8feb86659fd93);
    mixed_ =
        static_cast<uint64_t>(product >> 64) ^ static_cast<uint64_t>(product);
  }
  void add(std::span<const int64_t> values) {
    auto word = [&](size_t i) {
      return i < values.size() ? static_cast<uint64_t>(values[i]) : 0;
    };
    for (size_t i = 0; i < values.size(); i += 2)
      add(word(i), word(i + 1));
  }
  /// Never 0.
  uint64_t result() const { return mixed_ | 1; }

private:
  uint64_t mixed_ = 0;
};

} // namespace

static void addType(Mixer &mixer, const Node &node) {
  mixer.add(static_cast<uint64_t>(node.dtype) |
                static_cast<uint64_t>(node.is_parameter) << 8,
            node.shape.size());
  mixer.add({node.shape.begin(), node.shape.end()});
}

static uint64_t signatureOf(const Node &node) {
  // A parameter's elements are made before anything is computed from it.
  uint64_t known = node.signature.load(std::memory_order_relaxed);
  if (known && !node.is_parameter)
    return known;
  Mixer mixer;
  addType(mixer, node);
  return mixer.result();
}

void Node::sign() {
  Mixer mixer;
  mixer.add(static_cast<uint64_t>(kind) | inputs.size() << 8,
            std::bit_cast<uint64_t>(attributes.real));
  addType(mixer, *this);
  for (const Operand &input : inputs)
    mixer.add(input.node ? signatureOf(*input.node) : 0, 0);
  mixer.add(attributes.ints);
  signature.store(mixer.result(), std::memory_order_relaxed);
}

} // namespace weft
