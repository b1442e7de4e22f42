// SPDX-License-Identifier: Apache-2.0
// Normalises a recorded graph and writes its key.
#include "Program.h"

#include "runtime/Storage.h"
#include "weft/Runtime.h"

#include "absl/container/flat_hash_map.h"

namespace weft::compiler {
namespace {

/// Numbers that kernels may know: they enable rewrites and are few.
bool isCommonConstant(Scalar scalar) {
  double value = scalar.to_double();
  return value == 0 || value == 1 || value == -1;
}

/// Appends fields to a key.
class KeyWriter {
public:
  explicit KeyWriter(std::string &key) : key_(key) {}

  template <typename T> void number(T value) {
    key_.append(reinterpret_cast<const char *>(&value), sizeof(value));
  }
  void numbers(std::span<const int64_t> values) {
    number(static_cast<uint16_t>(values.size()));
    key_.append(reinterpret_cast<const char *>(values.data()),
                values.size_bytes());
  }
  void type(DType dtype, const Shape &shape) {
    number(dtype);
    numbers({shape.begin(), shape.end()});
  }
  void scalar(const Scalar &scalar) {
    number(scalar.kind());
    if (scalar.kind() == Scalar::Kind::real)
      number(scalar.to_double());
    else
      number(scalar.to_int64());
  }
  void operand(const ProgramOperand &operand) {
    number(operand.kind);
    number(operand.index);
    number(operand.scalarType);
    if (operand.kind == ProgramOperand::Kind::constant)
      scalar(operand.constant);
  }
  void attributes(const Attributes &attributes) {
    numbers(attributes.ints);
    number(attributes.real);
  }

private:
  std::string &key_;
};

class Capturer {
public:
  explicit Capturer(Capture &capture) : out_(capture), key_(capture.key) {}

  /// Finds leaves, numbers and the order of ops; writes the key.
  void traverse(std::span<const NodePtr> roots) {
    values_.reserve(512);
    for (const NodePtr &root : roots) {
      key_.number(root->device.kind);
      key_.number(root->device.index);
      // A library's primitives are made for a number of threads.
      key_.number(root->device.is_cpu() ? num_threads() : 0);
    }
    for (const NodePtr &root : roots)
      visit(root);
    for (const NodePtr &root : roots)
      key_.number(values_.at(root.get()).value);
  }

  Program program(std::span<const NodePtr> roots) const {
    Program program;
    for (const NodePtr &leaf : out_.leaves)
      program.inputs.push_back(
          {leaf->dtype, leaf->shape, leaf->is_parameter,
           leaf->parameter_name ? *leaf->parameter_name : std::string()});
    program.scalars = scalarTypes_;
    int32_t numScalars = 0;
    for (const Node *node : ops_)
      program.ops.push_back(makeOp(*node, numScalars));
    for (const NodePtr &root : roots)
      program.outputs.push_back(
          numbered(values_.at(root.get()).value, program));
    // Inputs are numbered first, so op values follow all of them.
    for (ProgramOp &op : program.ops)
      for (ProgramOperand &operand : op.operands)
        if (operand.kind == ProgramOperand::Kind::value)
          operand.index = numbered(operand.index, program);
    return program;
  }

private:
  struct Value {
    int32_t value;      // input number, or -1 - op number
    bool parameterOnly; // depends on parameters and nothing else
  };

  static int32_t numbered(int32_t value, const Program &program) {
    return value < 0 ? static_cast<int32_t>(program.inputs.size()) - 1 - value
                     : value;
  }

  static bool isLeaf(const Node &node) {
    return node.storage || node.kind == OpKind::leaf;
  }

  /// Depth first, without recursion: graphs may be very deep.
  void visit(const NodePtr &root) {
    std::vector<std::pair<const NodePtr *, size_t>> stack = {{&root, 0}};
    while (!stack.empty()) {
      auto &[node, next] = stack.back();
      if (next == 0 && values_.contains(node->get())) {
        stack.pop_back();
        continue;
      }
      if (!isLeaf(**node) && next < (*node)->inputs.size()) {
        const Operand &operand = (*node)->inputs[next++];
        if (!operand.is_scalar() && !values_.contains(operand.node.get()))
          stack.push_back({&operand.node, 0});
        continue;
      }
      if (isLeaf(**node))
        addLeaf(*node);
      else
        addOp(**node);
      stack.pop_back();
    }
  }

  void addLeaf(const NodePtr &node) {
    key_.number(OpKind::leaf);
    key_.type(node->dtype, node->shape);
    key_.number(node->is_parameter);
    auto number = static_cast<int32_t>(out_.leaves.size());
    out_.leaves.push_back(node);
    out_.storages.push_back(node->storage);
    values_[node.get()] = {number, node->is_parameter};
  }

  void addOp(const Node &node) {
    key_.number(node.kind);
    key_.type(node.dtype, node.shape);
    key_.number(static_cast<uint32_t>(node.inputs.size()));
    bool parameterOnly = isParameterOnly(node);
    auto numScalars = static_cast<int32_t>(out_.scalars.size());
    for (const Operand &operand : node.inputs) {
      ProgramOperand made = makeOperand(operand, parameterOnly, numScalars);
      key_.operand(made);
      if (made.kind != ProgramOperand::Kind::argument)
        continue;
      out_.scalars.push_back(operand.scalar);
      scalarTypes_.push_back(operand.scalar_type);
    }
    key_.attributes(node.attributes);
    values_[&node] = {-1 - static_cast<int32_t>(ops_.size()), parameterOnly};
    ops_.push_back(&node);
  }

  bool isParameterOnly(const Node &node) const {
    bool parameters = false;
    for (const Operand &operand : node.inputs) {
      if (operand.is_scalar())
        continue;
      if (!values_.at(operand.node.get()).parameterOnly)
        return false;
      parameters = true;
    }
    return parameters;
  }

  ProgramOp makeOp(const Node &node, int32_t &numScalars) const {
    ProgramOp op{node.kind, node.dtype,      node.shape,
                 {},        node.attributes, node.location};
    bool parameterOnly = values_.at(&node).parameterOnly;
    for (const Operand &operand : node.inputs)
      op.operands.push_back(makeOperand(operand, parameterOnly, numScalars));
    return op;
  }

  /// `numScalars`: of the numbers of the call so far.
  ProgramOperand makeOperand(const Operand &operand, bool parameterOnly,
                             int32_t &numScalars) const {
    if (!operand.is_scalar())
      return {ProgramOperand::Kind::value,
              values_.at(operand.node.get()).value,
              {},
              operand.scalar_type};
    if (parameterOnly || isCommonConstant(operand.scalar))
      return {ProgramOperand::Kind::constant, 0, operand.scalar,
              operand.scalar_type};
    return {
        ProgramOperand::Kind::argument, numScalars++, {}, operand.scalar_type};
  }

  Capture &out_;
  KeyWriter key_;
  std::vector<const Node *> ops_;
  std::vector<DType> scalarTypes_;
  absl::flat_hash_map<const Node *, Value> values_; // only looked up
};

} // namespace

Capture capture(std::span<const NodePtr> roots,
                llvm::function_ref<bool(const std::string &key)> isKnown) {
  Capture result;
  {
    std::lock_guard<std::mutex> lock(graph_mutex());
    Capturer capturer(result);
    capturer.traverse(roots);
    if (isKnown(result.key))
      return result;
    result.program = capturer.program(roots);
  }
  orderOps(result.program);
  return result;
}

std::string keyOf(const Program &program) {
  std::string text;
  KeyWriter key(text);
  key.number(static_cast<uint32_t>(program.inputs.size()));
  for (const ProgramInput &input : program.inputs) {
    key.type(input.dtype, input.shape);
    key.number(input.isParameter);
  }
  key.number(static_cast<uint32_t>(program.ops.size()));
  for (const ProgramOp &op : program.ops) {
    key.number(op.kind);
    key.type(op.dtype, op.shape);
    key.number(static_cast<uint32_t>(op.operands.size()));
    for (const ProgramOperand &operand : op.operands)
      key.operand(operand);
    key.attributes(op.attributes);
  }
  key.number(static_cast<uint32_t>(program.outputs.size()));
  for (int32_t output : program.outputs)
    key.number(output);
  return text;
}

} // namespace weft::compiler
