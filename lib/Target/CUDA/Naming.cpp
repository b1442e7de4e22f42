// SPDX-License-Identifier: Apache-2.0
// Names for kernels and their parameters, from what the group computes alone:
// equal groups of different layers must give equal text.
#include "KernelPrinter.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace weft::ir;

namespace weft::cuda {

/// Ops that only say where elements are or which type they have.
static bool isPlumbing(Operation *op) {
  return isa<ConstantOp, SplatOp, BroadcastOp, ReshapeOp, CastOp, TransposeOp,
             SliceOp, ResampleOp, AsStridedOp, ReducePrecisionOp, ContiguousOp>(
      op);
}

/// The argument that a value is, under plumbing and at most one-sided rows.
static BlockArgument rootOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (op->getNumOperands() == 0)
      return {};
    value = op->getOperand(0);
  }
  return cast<BlockArgument>(value);
}

/// The first op that computes something with `value`.
static std::pair<Operation *, unsigned> computingUser(Value value) {
  while (!value.use_empty()) {
    // Uses are listed last first.
    OpOperand *first = nullptr;
    for (OpOperand &use : value.getUses())
      if (!first || use.getOwner()->isBeforeInBlock(first->getOwner()))
        first = &use;
    Operation *user = first->getOwner();
    if (!isPlumbing(user) || user->getNumResults() != 1)
      return {user, first->getOperandNumber()};
    value = user->getResult(0);
  }
  return {nullptr, 0};
}

static int64_t elements(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? tensor.getNumElements() : 0;
}

namespace {

class Namer {
public:
  explicit Namer(GroupOp group)
      : group_(group), block_(group.getBody().front()) {}

  GroupNames run() {
    nameAnchorOperands();
    for (BlockArgument argument : block_.getArguments())
      if (elements(argument.getType()) > largest_)
        largest_ = elements(argument.getType());
    for (Type type : group_.getResultTypes())
      largest_ = std::max(largest_, elements(type));
    GroupNames names;
    for (BlockArgument argument : block_.getArguments())
      names.inputs.push_back(unique(baseName(argument)));
    for (unsigned i = 0; i < group_.getNumResults(); ++i)
      names.outputs.push_back(unique("y"));
    std::vector<StringRef> ops;
    for (Operation &op : block_.without_terminator())
      if (!isa<ConstantOp, SplatOp, BroadcastOp, ReshapeOp, ContiguousOp>(op))
        ops.push_back(mnemonic(&op));
    names.ops = ops.empty() ? "copy" : llvm::join(ops, ", ");
    names.kernel = kernelName();
    return names;
  }

private:
  void nameAnchorOperands() {
    for (Operation &op : block_.without_terminator()) {
      ArrayRef<const char *> roles;
      static constexpr const char *conv[] = {"x", "w", "bias"};
      static constexpr const char *matmul[] = {"lhs", "rhs"};
      static constexpr const char *attention[] = {"query", "key", "value",
                                                  "scale", "bias"};
      if (isa<ConvOp>(op))
        roles = conv;
      else if (isa<MatmulOp>(op))
        roles = matmul;
      else if (isa<AttentionOp>(op))
        roles = attention;
      for (auto [operand, role] : llvm::zip(op.getOperands(), roles))
        if (BlockArgument argument = rootOf(operand))
          roles_.try_emplace(argument, role);
      if (!roles.empty())
        hasAnchor_ = true;
    }
  }

  std::string baseName(BlockArgument argument) {
    if (auto role = roles_.find(argument); role != roles_.end())
      return role->second;
    if (!isa<RankedTensorType>(argument.getType()))
      return "number";
    auto [user, operand] = computingUser(argument);
    bool isSmall =
        user && user->getNumResults() == 1 &&
        elements(argument.getType()) < elements(user->getResult(0).getType());
    if (isSmall && isa_and_nonnull<MulOp, DivOp>(user))
      return "scale";
    if (isSmall && isa_and_nonnull<AddOp>(user))
      return hasAnchor_ ? "bias" : "shift";
    if (!isSmall && isa_and_nonnull<AddOp>(user) &&
        (hasAnchor_ || operand == 1))
      return "residual";
    if (isa_and_nonnull<WhereOp>(user) && operand == 0)
      return "condition";
    return "x";
  }

  std::string unique(StringRef base) {
    std::string name = base.str();
    for (int i = 2; !taken_.insert(name).second; ++i)
      name = (base + Twine(i)).str();
    return name;
  }

  /// `conv_add_relu_f32`; the type keeps it apart from functions of C.
  std::string kernelName() {
    std::vector<StringRef> parts;
    for (Operation &op : block_.without_terminator())
      if (!isPlumbing(&op))
        parts.push_back(mnemonic(&op));
    if (parts.empty())
      for (Operation &op : block_.without_terminator())
        if (!isa<ConstantOp, SplatOp, ReshapeOp, ContiguousOp>(op))
          parts.push_back(mnemonic(&op));
    if (parts.empty())
      parts.push_back("copy");
    contract(parts, {"max", "sub", "exp", "sum", "div"}, "softmax");
    if (isBatchNorm())
      contract(parts, {"mul", "add"}, "bn");
    std::string name;
    constexpr size_t limit = 40;
    for (StringRef part : parts) {
      if (name.size() + part.size() > limit) {
        name += "_etc";
        break;
      }
      name += (name.empty() ? "" : "_") + part.str();
    }
    Type type = getElementTypeOrSelf(group_.getResultTypes()[0]);
    DType dtype = toDType(type);
    std::string kind = isa<FloatType>(type)      ? "f"
                       : dtype == DType::uint8   ? "u"
                       : dtype == DType::boolean ? "b"
                                                 : "i";
    return name + "_" + (dtype == DType::bfloat16 ? "b" : "") + kind +
           std::to_string(type.getIntOrFloatBitWidth());
  }

  /// A product with a small operand, then a sum with one.
  bool isBatchNorm() {
    for (Operation &op : block_.without_terminator())
      if (isa<MulOp>(op))
        for (Operation *user : op.getResult(0).getUsers())
          if (isa<AddOp>(user) && isSmall(op.getOperand(1)) &&
              isSmall(user->getOperand(1)))
            return true;
    return false;
  }
  bool isSmall(Value value) {
    BlockArgument root = rootOf(value);
    return root && isa<RankedTensorType>(root.getType()) &&
           elements(root.getType()) < largest_ && isPlumbingOnly(value);
  }
  static bool isPlumbingOnly(Value value) {
    while (Operation *op = value.getDefiningOp()) {
      if (!isPlumbing(op))
        return false;
      value = op->getOperand(0);
    }
    return true;
  }

  static void contract(std::vector<StringRef> &parts,
                       std::initializer_list<StringRef> from, StringRef to) {
    auto it = std::search(parts.begin(), parts.end(), from.begin(), from.end());
    if (it == parts.end())
      return;
    *it = to;
    parts.erase(it + 1, it + from.size());
  }

  GroupOp group_;
  Block &block_;
  llvm::DenseMap<Value, std::string> roles_; // looked up, never iterated
  llvm::StringSet<> taken_;
  int64_t largest_ = 0;
  bool hasAnchor_ = false;
};

} // namespace

GroupNames nameGroup(GroupOp group) { return Namer(group).run(); }

} // namespace weft::cuda
