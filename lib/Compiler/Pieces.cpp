// SPDX-License-Identifier: Apache-2.0
// Programs cut into pieces that are compiled one by one.
#include "Pieces.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <optional>

namespace weft::compiler {
namespace {

/// Fewer equal steps are more likely written by hand than recorded by a loop.
constexpr size_t kFewestSteps = 16;
/// What one kernel may hold: cutting here costs nothing.
constexpr size_t kMostOpsOfSteps = 128;
/// Nets are shorter; beyond, time and memory of a compilation would grow
/// without bound.
constexpr size_t kMostOps = 2048;

/// Decides where pieces begin.
class Cutter {
public:
  explicit Cutter(const Program &program)
      : program_(program),
        numInputs_(static_cast<int32_t>(program.inputs.size())),
        inLoop_(program.ops.size(), false), begins_(program.ops.size(), false) {
    for (const ProgramOp &op : program.ops)
      kinds_.push_back(op.kind);
  }

  /// The first op of every piece, and the number of ops.
  std::vector<size_t> run() {
    const size_t numOps = program_.ops.size();
    const size_t longest = std::min(kMostOpsOfSteps, numOps / kFewestSteps);
    for (size_t period = 1; period <= longest; ++period)
      findLoops(period);
    std::vector<size_t> begins = {0};
    for (size_t i = 1; i < numOps; ++i)
      if (begins_[i] || i - begins.back() == kMostOps)
        begins.push_back(i);
    begins.push_back(numOps);
    return begins;
  }

private:
  /// Whether op `i` is to one step of a loop what op `i + period` is to the
  /// next.
  bool repeats(size_t i, size_t period) const {
    if (kinds_[i] != kinds_[i + period] || inLoop_[i] || inLoop_[i + period])
      return false;
    const ProgramOp &a = program_.ops[i], &b = program_.ops[i + period];
    if (a.dtype != b.dtype || a.shape != b.shape ||
        a.operands.size() != b.operands.size() || a.ints != b.ints ||
        a.real != b.real)
      return false;
    for (size_t k = 0; k < a.operands.size(); ++k)
      if (!repeats(a.operands[k], b.operands[k], static_cast<int32_t>(period)))
        return false;
    return true;
  }

  bool repeats(const ProgramOperand &a, const ProgramOperand &b,
               int32_t period) const {
    if (a.kind != b.kind || a.scalarType != b.scalarType)
      return false;
    if (a.kind == ProgramOperand::Kind::constant)
      return a.constant.kind() == b.constant.kind() &&
             a.constant.to_double() == b.constant.to_double();
    // A value from outside, or the one that the step before has made.
    if (a.kind == ProgramOperand::Kind::argument || a.index == b.index)
      return true;
    if (a.index >= numInputs_ && b.index >= numInputs_)
      return b.index - a.index == period;
    return a.index < numInputs_ && b.index < numInputs_ &&
           mayReplace(program_.inputs[static_cast<size_t>(a.index)],
                      program_.inputs[static_cast<size_t>(b.index)]);
  }

  /// A step may take other inputs than the one before, but no other parameters:
  /// layers with parameters of their own are a net, not a loop, unless there
  /// are too many of them.
  bool mayReplace(const ProgramInput &a, const ProgramInput &b) const {
    return a.dtype == b.dtype && a.shape == b.shape &&
           a.isParameter == b.isParameter &&
           (!a.isParameter || program_.ops.size() > kMostOps);
  }

  void findLoops(size_t period) {
    const size_t numOps = program_.ops.size();
    size_t begin = 0;
    for (size_t i = 0; i + period <= numOps; ++i) {
      if (i + period < numOps && repeats(i, period))
        continue;
      size_t steps = (i + period - begin) / period;
      if (steps >= kFewestSteps)
        cutLoop(begin, steps, period);
      begin = i + 1;
    }
  }

  /// Into as many of the longest pieces as there are, then shorter ones.
  void cutLoop(size_t begin, size_t steps, size_t period) {
    std::fill_n(inLoop_.begin() + static_cast<ptrdiff_t>(begin), steps * period,
                true);
    size_t length = std::bit_floor(kMostOpsOfSteps / period);
    for (; steps > 0; length /= 2)
      for (; steps >= length; steps -= length, begin += length * period)
        begins_[begin] = true;
    if (begin < begins_.size())
      begins_[begin] = true;
  }

  const Program &program_;
  const int32_t numInputs_;
  std::vector<OpKind> kinds_; // of each op
  std::vector<bool> inLoop_, begins_;
};

/// Makes programs of ops that follow each other.
class Splitter {
public:
  explicit Splitter(const Program &program)
      : program_(program), numInputs_(program.inputs.size()),
        lastUse_(program.ops.size(), 0), local_(numInputs_ + lastUse_.size()) {
    for (size_t i = 0; i < program.ops.size(); ++i)
      for (const ProgramOperand &operand : program.ops[i].operands)
        if (auto value = valueOf(operand); value && *value >= numInputs_)
          lastUse_[*value - numInputs_] = i;
    for (int32_t output : program.outputs)
      if (auto value = static_cast<size_t>(output); value >= numInputs_)
        lastUse_[value - numInputs_] = program.ops.size();
  }

  Piece piece(size_t begin, size_t end) {
    Piece piece;
    for (size_t i = begin; i < end; ++i)
      for (const ProgramOperand &operand : program_.ops[i].operands)
        if (auto value = valueOf(operand);
            value && (*value < numInputs_ + begin))
          addInput(piece, *value, begin);
    for (size_t i = begin; i < end; ++i)
      addOp(piece, i, begin);
    return finish(std::move(piece), begin, end);
  }

private:
  /// A value's number in the piece that begins with op `begin`.
  struct Local {
    size_t begin = SIZE_MAX;
    int32_t number = 0;
  };

  static std::optional<size_t> valueOf(const ProgramOperand &operand) {
    if (operand.kind != ProgramOperand::Kind::value)
      return std::nullopt;
    return static_cast<size_t>(operand.index);
  }

  void addInput(Piece &piece, size_t value, size_t begin) {
    if (local_[value].begin == begin)
      return;
    local_[value] = {begin, static_cast<int32_t>(piece.inputs.size())};
    piece.inputs.push_back(static_cast<int32_t>(value));
    if (value < numInputs_) {
      piece.program.inputs.push_back(program_.inputs[value]);
      return;
    }
    const ProgramOp &op = program_.ops[value - numInputs_];
    piece.program.inputs.push_back({op.dtype, op.shape, false, {}});
  }

  void addOp(Piece &piece, size_t number, size_t begin) {
    ProgramOp op = program_.ops[number];
    for (ProgramOperand &operand : op.operands) {
      if (auto value = valueOf(operand))
        operand.index = local_[*value].number;
      if (operand.kind != ProgramOperand::Kind::argument)
        continue;
      piece.scalars.push_back(operand.index);
      piece.program.scalars.push_back(
          program_.scalars[static_cast<size_t>(operand.index)]);
      operand.index = static_cast<int32_t>(piece.program.scalars.size()) - 1;
    }
    local_[numInputs_ + number] = {
        begin,
        static_cast<int32_t>(piece.inputs.size() + piece.program.ops.size())};
    piece.program.ops.push_back(std::move(op));
  }

  Piece finish(Piece piece, size_t begin, size_t end) const {
    for (size_t i = begin; i < end; ++i)
      if (lastUse_[i] >= end) {
        piece.outputs.push_back(static_cast<int32_t>(numInputs_ + i));
        piece.program.outputs.push_back(local_[numInputs_ + i].number);
      }
    return piece;
  }

  const Program &program_;
  const size_t numInputs_;
  std::vector<size_t> lastUse_; // of each op: the op that reads it last
  std::vector<Local> local_;    // of each value
};

} // namespace

/// 0, 1, 2, ...
static std::vector<int32_t> allOf(size_t count) {
  std::vector<int32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

std::vector<Piece> cut(Program program) {
  std::vector<size_t> begins = Cutter(program).run();
  std::vector<Piece> pieces;
  if (begins.size() <= 2) {
    std::vector<int32_t> inputs = allOf(program.inputs.size()),
                         outputs = program.outputs,
                         scalars = allOf(program.scalars.size());
    pieces.push_back({std::move(program), std::move(inputs), std::move(outputs),
                      std::move(scalars)});
    return pieces;
  }
  Splitter splitter(program);
  for (size_t i = 0; i + 1 < begins.size(); ++i)
    pieces.push_back(splitter.piece(begins[i], begins[i + 1]));
  return pieces;
}

} // namespace weft::compiler
