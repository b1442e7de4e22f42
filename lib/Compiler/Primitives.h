// SPDX-License-Identifier: Apache-2.0
// Which groups a library computes instead of a kernel.
#pragma once

#include "Codegen.h"

#include "weft/IR/Dialect.h"

#include "mlir/Support/LLVM.h"

#include <optional>
#include <string>
#include <vector>

namespace weft::compiler {

/// A group as a primitive. `arguments` are operands of the group, in the order
/// of Primitive::Kind, without the result.
struct PrimitiveCall {
  runtime::Primitive primitive;
  mlir::SmallVector<mlir::Value> arguments;
  static constexpr unsigned kWeights = 1; // number of that argument
};

/// Whether a plan of `group` depends on whether there is a library.
bool mayBePrimitive(ir::GroupOp group);

/// The primitive that computes `group` on the CPU; fails with the reason in
/// `why` where there is none, or no library.
mlir::FailureOr<PrimitiveCall> matchPrimitive(ir::GroupOp group,
                                              std::string &why);

/// Weights that @prepare shall leave in the form a primitive reads.
struct Packing {
  /// A result of @prepare, or an input of @main, which is `input` of the
  /// program.
  runtime::BufferRef weights;
  int32_t input;
  runtime::TensorSpec unpacked;
  runtime::Primitive primitive;
  runtime::TensorSpec packed;
};

/// Adds to @prepare a result for each packing, in their order behind those
/// there are, and keeps no result that @main does not read.
void packWeights(CompiledProgram &program,
                 const std::vector<Packing> &packings);

} // namespace weft::compiler
