// SPDX-License-Identifier: Apache-2.0
// The class ladder of element-wise ops. A row of Ops.td names one of these
// classes; everything else about the op follows.
#ifndef WEFT_IR_ELEMENTWISE
#define WEFT_IR_ELEMENTWISE

include "weft/IR/Dialect.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

/// A scalar function that both back ends provide: `weft::<name>` in the CUDA
/// prelude (lib/Target/CUDA/Prelude.cuh) and a method of ScalarBuilder
/// (lib/Target/CPU). Bodies of rows are dags over these.
class Primitive;
foreach name = ["neg", "abs", "sqrt", "exp", "log", "sin", "cos", "tanh", "erf",
                "floor", "add", "sub", "mul", "div", "floor_div", "mod", "pow",
                "maximum", "minimum", "less", "less_equal", "greater",
                "greater_equal", "equal", "not_equal", "logical_and",
                "logical_or", "logical_not", "select"] in
  def P_#name : Primitive;
/// A number, written as C++ writes it: (P_constant "0.5").
def P_constant : Primitive;
/// The body of a row whose op is a primitive of the same name.
def primitive : Primitive;

/// One element-wise op.
///
///   body    the scalar computation in terms of $x, $y, $z
///   oracle  an independent formula in C++, for double and, where the types
///           have integers, for int64_t
///   cpu_ulp, cuda_ulp
///           the accuracy claimed for float32 on [low, high], in units of the
///           last place of the result (0: the same bits as the oracle rounded)
///   cuda_percent
///           where CUDA computes results of 16 bits with less: how far they are
///           off before they are rounded, in hundredths of a unit of theirs
class Row<string mnemonic, string what, DTypes accepted, dag scalar,
          string formula, list<Trait> traits>
    : Weft_Op<mnemonic, !listconcat([Pure, Elementwise], traits)> {
  DTypes types = accepted;
  dag body = scalar;
  string oracle = formula;
  int arity = 1;
  bit predicate = 0; // the result is bool whatever the operands are
  int cpu_ulp = 0;
  int cuda_ulp = 0;
  int cuda_percent = 0;
  string low = "-10";
  string high = "10";
  let summary = what;
}

class Unary<string mnemonic, string what, DTypes accepted, dag scalar,
            string formula>
    : Row<mnemonic, what, accepted, scalar, formula,
          [SameOperandsAndResultType]> {
  let arguments = (ins accepted.tensor:$x);
  let results = (outs accepted.tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let description = [{
    `result[i] = }] # mnemonic # [{(x[i])`: }] # what # [{. Takes tensors of }]
    # accepted.description # [{; shape and type of the result are those of x.

    ```mlir
    func.func @main(%x: tensor<4x}] # accepted.example # [{>) -> tensor<4x}] # accepted.example # [{> {
      %y = weft.}] # mnemonic # [{ %x : tensor<4x}] # accepted.example # [{>
      return %y : tensor<4x}] # accepted.example # [{>
    }
    ```
  }];
}

class Binary<string mnemonic, string what, DTypes accepted, dag scalar,
             string formula, list<Trait> traits = []>
    : Row<mnemonic, what, accepted, scalar, formula,
          !listconcat([SameOperandsAndResultType], traits)> {
  let arity = 2;
  let arguments = (ins accepted.tensor:$x, accepted.tensor:$y);
  let results = (outs accepted.tensor:$result);
  let assemblyFormat = "$x `,` $y attr-dict `:` type($x)";
  let description = [{
    For every element: }] # what # [{. Takes tensors of }]
    # accepted.description # [{; x, y and the result have one shape and type.

    ```mlir
    func.func @main(%x: tensor<4x}] # accepted.example # [{>, %y: tensor<4x}] # accepted.example # [{>) -> tensor<4x}] # accepted.example # [{> {
      %z = weft.}] # mnemonic # [{ %x, %y : tensor<4x}] # accepted.example # [{>
      return %z : tensor<4x}] # accepted.example # [{>
    }
    ```
  }];
}

/// IEEE comparison: false on NaN, but for not_equal.
class Comparison<string mnemonic, string what, DTypes accepted, dag scalar,
                 string formula>
    : Row<mnemonic, what, accepted, scalar, formula,
          [SameTypeOperands, SameOperandsAndResultShape,
           DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let arity = 2;
  let predicate = 1;
  let arguments = (ins accepted.tensor:$x, accepted.tensor:$y);
  let results = (outs Bool.tensor:$result);
  let assemblyFormat = "$x `,` $y attr-dict `:` type($x)";
  let description = [{
    For every element: }] # what # [{. Takes tensors of }]
    # accepted.description # [{ of one shape and type; the result is bool.

    ```mlir
    func.func @main(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xi1> {
      %z = weft.}] # mnemonic # [{ %x, %y : tensor<4xf32>
      return %z : tensor<4xi1>
    }
    ```
  }];
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *context, ::std::optional<::mlir::Location>,
        ::mlir::ValueRange operands, ::mlir::DictionaryAttr,
        ::mlir::OpaqueProperties, ::mlir::RegionRange,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return inferPredicateType(context, operands, types);
    }
  }];
}

#endif // WEFT_IR_ELEMENTWISE
