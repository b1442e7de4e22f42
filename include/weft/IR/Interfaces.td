// SPDX-License-Identifier: Apache-2.0
// What passes and back ends ask of an op instead of its name. An op that may
// stand inside a group is of one of five kinds: element-wise (MLIR's trait
// Elementwise), a view, a source, a reduction or a window. An op of none is
// decomposed before fusion.
#ifndef WEFT_IR_INTERFACES
#define WEFT_IR_INTERFACES

include "mlir/IR/OpBase.td"

/// Shows elements of its operands at other indices: index arithmetic where it
/// is read, and no memory of its own.
def IsView : NativeOpTrait<"IsView"> {
  let cppNamespace = "::weft::ir";
}
/// Makes elements from their index or from one number: no memory is read.
def IsSource : NativeOpTrait<"IsSource"> {
  let cppNamespace = "::weft::ir";
}

def AnchorOpInterface : OpInterface<"AnchorOpInterface"> {
  let cppNamespace = "::weft::ir";
  let description = [{
    An op that the loops of its group are made for: a reduction or a window. A
    group without one loops over its result.
  }];
  let methods = [
    InterfaceMethod<"How the loops of a group around this op run.",
                    "::weft::ir::ScheduleKind", "getScheduleKind">
  ];
}

def ReductionOpInterface : OpInterface<"ReductionOpInterface", [AnchorOpInterface]> {
  let cppNamespace = "::weft::ir";
  let description = [{
    Combines the elements of operand 0 along some of its axes. The loops are
    those over the operand, so a group may hold several over equal axes of equal
    shapes.
  }];
  let methods = [
    InterfaceMethod<"The axes of operand 0 that the result has not, ascending.",
                    "::llvm::SmallVector<int64_t>", "getReducedAxes">
  ];
}

def WindowOpInterface : OpInterface<"WindowOpInterface", [AnchorOpInterface]> {
  let cppNamespace = "::weft::ir";
  let description = [{
    Sums, or compares, over loops that every element of the result runs for
    itself: the taps of a convolution or pooling, the row and column of a matrix
    product. A group holds one.
  }];
  let methods = [
    InterfaceMethod<"The sizes of these loops, outermost first.",
                    "::llvm::SmallVector<int64_t>", "getInnerSizes">
  ];
}

#endif // WEFT_IR_INTERFACES
