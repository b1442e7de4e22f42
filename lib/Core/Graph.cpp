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
  /// A cache line, at which blocks begin, and by which sizes are told apart.
  static constexpr size_t kLine = 64;
  static constexpr size_t kKinds = 12; // a node of several inputs fits

  struct Block {
    void *memory;
    uint8_t kind; // lines, or 0 if it is too large to be kept
    uint8_t lead; // how far behind the start of the allocation, in kUnit
  };
  static Block take(size_t bytes);
  static void give(Block block);

private:
  static constexpr size_t kUnit = __STDCPP_DEFAULT_NEW_ALIGNMENT__;
  /// Half a megabyte of most nodes.
  static constexpr size_t kMost = 2048;
  struct Free {
    Block block;
    Free *next;
  };

  NodeMemory() = default;
  ~NodeMemory();
  /// Null when the thread has destroyed its own: tensors may outlive that.
  static NodeMemory *ofThread();
  static void free(Block block) {
    ::operator delete(static_cast<std::byte *>(block.memory) -
                      block.lead * kUnit);
  }

  Free *free_[kKinds] = {};
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
  for (Free *block : free_)
    while (block)
      free(std::exchange(block, block->next)->block);
}

NodeMemory::Block NodeMemory::take(size_t bytes) {
  const size_t kind = (bytes + kLine - 1) / kLine;
  NodeMemory *own = kind < kKinds ? ofThread() : nullptr;
  if (own && own->free_[kind]) {
    --own->count_;
    return std::exchange(own->free_[kind], own->free_[kind]->next)->block;
  }
  auto *start =
      static_cast<std::byte *>(::operator new(kind * kLine + kLine - kUnit));
  const size_t lead = -reinterpret_cast<uintptr_t>(start) % kLine;
  return {start + lead, static_cast<uint8_t>(kind < kKinds ? kind : 0),
          static_cast<uint8_t>(lead / kUnit)};
}

void NodeMemory::give(Block block) {
  NodeMemory *own = block.kind ? ofThread() : nullptr;
  if (!own || own->count_ == kMost)
    return free(block);
  ++own->count_;
  own->free_[block.kind] =
      new (block.memory) Free{block, own->free_[block.kind]};
}

} // namespace

// The node, its inputs, its integers.
static_assert(sizeof(Node) % alignof(Operand) == 0 &&
              sizeof(Operand) % alignof(int64_t) == 0 &&
              alignof(Node) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

NodePtr Node::make(OpKind kind, size_t num_inputs,
                   std::span<const int64_t> ints) {
  const NodeMemory::Block block = NodeMemory::take(
      sizeof(Node) + num_inputs * sizeof(Operand) + ints.size_bytes());
  Node *node = new (block.memory) Node;
  node->block_ = block.kind;
  node->lead_ = block.lead;
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
  const NodeMemory::Block block{node, node->block_, node->lead_};
  node->~Node();
  NodeMemory::give(block);
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

uint64_t Node::signatureOfValue() const {
  // A parameter's elements are made before anything is computed from it.
  if (!is_parameter)
    if (uint64_t known = signature.load(std::memory_order_relaxed))
      return known;
  uint64_t type = type_.load(std::memory_order_relaxed);
  if (!type) {
    Mixer mixer;
    addType(mixer, *this);
    type = mixer.result();
    type_.store(type, std::memory_order_relaxed);
  }
  return type;
}

void Node::sign() {
  Mixer mixer;
  mixer.add(static_cast<uint64_t>(kind) | inputs.size() << 8,
            std::bit_cast<uint64_t>(attributes.real));
  addType(mixer, *this);
  for (const Operand &input : inputs)
    mixer.add(input.node ? input.node->signatureOfValue() : 0, 0);
  mixer.add(attributes.ints);
  signature.store(mixer.result(), std::memory_order_relaxed);
}

} // namespace weft
