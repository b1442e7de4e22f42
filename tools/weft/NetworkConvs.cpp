// SPDX-License-Identifier: Apache-2.0
// The convolutions of a recorded network.
#include "NetworkConvs.h"

#include "BenchProgram.h"

#include "weft/Runtime.h"

#include "resnet/ResNet.h"

namespace weft::tools {
namespace {

using compiler::Program;
using compiler::ProgramOp;
using compiler::ProgramOperand;

bool reads(const ProgramOperand &operand, int32_t value) {
  return operand.kind == ProgramOperand::Kind::value && operand.index == value;
}

/// Inputs are numbered first.
int32_t valueOf(const Program &program, const ProgramOp &op) {
  return static_cast<int32_t>(program.inputs.size()) +
         static_cast<int32_t>(&op - program.ops.data());
}

const Shape &shapeOf(const Program &program, const ProgramOperand &operand) {
  auto at = static_cast<size_t>(operand.index);
  return at < program.inputs.size()
             ? program.inputs[at].shape
             : program.ops[at - program.inputs.size()].shape;
}

/// The op of that kind whose first operand `op` is, or nothing.
const ProgramOp *follower(const Program &program, const ProgramOp &op,
                          OpKind kind) {
  int32_t value = valueOf(program, op);
  for (const ProgramOp &user : program.ops)
    if (user.kind == kind && reads(user.operands[0], value))
      return &user;
  return nullptr;
}

NormForm formBehind(const Program &program, const ProgramOp &conv) {
  NormForm form;
  const ProgramOp *last = follower(program, conv, OpKind::batch_norm);
  if (!last)
    return form;
  if (const ProgramOp *add = follower(program, *last, OpKind::add))
    form.add = true, last = add;
  form.relu = follower(program, *last, OpKind::relu);
  return form;
}

/// What `Attributes` says of a conv.
ConvOptions optionsOf(const ProgramOp &conv) {
  auto next = conv.ints.begin();
  auto n = static_cast<size_t>(*next++);
  ConvOptions options;
  options.stride.assign(next, next + static_cast<int64_t>(n));
  next += static_cast<int64_t>(n);
  options.padding.clear();
  for (size_t i = 0; i < n; ++i, next += 2)
    options.padding.emplace_back(next[0], next[1]);
  options.dilation.assign(next, next + static_cast<int64_t>(n));
  next += static_cast<int64_t>(n);
  options.groups = *next;
  return options;
}

bool isSame(const NetworkConv &a, const NetworkConv &b) {
  auto same = [](const Padding &x, const Padding &y) {
    return x.low == y.low && x.high == y.high;
  };
  return a.x == b.x && a.weight == b.weight &&
         a.options.stride == b.options.stride &&
         std::equal(a.options.padding.begin(), a.options.padding.end(),
                    b.options.padding.begin(), same) &&
         a.options.dilation == b.options.dilation &&
         a.options.groups == b.options.groups && a.form.add == b.form.add &&
         a.form.relu == b.form.relu;
}

} // namespace

std::vector<NetworkConv> networkConvs(const Program &program) {
  std::vector<NetworkConv> convs;
  for (const ProgramOp &op : program.ops) {
    if (op.kind != OpKind::conv)
      continue;
    NetworkConv conv{shapeOf(program, op.operands[0]),
                     shapeOf(program, op.operands[1]), optionsOf(op),
                     formBehind(program, op)};
    auto known =
        std::find_if(convs.begin(), convs.end(),
                     [&](const NetworkConv &c) { return isSame(c, conv); });
    if (known == convs.end())
      known = convs.insert(known, conv);
    ++known->times;
  }
  return convs;
}

StatusOr<std::vector<NetworkConv>> resnet50Convs(int64_t batch) {
  auto net = resnet::resnet50(); // its weights need no elements
  InputSpec images{float32, {batch, 3, 224, 224}};
  StatusOr<RecordedFunction> recorded =
      recordFunction([&](const std::vector<Tensor> &x) { return net(x[0]); },
                     {&images, 1}, default_device());
  if (!recorded.ok())
    return recorded.status();
  return networkConvs(recorded->capture.program);
}

} // namespace weft::tools
