// SPDX-License-Identifier: Apache-2.0
// Normalises a recorded graph and writes its key, or compares it with one.
#include "Program.h"

#include "runtime/Gpu.h"
#include "runtime/Storage.h"

#include <bit>
#include <cstring>

namespace weft::compiler {
namespace {

// ---- keys -------------------------------------------------------------------

/// Appends the words of a key.
class KeyWriter {
public:
  void word(uint64_t word) { key_.push_back(word); }
  bool isDecided() const { return false; }
  GraphKey take() { return std::move(key_); }

private:
  GraphKey key_;
};

/// Compares them with those of another key.
class KeyComparer {
public:
  explicit KeyComparer(const GraphKey &key)
      : next_(key.data()), end_(key.data() + key.size()) {}
  void word(uint64_t word) {
    if (next_ != end_ && *next_ == word)
      ++next_;
    else
      differ();
  }
  void differ() { differs_ = true; }
  bool isDecided() const { return differs_; }
  bool isEqual() const { return !differs_ && next_ == end_; }

private:
  const uint64_t *next_, *const end_;
  bool differs_ = false;
};

/// What a key says of each thing; `Key` is one of the above.
template <typename Key>
void addNode(Key &key, OpKind kind, DType dtype, const Shape &shape,
             size_t numInputs, size_t numInts) {
  key.word(static_cast<uint64_t>(kind) | static_cast<uint64_t>(dtype) << 8 |
           static_cast<uint64_t>(shape.rank()) << 16 |
           static_cast<uint64_t>(numInts) << 24 | // at most 4 a dim, and 2
           static_cast<uint64_t>(numInputs) << 32);
  for (int64_t size : shape)
    key.word(static_cast<uint64_t>(size));
}

template <typename Key>
void addLeaf(Key &key, DType dtype, const Shape &shape, bool isParameter) {
  addNode(key, OpKind::leaf, dtype, shape, isParameter, 0);
}

template <typename Key>
void addOperand(Key &key, ProgramOperand::Kind kind, uint64_t index,
                const Scalar &constant, DType scalarType) {
  using Kind = ProgramOperand::Kind;
  if (kind == Kind::value) { // a third of all words
    key.word(index << 24);
    return;
  }
  auto number = kind == Kind::constant ? constant.kind() : Scalar::Kind();
  key.word(static_cast<uint64_t>(kind) |
           static_cast<uint64_t>(scalarType) << 8 |
           static_cast<uint64_t>(number) << 16 | index << 24);
  if (kind == Kind::constant)
    key.word(number == Scalar::Kind::real || number == Scalar::Kind::large
                 ? std::bit_cast<uint64_t>(constant.to_double())
                 : static_cast<uint64_t>(constant.to_int64()));
}

template <typename Key>
void addAttributes(Key &key, std::span<const int64_t> ints, double real) {
  for (int64_t value : ints)
    key.word(static_cast<uint64_t>(value));
  key.word(std::bit_cast<uint64_t>(real));
}

// ---- the walk ---------------------------------------------------------------

/// Numbers that kernels may know: they enable rewrites and are few.
bool isCommonConstant(Scalar scalar) {
  double value = scalar.to_double();
  return value == 0 || value == 1 || value == -1;
}

/// What a number is to the program: of what meets parameters alone, a constant.
ProgramOperand::Kind kindOf(Scalar scalar, bool isParameterOnly) {
  return isParameterOnly || isCommonConstant(scalar)
             ? ProgramOperand::Kind::constant
             : ProgramOperand::Kind::argument;
}

/// Goes through a graph once, adds it to a key and collects what it works on.
template <typename Key> class Walk {
public:
  explicit Walk(Key key) : key_(std::move(key)) {
    nodes_.reserve(512);
    arguments_.storages.reserve(256);
  }

  void run(std::span<const NodePtr> roots, const CompileSettings &settings) {
    const Device device = roots.front()->device;
    const auto [tuning, float32Precision] = settings.on(device);
    // A library's primitives are made for a number of threads.
    const int threads = device.is_cpu() ? num_threads() : 0;
    key_.word(roots.size());
    key_.word(static_cast<uint64_t>(device.kind) |
              static_cast<uint64_t>(device.index) << 8 |
              static_cast<uint64_t>(tuning) << 16 |
              static_cast<uint64_t>(float32Precision) << 24 |
              static_cast<uint64_t>(threads) << 32);
    key_.word(runtime::contextOf(device)); // kernels are loaded into one
    for (const NodePtr &root : roots)
      if (!visits_.contains(*root))
        visit(*root);
    for (const NodePtr &root : roots)
      if (visits_.contains(*root)) // unless the key was decided before
        key_.word(indexOf(*root));
  }

  Key &key() { return key_; }
  /// Every node behind those that it needs.
  std::span<Node *const> nodes() const { return nodes_; }
  uint64_t indexOf(const Node &node) const { return visits_[node] / 2; }
  /// Whether it depends on parameters and nothing else.
  bool isParameterOnly(const Node &node) const { return visits_[node] % 2; }
  BorrowedArguments takeArguments() { return std::move(arguments_); }

private:
  struct Frame {
    Node *node;
    size_t next; // of its inputs
  };

  /// Depth first, without recursion: graphs may be very deep.
  void visit(Node &root) {
    if (root.is_leaf())
      return addLeaf(root);
    std::vector<Frame> stack;
    stack.reserve(64);
    stack.push_back({&root, 0});
    while (!stack.empty() && !key_.isDecided()) {
      Frame &frame = stack.back();
      if (Node *op = nextOp(frame)) {
        stack.push_back({op, 0});
        continue;
      }
      addOp(*frame.node);
      stack.pop_back();
    }
  }

  /// The next input that is an op and new; adds the leaves before it.
  Node *nextOp(Frame &frame) {
    for (; frame.next < frame.node->inputs.size(); ++frame.next) {
      Node *input = frame.node->inputs[frame.next].node.get();
      if (!input || visits_.contains(*input))
        continue;
      if (!input->is_leaf())
        return input;
      addLeaf(*input);
    }
    return nullptr;
  }

  void add(Node &node, bool isParameterOnly) {
    visits_.add(node, 2 * nodes_.size() + isParameterOnly);
    nodes_.push_back(&node);
  }

  void addLeaf(Node &node) {
    compiler::addLeaf(key_, node.dtype, node.shape, node.is_parameter);
    if constexpr (std::is_same_v<Key, KeyComparer>)
      if (node.placeholder >= 0 || (node.is_unloaded && !node.warned_unloaded))
        key_.differ();
    arguments_.storages.push_back(node.storage.get());
    add(node, node.is_parameter);
  }

  void addOp(Node &node) {
    const bool parameterOnly = usesParametersOnly(node);
    addNode(key_, node.kind, node.dtype, node.shape, node.inputs.size(),
            node.attributes.ints.size());
    for (const Operand &operand : node.inputs)
      addOperand(operand, parameterOnly);
    addAttributes(key_, node.attributes.ints, node.attributes.real);
    add(node, parameterOnly);
  }

  void addOperand(const Operand &operand, bool parameterOnly) {
    using Kind = ProgramOperand::Kind;
    if (!operand.is_scalar())
      return compiler::addOperand(key_, Kind::value, indexOf(*operand.node), {},
                                  {});
    const Kind kind = kindOf(operand.scalar, parameterOnly);
    compiler::addOperand(key_, kind, 0, operand.scalar, operand.scalar_type);
    if (kind == Kind::argument)
      arguments_.scalars.push_back(operand.scalar);
  }

  bool usesParametersOnly(const Node &node) const {
    bool parameters = false;
    for (const Operand &operand : node.inputs) {
      if (operand.is_scalar())
        continue;
      if (!isParameterOnly(*operand.node))
        return false;
      parameters = true;
    }
    return parameters;
  }

  Key key_;
  BorrowedArguments arguments_;
  std::vector<Node *> nodes_;
  Visits visits_;
};

// ---- the program ------------------------------------------------------------

/// Makes the program of a graph that has been walked.
class Programmer {
public:
  Programmer(const Walk<KeyWriter> &walk, Capture &out)
      : walk_(walk), out_(out) {}

  void run(std::span<const NodePtr> roots) {
    // Inputs are numbered first, so that the values of ops follow all of them.
    for (bool leaves : {true, false})
      for (Node *node : walk_.nodes())
        if (node->is_leaf() == leaves)
          add(*node);
    for (const NodePtr &root : roots)
      out_.program.outputs.push_back(values_[walk_.indexOf(*root)]);
  }

private:
  void add(Node &node) {
    Program &program = out_.program;
    values_.resize(walk_.nodes().size());
    values_[walk_.indexOf(node)] =
        static_cast<int32_t>(program.inputs.size() + program.ops.size());
    if (!node.is_leaf()) {
      program.ops.push_back(makeOp(node));
      return;
    }
    program.inputs.push_back(
        {node.dtype, node.shape, node.is_parameter,
         node.parameter_name ? *node.parameter_name : std::string()});
    out_.leaves.push_back(NodePtr(&node));
  }

  ProgramOp makeOp(const Node &node) {
    const std::span<const int64_t> ints = node.attributes.ints;
    ProgramOp op{node.kind,
                 node.dtype,
                 node.shape,
                 {},
                 {ints.begin(), ints.end()},
                 node.attributes.real,
                 node.location};
    for (const Operand &operand : node.inputs)
      op.operands.push_back(makeOperand(operand, walk_.isParameterOnly(node)));
    return op;
  }

  ProgramOperand makeOperand(const Operand &operand, bool parameterOnly) {
    using Kind = ProgramOperand::Kind;
    if (!operand.is_scalar())
      return {Kind::value,
              values_[walk_.indexOf(*operand.node)],
              {},
              operand.scalar_type};
    if (kindOf(operand.scalar, parameterOnly) == Kind::constant)
      return {Kind::constant, 0, operand.scalar, operand.scalar_type};
    std::vector<ProgramScalar> &scalars = out_.program.scalars;
    scalars.push_back({operand.scalar_type, operand.scalar});
    return {Kind::argument,
            static_cast<int32_t>(scalars.size()) - 1,
            {},
            operand.scalar_type};
  }

  const Walk<KeyWriter> &walk_;
  Capture &out_;
  std::vector<int32_t> values_; // of nodes in the order of the walk
};

} // namespace

Capture capture(std::span<const NodePtr> roots,
                const CompileSettings &settings) {
  Capture result;
  {
    std::lock_guard<std::mutex> lock(graph_mutex());
    Walk<KeyWriter> walk{KeyWriter()};
    walk.run(roots, settings);
    Programmer(walk, result).run(roots);
    result.key = walk.key().take();
    result.arguments.scalars = walk.takeArguments().scalars;
    for (const NodePtr &leaf : result.leaves)
      result.arguments.storages.push_back(leaf->storage);
  }
  orderOps(result.program);
  return result;
}

std::optional<BorrowedArguments> argumentsIf(const GraphKey &key,
                                             std::span<const NodePtr> roots,
                                             const CompileSettings &settings) {
  Walk<KeyComparer> walk{KeyComparer(key)};
  walk.run(roots, settings);
  if (!walk.key().isEqual())
    return std::nullopt;
  return walk.takeArguments();
}

std::string keyOf(const Program &program) {
  KeyWriter key;
  key.word(program.inputs.size());
  for (const ProgramInput &input : program.inputs)
    addLeaf(key, input.dtype, input.shape, input.isParameter);
  key.word(program.ops.size());
  for (const ProgramOp &op : program.ops) {
    addNode(key, op.kind, op.dtype, op.shape, op.operands.size(),
            op.ints.size());
    for (const ProgramOperand &operand : op.operands)
      addOperand(key, operand.kind, static_cast<uint64_t>(operand.index),
                 operand.constant, operand.scalarType);
    addAttributes(key, op.ints, op.real);
  }
  key.word(program.outputs.size());
  for (int32_t output : program.outputs)
    key.word(static_cast<uint64_t>(output));
  const GraphKey words = key.take();
  std::string text(words.size() * sizeof(uint64_t), '\0');
  std::memcpy(text.data(), words.data(), text.size());
  return text;
}

} // namespace weft::compiler
