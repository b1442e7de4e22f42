// SPDX-License-Identifier: Apache-2.0
// A recorded graph, normalised: buffers are numbered inputs, numbers are
// arguments, nodes are in one canonical order. Equal programs have equal keys
// and share one executable.
#pragma once

#include "weft/Core/Graph.h"
#include "weft/Core/Status.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace weft::compiler {

/// An operand of a program op.
struct ProgramOperand {
  enum class Kind : uint8_t {
    value,    // inputs first, then ops
    argument, // number of the call: index into `scalars`
    constant, // number known when the graph is compiled
  };
  Kind kind;
  int32_t index = 0;
  Scalar constant;
  DType scalarType = DType::float32;
};

struct ProgramOp {
  OpKind kind;
  DType dtype;
  Shape shape;
  std::vector<ProgramOperand> operands;
  Attributes attributes;
  std::source_location location; // not part of the key
};

struct ProgramInput {
  DType dtype;
  Shape shape;
  bool isParameter;
  std::string name; // not part of the key
};

struct Program {
  std::vector<ProgramInput> inputs;
  std::vector<ProgramOp> ops;
  std::vector<int32_t> outputs; // values
  std::vector<DType> scalars;   // types of the numbers of a call
};

/// A graph as one evaluation sees it: what it works on, and the program.
struct Capture {
  /// All of the graph that decides what is compiled, and for what device:
  /// equal keys, equal programs.
  std::string key;
  Program program;
  std::vector<NodePtr> leaves;                             // one an input
  std::vector<std::shared_ptr<runtime::Storage>> storages; // theirs, or null
  std::vector<Scalar> scalars;
};

/// Normalises what `roots` depend on, down to nodes with elements and
/// placeholders. Holds the graph lock meanwhile. Leaves the program out, which
/// is most of the work, if `isKnown` says so of the key.
Capture capture(
    std::span<const NodePtr> roots,
    llvm::function_ref<bool(const std::string &key)> isKnown =
        [](const std::string &) { return false; });

/// Puts what is below the highest operand of an op before what is below the
/// others, so that the steps of a loop follow each other: in `b = exp(c) + b`,
/// all of one step before the next. `capture` has done so.
void orderOps(Program &program);

/// Every field that decides what is compiled and nothing else.
std::string keyOf(const Program &program);

/// The program as a module of weft ops with one function, `@main`.
mlir::OwningOpRef<mlir::ModuleOp> importProgram(const Program &program,
                                                mlir::MLIRContext *context);

} // namespace weft::compiler
