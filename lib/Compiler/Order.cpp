// SPDX-License-Identifier: Apache-2.0
// The order of the ops of a captured program.
#include "Program.h"

#include <algorithm>
#include <optional>

namespace weft::compiler {
namespace {

class Orderer {
public:
  explicit Orderer(Program &program)
      : program_(program), numInputs_(program.inputs.size()) {}

  void run() {
    if (isOrdered())
      return;
    for (int32_t output : program_.outputs)
      visit(output);
    std::vector<ProgramOp> ops;
    for (size_t op : order_)
      ops.push_back(std::move(program_.ops[op]));
    for (ProgramOp &op : ops)
      for (ProgramOperand &operand : op.operands)
        if (operand.kind == ProgramOperand::Kind::value)
          renumber(operand.index);
    for (int32_t &output : program_.outputs)
      renumber(output);
    program_.ops = std::move(ops);
  }

private:
  /// The op that makes the operand, if one does.
  std::optional<size_t> opOf(const ProgramOperand &operand) const {
    auto number = static_cast<size_t>(operand.index);
    if (operand.kind != ProgramOperand::Kind::value || number < numInputs_)
      return std::nullopt;
    return number - numInputs_;
  }

  /// Measures every op: the first operand that an op makes shall be the one
  /// with the longest way to the inputs.
  bool isOrdered() {
    bool ordered = true;
    for (const ProgramOp &op : program_.ops) {
      int32_t first = -1, height = 0;
      for (const ProgramOperand &operand : op.operands)
        if (std::optional<size_t> below = opOf(operand)) {
          first = first < 0 ? heights_[*below] : first;
          height = std::max(height, heights_[*below] + 1);
        }
      ordered &= height <= first + 1;
      heights_.push_back(height);
    }
    return ordered;
  }

  std::optional<size_t> highest(const ProgramOp &op) const {
    std::optional<size_t> found;
    for (const ProgramOperand &operand : op.operands)
      if (std::optional<size_t> below = opOf(operand);
          below && (!found || heights_[*below] > heights_[*found]))
        found = below;
    return found;
  }

  /// Depth first, without recursion: graphs may be very deep.
  void visit(int32_t value) {
    struct Frame {
      size_t op, next; // 0: the highest operand; then all in order
    };
    numbers_.resize(program_.ops.size(), -1);
    std::vector<Frame> stack;
    auto enter = [&](std::optional<size_t> op) {
      if (op && numbers_[*op] < 0)
        stack.push_back({*op, 0});
    };
    enter(opOf({ProgramOperand::Kind::value, value, {}, {}}));
    while (!stack.empty()) {
      auto [number, next] = stack.back();
      const ProgramOp &op = program_.ops[number];
      ++stack.back().next;
      if (next == 0) {
        enter(highest(op));
      } else if (next <= op.operands.size()) {
        enter(opOf(op.operands[next - 1]));
      } else {
        stack.pop_back();
        numbers_[number] = static_cast<int32_t>(order_.size());
        order_.push_back(number);
      }
    }
  }

  void renumber(int32_t &value) const {
    if (auto number = static_cast<size_t>(value); number >= numInputs_)
      value = static_cast<int32_t>(numInputs_) + numbers_[number - numInputs_];
  }

  Program &program_;
  const size_t numInputs_;
  std::vector<int32_t> heights_; // of ops: the longest way to the inputs
  std::vector<size_t> order_;    // the ops as they shall follow
  std::vector<int32_t> numbers_; // of ops in that order, -1: not visited
};

} // namespace

void orderOps(Program &program) { Orderer(program).run(); }

} // namespace weft::compiler
