// SPDX-License-Identifier: Apache-2.0
// Normalises a recorded graph and writes its key.
#include "Program.h"

#include "runtime/Storage.h"

#include <unordered_map>

namespace weft::compiler {
namespace {

/// Numbers that kernels may know: they enable rewrites and are few.
bool isCommonConstant(Scalar scalar) {
  double value = scalar.to_double();
  return value == 0 || value == 1 || value == -1;
}

class Capturer {
public:
  explicit Capturer(Capture &capture) : out_(capture) {}

  void run(std::span<const NodePtr> roots) {
    for (const NodePtr &root : roots)
      visit(root);
    // Inputs are numbered first, so op values follow all of them.
    auto inputs = static_cast<int32_t>(out_.program.inputs.size());
    for (ProgramOp &op : out_.program.ops)
      for (ProgramOperand &operand : op.operands)
        if (operand.kind == ProgramOperand::Kind::value && operand.index < 0)
          operand.index = inputs - 1 - operand.index;
    for (const NodePtr &root : roots) {
      int32_t value = values_.at(root.get()).value;
      out_.program.outputs.push_back(value < 0 ? inputs - 1 - value : value);
    }
  }

private:
  struct Value {
    int32_t value;      // input number, or -1 - op number
    bool parameterOnly; // depends on parameters and nothing else
  };

  static bool isLeaf(const Node &node) {
    return node.storage || node.kind == OpKind::leaf;
  }

  /// Depth first, without recursion: graphs may be very deep.
  void visit(const NodePtr &root) {
    std::vector<std::pair<const NodePtr *, size_t>> stack = {{&root, 0}};
    while (!stack.empty()) {
      auto &[node, next] = stack.back();
      if (next == 0 && values_.count(node->get())) {
        stack.pop_back();
        continue;
      }
      if (!isLeaf(**node) && next < (*node)->inputs.size()) {
        const Operand &operand = (*node)->inputs[next++];
        if (!operand.is_scalar() && !values_.count(operand.node.get()))
          stack.push_back({&operand.node, 0});
        continue;
      }
      if (isLeaf(**node))
        addInput(*node);
      else
        addOp(**node);
      stack.pop_back();
    }
  }

  void addInput(const NodePtr &node) {
    auto number = static_cast<int32_t>(out_.program.inputs.size());
    out_.program.inputs.push_back(
        {node->dtype, node->shape, node->is_parameter,
         node->parameter_name ? *node->parameter_name : std::string()});
    out_.leaves.push_back(node);
    out_.storages.push_back(node->storage);
    values_[node.get()] = {number, node->is_parameter};
  }

  void addOp(const Node &node) {
    ProgramOp op{node.kind, node.dtype,      node.shape,
                 {},        node.attributes, node.location};
    bool parameterOnly = false, others = false;
    for (const Operand &operand : node.inputs)
      if (!operand.is_scalar())
        (values_.at(operand.node.get()).parameterOnly ? parameterOnly
                                                      : others) = true;
    parameterOnly &= !others;
    for (const Operand &operand : node.inputs)
      op.operands.push_back(addOperand(operand, parameterOnly));
    auto number = static_cast<int32_t>(out_.program.ops.size());
    out_.program.ops.push_back(std::move(op));
    values_[&node] = {-1 - number, parameterOnly};
  }

  ProgramOperand addOperand(const Operand &operand, bool parameterOnly) {
    if (!operand.is_scalar())
      return {ProgramOperand::Kind::value,
              values_.at(operand.node.get()).value,
              {},
              operand.scalar_type};
    if (parameterOnly || isCommonConstant(operand.scalar))
      return {ProgramOperand::Kind::constant, 0, operand.scalar,
              operand.scalar_type};
    auto number = static_cast<int32_t>(out_.scalars.size());
    out_.scalars.push_back(operand.scalar);
    out_.program.scalars.push_back(operand.scalar_type);
    return {ProgramOperand::Kind::argument, number, {}, operand.scalar_type};
  }

  Capture &out_;
  std::unordered_map<const Node *, Value> values_; // only looked up
};

/// Writes the key: every field that decides what is compiled.
class KeyWriter {
public:
  explicit KeyWriter(std::string &key) : key_(key) {}

  template <typename T> void number(T value) {
    key_.append(reinterpret_cast<const char *>(&value), sizeof(value));
  }
  void type(DType dtype, const Shape &shape) {
    number(dtype);
    number(static_cast<uint8_t>(shape.rank()));
    for (int64_t size : shape)
      number(size);
  }
  void op(const ProgramOp &op) {
    number(op.kind);
    type(op.dtype, op.shape);
    number(static_cast<uint32_t>(op.operands.size()));
    for (const ProgramOperand &operand : op.operands) {
      number(operand.kind);
      number(operand.index);
      number(operand.scalarType);
      number(operand.constant.kind());
      number(operand.constant.to_double());
      number(operand.constant.to_int64());
    }
    number(static_cast<uint16_t>(op.attributes.ints.size()));
    for (int64_t value : op.attributes.ints)
      number(value);
    number(op.attributes.real);
  }
  void program(const Program &program) {
    number(static_cast<uint32_t>(program.inputs.size()));
    for (const ProgramInput &input : program.inputs) {
      type(input.dtype, input.shape);
      number(input.isParameter);
    }
    number(static_cast<uint32_t>(program.ops.size()));
    for (const ProgramOp &programOp : program.ops)
      op(programOp);
    number(static_cast<uint32_t>(program.outputs.size()));
    for (int32_t output : program.outputs)
      number(output);
  }

private:
  std::string &key_;
};

} // namespace

Capture capture(std::span<const NodePtr> roots) {
  Capture result;
  {
    std::lock_guard<std::mutex> lock(graph_mutex());
    Capturer(result).run(roots);
  }
  orderOps(result.program);
  return result;
}

std::string keyOf(const Program &program) {
  std::string key;
  KeyWriter(key).program(program);
  return key;
}

} // namespace weft::compiler
