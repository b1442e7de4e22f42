// SPDX-License-Identifier: Apache-2.0
// A recorded graph, normalised: buffers are numbered inputs, numbers are
// arguments, nodes are in one canonical order. Equal programs have equal keys
// and share one executable.
#pragma once

#include "weft/Compiler/Compiler.h"
#include "weft/Core/Graph.h"
#include "weft/Core/Status.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <memory>
#include <optional>
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
  std::vector<int64_t> ints; // and `real`: as in `Attributes`
  double real = 0;
  std::source_location location; // not part of the key
};

struct ProgramInput {
  DType dtype;
  Shape shape;
  bool isParameter;
  std::string name; // not part of the key
};

/// A number of a call.
struct ProgramScalar {
  DType dtype;
  Scalar value; // of the call that was captured; not part of the key
};

struct Program {
  std::vector<ProgramInput> inputs;
  std::vector<ProgramOp> ops;
  std::vector<int32_t> outputs; // values
  std::vector<ProgramScalar> scalars;
};

/// What one evaluation of a graph works on.
struct Arguments {
  std::vector<std::shared_ptr<runtime::Storage>> storages; // of inputs, or null
  std::vector<Scalar> scalars;
};

/// All of a graph that decides what is compiled, and for what device and how:
/// equal keys, equal programs.
using GraphKey = std::vector<uint64_t>;

/// The same where something else keeps the memory.
struct BorrowedArguments {
  std::vector<runtime::Storage *> storages;
  std::vector<Scalar> scalars;
};

/// A graph as one evaluation sees it.
struct Capture {
  GraphKey key;
  Program program;
  std::vector<NodePtr> leaves; // one an input
  Arguments arguments;
};

/// Normalises what `roots` depend on, down to nodes with elements and
/// placeholders. Holds the graph lock meanwhile.
Capture capture(std::span<const NodePtr> roots,
                const CompileSettings &settings = {});

/// The arguments of a graph if its key is `key`, which takes a fraction of the
/// time of writing it. None if there is something to say of a leaf: that it is
/// a placeholder, or a parameter that nobody loaded. The caller holds the graph
/// lock, and with it the memory.
std::optional<BorrowedArguments> argumentsIf(const GraphKey &key,
                                             std::span<const NodePtr> roots,
                                             const CompileSettings &settings);

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
