// SPDX-License-Identifier: Apache-2.0
// The dialect itself, and the element types its ops accept.
#ifndef WEFT_IR_DIALECT
#define WEFT_IR_DIALECT

include "mlir/IR/OpBase.td"

def Weft_Dialect : Dialect {
  let name = "weft";
  let cppNamespace = "::weft::ir";
  let summary = "Graphs of tensor ops, before and after fusion";
  let description = [{
    Ops work on builtin tensors of static shape. Operands of element-wise ops
    have equal shapes and types: broadcasting is an op (`weft.broadcast`) that
    the front end inserts. A function `@main` computes the outputs of a graph.
    Arguments marked `weft.parameter` belong to a module; what depends on them
    alone moves to `@prepare`, which runs once per set of weights. Arguments of
    builtin scalar type are numbers of the caller's program.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

/// A set of element types, under the name that error messages use.
class DTypes<string name, list<Type> elements> {
  string description = name;
  list<Type> elementTypes = elements;
  Type tensor = StaticShapeTensorOf<elements>;
  /// The element type of examples.
  string example = !if(!eq(name, "bool"), "i1", "f32");
}

defvar WeftFloats = [F64, F32, F16, BF16, F8E4M3FN];
defvar WeftIntegers = [I64, I32, I8, I<4>, UI8];

def Floating : DTypes<"a floating-point type", WeftFloats>;
def Number : DTypes<"a number", !listconcat(WeftFloats, WeftIntegers)>;
def Bool : DTypes<"bool", [I1]>;
def Any : DTypes<"any type", !listconcat(WeftFloats, WeftIntegers, [I1])>;

class Weft_Op<string mnemonic, list<Trait> traits = []>
    : Op<Weft_Dialect, mnemonic, traits>;

#endif // WEFT_IR_DIALECT
