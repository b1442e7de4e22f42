// SPDX-License-Identifier: Apache-2.0
// Places results of groups in one arena: the largest first, each at the lowest
// offset that no other living value covers.
#include "weft/Transforms/Passes.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <vector>

namespace weft {
#define GEN_PASS_DEF_PLANMEMORY
#include "weft/Transforms/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using namespace weft::ir;

/// What the device's allocator aligns to, and more than any vector access
/// needs.
static constexpr int64_t kAlignment = 256;

static int64_t bytesOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.getNumElements() * size_in_bytes(elementDType(value));
}

// ---- writing in place -------------------------------------------------------

/// The operand that result `result` may overwrite if it dies here, or -1.
static int inPlaceOperand(GroupOp group, unsigned result,
                          llvm::function_ref<bool(Value)> diesHere) {
  for (auto [i, operand] : llvm::enumerate(group.getInputs()))
    if (llvm::count(group.getInputs(), operand) == 1 && diesHere(operand) &&
        group.mayRunInPlace(static_cast<unsigned>(i), result))
      return static_cast<int>(i);
  return -1;
}

// ---- lifetimes --------------------------------------------------------------

namespace {
/// Values that share their memory one after the other.
struct Buffer {
  int64_t bytes;
  int first, last; // groups that write and read it, both included
  int64_t offset = -1;
};

class Planner {
public:
  explicit Planner(func::FuncOp function) : function_(function) {}

  void run() {
    for (GroupOp group : function_.getOps<GroupOp>()) {
      times_[group] = static_cast<int>(groups_.size());
      groups_.push_back(group);
    }
    for (int time = 0; time < static_cast<int>(groups_.size()); ++time)
      addResults(time);
    int64_t total = place();
    write(total);
  }

private:
  /// The last group that reads `value`; nothing if the caller does.
  std::optional<int> lastUse(Value value, int time) const;
  void addResults(int time);
  int64_t place();
  void write(int64_t total);

  func::FuncOp function_;
  std::vector<GroupOp> groups_;
  llvm::DenseMap<Operation *, int>
      times_; // positions in groups_; only looked up
  std::vector<Buffer> buffers_;
  llvm::DenseMap<Value, int> bufferOf_;       // only looked up
  std::vector<std::vector<int64_t>> inPlace_; // by group: an operand a result
};
} // namespace

std::optional<int> Planner::lastUse(Value value, int time) const {
  int last = time;
  for (Operation *user : value.getUsers()) {
    auto found = times_.find(user); // no group of this block is read for ever
    if (found == times_.end())
      return std::nullopt;
    last = std::max(last, found->second);
  }
  return last;
}

void Planner::addResults(int time) {
  GroupOp group = groups_[time];
  llvm::DenseSet<int> taken;
  std::vector<int64_t> &operands =
      inPlace_.emplace_back(group.getNumResults(), -1);
  for (unsigned i = 0; i < group.getNumResults(); ++i) {
    Value result = group.getResult(i);
    std::optional<int> last = lastUse(result, time);
    if (!last || bytesOf(result) == 0)
      continue;
    int operand = inPlaceOperand(group, i, [&](Value value) {
      auto found = bufferOf_.find(value);
      return found != bufferOf_.end() && !taken.contains(found->second) &&
             buffers_[found->second].last == time;
    });
    int buffer = static_cast<int>(buffers_.size());
    if (operand >= 0) {
      buffer = bufferOf_.at(group.getInputs()[operand]);
      taken.insert(buffer);
      operands[i] = operand;
      buffers_[buffer].last = *last;
    } else {
      buffers_.push_back({bytesOf(result), time, *last});
    }
    bufferOf_[result] = buffer;
  }
}

/// First fit by size; returns the size of the arena.
int64_t Planner::place() {
  std::vector<int> order(buffers_.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = static_cast<int>(i);
  llvm::sort(order, [&](int a, int b) {
    return std::pair(-buffers_[a].bytes, a) < std::pair(-buffers_[b].bytes, b);
  });
  std::vector<int> placed; // by offset
  int64_t total = 0;
  for (int number : order) {
    Buffer &buffer = buffers_[number];
    int64_t offset = 0;
    for (int other : placed) {
      const Buffer &there = buffers_[other];
      bool lives = there.first <= buffer.last && buffer.first <= there.last;
      if (!lives)
        continue;
      if (offset + buffer.bytes <= there.offset)
        break;
      offset = std::max<int64_t>(
          offset, llvm::alignTo(there.offset + there.bytes, kAlignment));
    }
    buffer.offset = offset;
    total = std::max<int64_t>(total,
                              llvm::alignTo(offset + buffer.bytes, kAlignment));
    auto position = std::upper_bound(
        placed.begin(), placed.end(), number,
        [&](int a, int b) { return buffers_[a].offset < buffers_[b].offset; });
    placed.insert(position, number);
  }
  return total;
}

void Planner::write(int64_t total) {
  Builder builder(function_.getContext());
  for (GroupOp group : groups_) {
    SmallVector<int64_t> offsets;
    for (Value result : group.getResults()) {
      auto found = bufferOf_.find(result);
      int64_t offset =
          found == bufferOf_.end() ? -1 : buffers_[found->second].offset;
      // A value without elements needs a place, but none of its own.
      bool isEmpty = bytesOf(result) == 0 && lastUse(result, 0);
      offsets.push_back(isEmpty ? 0 : offset);
    }
    group->setAttr(kOffsetsAttr, builder.getDenseI64ArrayAttr(offsets));
    const std::vector<int64_t> &operands = inPlace_[times_.at(group)];
    if (llvm::any_of(operands, [](int64_t operand) { return operand >= 0; }))
      group->setAttr(kInPlaceAttr, builder.getDenseI64ArrayAttr(operands));
  }
  function_->setAttr(kArenaAttr, builder.getI64IntegerAttr(total));
}

namespace {
struct PlanMemory : weft::impl::PlanMemoryBase<PlanMemory> {
  void runOnOperation() override {
    if (!getOperation().isExternal())
      Planner(getOperation()).run();
  }
};
} // namespace
