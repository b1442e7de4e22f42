// SPDX-License-Identifier: Apache-2.0
// Whether a network computes what the reference interpreter does.
#include "BenchBuffers.h"
#include "BenchNetworks.h"

#include "weft/IR/Dialect.h"
#include "weft/Target/Reference/Interpreter.h"

#include "lib/Compiler/Program.h"

#include <cmath>

namespace weft::tools {
namespace {

/// What the reference interpreter makes of a recorded tensor.
StatusOr<reference::Value> interpreted(const Tensor &tensor) {
  compiler::Capture capture = compiler::capture({&tensor.node(), 1});
  std::vector<reference::Value> arguments;
  for (const NodePtr &leaf : capture.leaves) {
    StatusOr<std::shared_ptr<const void>> data = Tensor(leaf).host_data();
    if (!data.ok())
      return data.status();
    arguments.push_back(
        reference::fromMemory(leaf->dtype, leaf->shape, data->get()));
  }
  for (const compiler::ProgramScalar &scalar : capture.program.scalars)
    arguments.push_back({.dtype = scalar.dtype,
                         .shape = {},
                         .reals = {scalar.value.to_double()},
                         .ints = {}});
  std::unique_ptr<mlir::MLIRContext> context = compiler::makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> module =
      compiler::importProgram(capture.program, context.get());
  StatusOr<std::vector<reference::Value>> results = reference::interpret(
      module->lookupSymbol<mlir::func::FuncOp>(ir::kMainName), arguments);
  if (!results.ok())
    return results.status();
  return results->front();
}

} // namespace

Status checkNetwork(const std::string &name, const Tensor &tensor) {
  StatusOr<reference::Value> want = interpreted(tensor);
  if (!want.ok())
    return want.status();
  StatusOr<std::vector<float>> got = tensor.to_vector<float>();
  if (!got.ok())
    return got.status();
  // What some tens of layers that round add up to.
  DType multiplied = multipliedAs(tensor.dtype(), tensor.device());
  double allowed = multiplied == bfloat16  ? 0.1
                   : multiplied == float16 ? 0.02
                                           : 1e-4;
  double largest = 0;
  for (int64_t i = 0; i < want->size(); ++i)
    largest = std::max(largest, std::fabs(want->at(i)));
  for (int64_t i = 0; i < want->size(); ++i) {
    double value = static_cast<double>((*got)[static_cast<size_t>(i)]);
    if (!(std::fabs(value - want->at(i)) <= allowed * largest))
      return internal_error(name + ": wrong result: element " +
                            std::to_string(i) + ": expected " +
                            std::to_string(want->at(i)) + ", got " +
                            std::to_string(value));
  }
  return {};
}

} // namespace weft::tools
