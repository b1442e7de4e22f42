// SPDX-License-Identifier: Apache-2.0
// A group is a primitive if it is one convolution or product, its
// operands lie in memory as the library can describe it, and no more than a
// bias follows.
#include "Primitives.h"

#include "weft/Transforms/LibraryWork.h"

#include "runtime/OneDnn.h"
#include "weft/Runtime.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <optional>
#include <utility>

using namespace mlir;
using namespace weft::ir;

namespace weft::compiler {
namespace {

using Operand = runtime::Primitive::Operand;

/// An argument of the group's region, and how a value lies in it.
struct Read {
  BlockArgument argument;
  Operand layout;
};

Operand dense(RankedTensorType type) {
  Operand layout;
  layout.sizes.assign(type.getShape().begin(), type.getShape().end());
  layout.strides.resize(layout.sizes.size());
  int64_t stride = 1;
  for (size_t i = layout.sizes.size(); i-- > 0;) {
    layout.strides[i] = stride;
    stride *= layout.sizes[i];
  }
  return layout;
}

/// The axes of `layout` that lie one behind the other as one.
Operand joined(const Operand &layout) {
  Operand result;
  for (size_t i = 0; i < layout.sizes.size(); ++i) {
    const int64_t size = layout.sizes[i], stride = layout.strides[i];
    if (size == 1)
      continue;
    if (!result.sizes.empty() && result.strides.back() == size * stride) {
      result.sizes.back() *= size;
      result.strides.back() = stride;
      continue;
    }
    result.sizes.push_back(size);
    result.strides.push_back(stride);
  }
  return result;
}

/// `layout` with other axes, of which each is a part of a joined one.
std::optional<Operand> reshaped(const Operand &layout, RankedTensorType type) {
  const Operand runs = joined(layout);
  Operand result = dense(type);
  result.offset = layout.offset;
  size_t to = result.sizes.size();
  for (size_t run = runs.sizes.size(); run-- > 0;) {
    int64_t covered = 1;
    while (to > 0 && covered * result.sizes[to - 1] <= runs.sizes[run]) {
      result.strides[--to] = covered * runs.strides[run];
      covered *= result.sizes[to];
    }
    if (covered != runs.sizes[run])
      return std::nullopt;
  }
  return result;
}

/// `layout` as the slice shows it.
void slide(Operand &layout, SliceOp slice) {
  for (auto [axis, start] : llvm::enumerate(slice.getStarts())) {
    layout.sizes[axis] = typeOf(slice).getDimSize(axis);
    layout.offset += start * layout.strides[axis];
    layout.strides[axis] *= slice.getSteps()[axis];
  }
}

/// Nothing if `value` is computed or shows its elements in another way.
std::optional<Read> readOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return std::nullopt;
  if (auto argument = dyn_cast<BlockArgument>(value))
    return Read{argument, dense(type)};
  Operation *op = value.getDefiningOp();
  if (!isa<TransposeOp, ReshapeOp, SliceOp>(op))
    return std::nullopt;
  std::optional<Read> read = readOf(op->getOperand(0));
  if (!read)
    return std::nullopt;
  if (auto transpose = dyn_cast<TransposeOp>(op)) {
    Operand from = std::exchange(read->layout, {});
    read->layout.offset = from.offset;
    for (int64_t axis : transpose.getPermutation()) {
      read->layout.sizes.push_back(from.sizes[axis]);
      read->layout.strides.push_back(from.strides[axis]);
    }
    return read;
  }
  if (auto slice = dyn_cast<SliceOp>(op)) {
    if (llvm::any_of(slice.getSteps(), [](int64_t step) { return step < 1; }))
      return std::nullopt;
    slide(read->layout, slice);
    return read;
  }
  std::optional<Operand> layout = reshaped(read->layout, type);
  if (!layout)
    return std::nullopt;
  read->layout = std::move(*layout);
  return read;
}

/// Whether numbers of channels are those at the start of their argument.
bool isWhole(const Operand &channels) {
  return channels.offset == 0 &&
         llvm::all_of(llvm::zip(channels.sizes, channels.strides),
                      [](auto axis) {
                        auto [size, stride] = axis;
                        return size == 1 || stride == 1;
                      });
}

/// The axis of channels from the last place to place 1.
void moveChannels(Operand &operand) {
  for (auto *list : {&operand.sizes, &operand.strides})
    std::rotate(list->begin() + 1, list->end() - 1, list->end());
}

/// [O, C / groups, ...] to [groups, O / groups, C / groups, ...].
void splitGroups(Operand &w, int64_t groups) {
  w.sizes[0] /= groups;
  w.sizes.insert(w.sizes.begin(), groups);
  w.strides.insert(w.strides.begin(), w.sizes[1] * w.strides[0]);
}

/// What any library multiplies; the one at hand is asked for each primitive.
constexpr Library kMost = Library::bfloat16;

/// What a library computes of a group, or null.
Operation *anchorOf(GroupOp group) {
  for (Operation &op : group.getBody().front())
    if (isLibraryWork(kMost, &op))
      return &op;
  return nullptr;
}

/// Follows a group from its convolution or product to its result.
class Matcher {
public:
  Matcher(GroupOp group, std::string &why) : group_(group), why_(why) {}

  FailureOr<PrimitiveCall> run() {
    Operation *anchor = anchorOf(group_);
    if (!anchor)
      return fail("nothing for a library");
    if (group_.getNumResults() != 1)
      return fail("several results");
    auto conv = dyn_cast<ConvOp>(anchor);
    if (failed(conv ? matchConv(conv) : matchMatmul(cast<MatmulOp>(anchor))) ||
        failed(matchResult(anchor->getResult(0))))
      return failure();
    if (conv && conv.getChannelsLast())
      moveChannels(primitive().y);
    for (Read *read : {&x_, &w_, bias_ ? &*bias_ : nullptr})
      if (read)
        call_.arguments.push_back(
            group_.getInputs()[read->argument.getArgNumber()]);
    primitive().hasBias = bias_.has_value();
    primitive().dtype =
        toDType(getElementTypeOrSelf(group_.getResult(0).getType()));
    // A part of a batch is one thread's.
    primitive().threads =
        group_->getParentOp()->hasAttr(kPartsAttr) ? 1 : num_threads();
    if (Status status = runtime::LoadedPrimitive::check(primitive());
        !status.ok())
      return fail(std::string(status.message()));
    return std::move(call_);
  }

private:
  runtime::Primitive &primitive() { return call_.primitive; }

  LogicalResult fail(const std::string &reason) {
    why_ = reason;
    return failure();
  }

  LogicalResult read(Value value, Read &result, const char *what) {
    std::optional<Read> read = readOf(value);
    if (!read)
      return fail(std::string(what) + " is computed in the group");
    result = std::move(*read);
    if (llvm::is_contained(result.layout.sizes, 0))
      return fail(std::string(what) + " has no elements");
    return success();
  }

  LogicalResult matchConv(ConvOp conv) {
    primitive().kind = runtime::Primitive::Kind::conv;
    if (failed(read(conv.getX(), x_, "x")) ||
        failed(read(conv.getW(), w_, "w")))
      return failure();
    if (conv.getBias()) {
      Read bias;
      if (failed(read(conv.getBias(), bias, "the bias")))
        return failure();
      if (!isWhole(bias.layout))
        return fail("the bias is a part of another");
      bias_ = std::move(bias);
    }
    primitive().x = x_.layout;
    primitive().w = w_.layout;
    if (conv.getChannelsLast()) {
      moveChannels(primitive().x);
      moveChannels(primitive().w);
    }
    if (conv.getGroups() != 1)
      splitGroups(primitive().w, conv.getGroups());
    primitive().stride.assign(conv.getStride().begin(), conv.getStride().end());
    primitive().dilation.assign(conv.getDilation().begin(),
                                conv.getDilation().end());
    for (size_t i = 0; i < conv.getPadding().size(); i += 2) {
      primitive().before.push_back(conv.getPadding()[i]);
      primitive().after.push_back(conv.getPadding()[i + 1]);
    }
    channelAxis_ = conv.getChannelAxis();
    return success();
  }

  LogicalResult matchMatmul(MatmulOp matmul) {
    primitive().kind = runtime::Primitive::Kind::matmul;
    if (failed(read(matmul.getLhs(), x_, "x")) ||
        failed(read(matmul.getRhs(), w_, "w")))
      return failure();
    primitive().x = x_.layout;
    primitive().w = w_.layout;
    channelAxis_ =
        cast<RankedTensorType>(matmul.getResult().getType()).getRank() - 1;
    return success();
  }

  /// Only a bias may follow: other ops are kernels of their own.
  LogicalResult matchResult(Value product) {
    Value result = group_.getBody().front().getTerminator()->getOperand(0);
    if (result != product) {
      auto add = result.getDefiningOp<AddOp>();
      if (!add || bias_ || !llvm::is_contained(add->getOperands(), product))
        return fail("more than a bias follows");
      bias_ = biasUnder(add->getOperand(0) == product ? add->getOperand(1)
                                                      : add->getOperand(0));
      if (!bias_)
        return fail("what is added is no bias");
    }
    auto type = cast<RankedTensorType>(result.getType());
    if (type.getNumElements() == 0)
      return fail("the result has no elements");
    primitive().y = dense(type);
    return success();
  }

  /// One number for each channel.
  std::optional<Read> biasUnder(Value value) {
    auto broadcast = value.getDefiningOp<BroadcastOp>();
    if (!broadcast)
      return std::nullopt;
    std::optional<Read> read = readOf(broadcast.getX());
    if (!read || !isWhole(read->layout))
      return std::nullopt;
    auto to = cast<RankedTensorType>(value.getType());
    auto missing =
        to.getRank() - static_cast<int64_t>(read->layout.sizes.size());
    for (int64_t axis = 0; axis < to.getRank(); ++axis) {
      bool isChannel = axis == channelAxis_;
      int64_t size = axis < missing ? 1 : read->layout.sizes[axis - missing];
      if (size != (isChannel ? to.getDimSize(axis) : 1))
        return std::nullopt;
    }
    return read;
  }

  GroupOp group_;
  std::string &why_;
  PrimitiveCall call_;
  Read x_, w_;
  std::optional<Read> bias_;
  int64_t channelAxis_ = 1;
};

} // namespace

bool mayBePrimitive(GroupOp group) {
  return llvm::any_of(group.getBody().front(), [](Operation &op) {
    return isLibraryWork(kMost, &op) || gainsFromLibrary(kMost, &op);
  });
}

FailureOr<PrimitiveCall> matchPrimitive(GroupOp group, std::string &why) {
  if (StatusOr<const runtime::OneDnn *> dnn = runtime::OneDnn::get();
      !dnn.ok()) {
    why = std::string(dnn.status().message());
    return failure();
  }
  return Matcher(group, why).run();
}

// ---- packing ----------------------------------------------------------------

namespace {

/// Calls `visit` for all memory that the steps of `plan` work on.
template <typename Visit> void visitBuffers(runtime::Plan &plan, Visit visit) {
  for (runtime::Launch &launch : plan.launches)
    for (runtime::Argument &argument : launch.arguments)
      if (!argument.isScalar)
        visit(argument.buffer);
  for (runtime::Copy &copy : plan.copies) {
    visit(copy.from);
    visit(copy.to);
  }
}

/// Inputs of `plan` that no step reads; `numbers` are those of the program.
void dropUnreadInputs(runtime::Plan &plan, std::vector<int32_t> &numbers) {
  using Kind = runtime::BufferRef::Kind;
  std::vector<int64_t> places(plan.inputs.size(), -1);
  visitBuffers(plan, [&](runtime::BufferRef &ref) {
    if (ref.kind == Kind::input)
      places[static_cast<size_t>(ref.index)] = 0;
  });
  std::vector<runtime::TensorSpec> inputs;
  std::vector<int32_t> kept;
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i] < 0)
      continue;
    places[i] = static_cast<int64_t>(inputs.size());
    inputs.push_back(std::move(plan.inputs[i]));
    kept.push_back(numbers[i]);
  }
  visitBuffers(plan, [&](runtime::BufferRef &ref) {
    if (ref.kind == Kind::input)
      ref.index = places[static_cast<size_t>(ref.index)];
  });
  plan.inputs = std::move(inputs);
  numbers = std::move(kept);
}

/// Results of `prepare` that `main` does not read become memory of its run.
void dropUnreadResults(runtime::Plan &main, runtime::Plan &prepare) {
  using Kind = runtime::BufferRef::Kind;
  std::vector<bool> isRead(prepare.outputs.size(), false);
  visitBuffers(main, [&](runtime::BufferRef &ref) {
    if (ref.kind == Kind::prepared)
      isRead[static_cast<size_t>(ref.index)] = true;
  });
  std::vector<runtime::BufferRef> places;
  std::vector<runtime::TensorSpec> outputs;
  for (size_t i = 0; i < isRead.size(); ++i) {
    if (isRead[i]) {
      places.push_back({Kind::output, static_cast<int64_t>(outputs.size())});
      outputs.push_back(prepare.outputs[i]);
      continue;
    }
    prepare.arenaBytes =
        static_cast<int64_t>(llvm::alignTo(prepare.arenaBytes, 256));
    places.push_back({Kind::arena, prepare.arenaBytes});
    prepare.arenaBytes += prepare.outputs[i].bytes;
  }
  visitBuffers(prepare, [&](runtime::BufferRef &ref) {
    if (ref.kind == Kind::output)
      ref = places[static_cast<size_t>(ref.index)];
  });
  visitBuffers(main, [&](runtime::BufferRef &ref) {
    if (ref.kind == Kind::prepared)
      ref.index = places[static_cast<size_t>(ref.index)].index;
  });
  prepare.outputs = outputs;
  main.prepared = std::move(outputs);
}

} // namespace

/// Where @prepare has weights that a packing takes.
static runtime::BufferRef placeOf(const Packing &packing,
                                  CompiledProgram &program) {
  using Kind = runtime::BufferRef::Kind;
  if (packing.weights.kind == Kind::prepared)
    return {Kind::output, packing.weights.index};
  std::vector<int32_t> &inputs = program.prepareInputs;
  auto found = std::ranges::find(inputs, packing.input);
  if (found == inputs.end()) {
    inputs.push_back(packing.input);
    program.prepare.inputs.push_back(packing.unpacked);
    found = inputs.end() - 1;
  }
  return {Kind::input, found - inputs.begin()};
}

void packWeights(CompiledProgram &program,
                 const std::vector<Packing> &packings) {
  using Kind = runtime::BufferRef::Kind;
  runtime::Plan &prepare = program.prepare;
  if (packings.empty())
    return;
  for (const Packing &packing : packings) {
    runtime::Launch launch;
    launch.primitive = static_cast<int32_t>(prepare.primitives.size());
    launch.arguments.resize(2);
    launch.arguments[0].buffer = placeOf(packing, program);
    launch.arguments[1].buffer = {Kind::output,
                                  static_cast<int64_t>(prepare.outputs.size())};
    prepare.primitives.push_back(packing.primitive);
    prepare.outputs.push_back(packing.packed);
    prepare.steps.push_back(static_cast<int32_t>(prepare.launches.size()));
    prepare.launches.push_back(std::move(launch));
  }
  dropUnreadInputs(program.main, program.mainInputs);
  dropUnreadResults(program.main, prepare);
}

} // namespace weft::compiler
