// SPDX-License-Identifier: Apache-2.0
// Ops with a shape rule of their own. Each rule is one function of
// Core/ShapeRules.h, called by the tracer and by the verifier here.
#ifndef WEFT_IR_STRUCTURED_OPS
#define WEFT_IR_STRUCTURED_OPS

include "weft/IR/Dialect.td"
include "weft/IR/Interfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/EnumAttr.td"

/// An op that the tracer records under its mnemonic.
class Structured<string mnemonic, list<Trait> traits = []>
    : Weft_Op<mnemonic, !listconcat([Pure], traits)>;

// ---- values -----------------------------------------------------------------
def ConstantOp : Weft_Op<"constant", [Pure, ConstantLike, IsSource,
                                      AllTypesMatch<["value", "result"]>]> {
  let summary = "elements known when the graph is compiled";
  let description = [{
    Shape and type are those of the value, which is dense.

    ```mlir
    func.func @main() -> tensor<2xf32> {
      %c = weft.constant dense<[1.0, 2.0]> : tensor<2xf32>
      return %c : tensor<2xf32>
    }
    ```
  }];
  let arguments = (ins TypedAttrInterface:$value);
  let results = (outs Any.tensor:$result);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
  let hasVerifier = 1;
}
def SplatOp : Structured<"splat", [IsSource]> {
  let summary = "a tensor whose elements all equal a number of the caller";
  let description = [{
    The number is an argument of the function, so that another one needs no other
    kernel.

    ```mlir
    func.func @main(%s: f32) -> tensor<2x3xf32> {
      %y = weft.splat %s : f32 -> tensor<2x3xf32>
      return %y : tensor<2x3xf32>
    }
    ```
  }];
  let arguments = (ins AnyTypeOf<Any.elementTypes>:$scalar);
  let results = (outs Any.tensor:$result);
  let assemblyFormat = "$scalar attr-dict `:` type($scalar) `->` type($result)";
  let hasVerifier = 1;
}
def IotaOp : Structured<"iota", [IsSource]> {
  let summary = "0, 1, 2, ... along one axis";
  let description = [{
    Equal along all other axes. The axis is not negative.

    ```mlir
    func.func @main() -> tensor<2x3xi32> {
      %y = weft.iota 1 : tensor<2x3xi32>
      return %y : tensor<2x3xi32>
    }
    ```

    This is `[[0, 1, 2], [0, 1, 2]]`.
  }];
  let arguments = (ins I64Attr:$axis);
  let results = (outs Any.tensor:$result);
  let assemblyFormat = "$axis attr-dict `:` type($result)";
  let hasVerifier = 1;
}

// ---- one element to one element ---------------------------------------------
def WhereOp : Structured<"where", [Elementwise,
                        AllTypesMatch<["x", "y", "result"]>]> {
  let summary = "x where the condition holds, else y";
  let description = [{
    Condition, x and y have one shape.

    ```mlir
    func.func @main(%c: tensor<2xi1>, %x: tensor<2xf32>, %y: tensor<2xf32>) -> tensor<2xf32> {
      %z = weft.where %c, %x, %y : tensor<2xi1>, tensor<2xf32>
      return %z : tensor<2xf32>
    }
    ```
  }];
  let arguments = (ins Bool.tensor:$condition, Any.tensor:$x, Any.tensor:$y);
  let results = (outs Any.tensor:$result);
  let assemblyFormat = "$condition `,` $x `,` $y attr-dict `:` type($condition) `,` type($x)";
}
def CastOp : Structured<"cast", [SameOperandsAndResultShape, Elementwise]> {
  let summary = "the same values in another type";
  let description = [{
    To a floating-point type: rounded to nearest, ties to even. To an integer
    type: truncated towards 0, saturating, NaN gives 0; integers wrap. To bool:
    true unless 0.

    ```mlir
    func.func @main(%x: tensor<2xf32>) -> tensor<2xi8> {
      %y = weft.cast %x : tensor<2xf32> -> tensor<2xi8>
      return %y : tensor<2xi8>
    }
    ```
  }];
  let arguments = (ins Any.tensor:$x);
  let results = (outs Any.tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasFolder = 1;
}
def ReducePrecisionOp : Weft_Op<"reduce_precision", [Pure, Elementwise,
                                        SameOperandsAndResultType]> {
  let summary = "x as it would be read back from memory";
  let description = [{
    Kernels compute floats of less than 32 bits in f32 and round them when they
    store them. This rounds a value that is read without being loaded, so that all
    readers see the same; passes put it where that matters. Other types stay as
    they are.

    With `tf32` it rounds f32 to the 10 bits of mantissa that tensor cores
    multiply, to the nearest, away from 0 in the middle. What is finite stays so:
    the largest numbers are cut off.

    ```mlir
    func.func @main(%x: tensor<2xf16>, %z: tensor<2xf32>) -> (tensor<2xf16>, tensor<2xf32>) {
      %y = weft.reduce_precision %x : tensor<2xf16>
      %w = weft.reduce_precision %z tf32 : tensor<2xf32>
      return %y, %w : tensor<2xf16>, tensor<2xf32>
    }
    ```
  }];
  let arguments = (ins Any.tensor:$x, UnitAttr:$tf32);
  let results = (outs Any.tensor:$result);
  let assemblyFormat = "$x (`tf32` $tf32^)? attr-dict `:` type($x)";
  let hasVerifier = 1;
}

// ---- moving elements --------------------------------------------------------
def BroadcastOp : Structured<"broadcast", [IsView]> {
  let summary = "repeats a tensor along new axes and axes of size 1, aligned right";
  let description = [{
    Every size of x, counted from the last, is that of the result or 1.

    ```mlir
    func.func @main(%x: tensor<3x1xf32>) -> tensor<2x3x4xf32> {
      %y = weft.broadcast %x : tensor<3x1xf32> -> tensor<2x3x4xf32>
      return %y : tensor<2x3x4xf32>
    }
    ```
  }];
  let arguments = (ins Any.tensor:$x);
  let results = (outs Any.tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}
def ReshapeOp : Structured<"reshape", [IsView]> {
  let summary = "the same elements in row-major order under another shape";
  let description = [{
    Both shapes have equally many elements.

    ```mlir
    func.func @main(%x: tensor<2x3xf32>) -> tensor<6xf32> {
      %y = weft.reshape %x : tensor<2x3xf32> -> tensor<6xf32>
      return %y : tensor<6xf32>
    }
    ```
  }];
  let arguments = (ins Any.tensor:$x);
  let results = (outs Any.tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}
def TransposeOp : Structured<"transpose", [IsView, DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "axis i of the result is axis permutation[i] of x";
  let description = [{
    The permutation names every axis once.

    ```mlir
    func.func @main(%x: tensor<2x3x4xf32>) -> tensor<4x2x3xf32> {
      %y = weft.transpose %x [2, 0, 1] : tensor<2x3x4xf32> -> tensor<4x2x3xf32>
      return %y : tensor<4x2x3xf32>
    }
    ```
  }];
  let arguments = (ins Any.tensor:$x, DenseI64ArrayAttr:$permutation);
  let results = (outs Any.tensor:$result);
  let assemblyFormat = "$x $permutation attr-dict `:` type($x) `->` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}
def SliceOp : Structured<"slice", [IsView]> {
  let summary = "elements start, start + step, ... of every axis";
  let description = [{
    The sizes are those of the result. Steps may be negative, but not 0; every
    element lies inside x.

    ```mlir
    func.func @main(%x: tensor<5xf32>) -> tensor<3xf32> {
      %y = weft.slice %x from [4] by [-2] : tensor<5xf32> -> tensor<3xf32>
      return %y : tensor<3xf32>
    }
    ```

    These are elements 4, 2 and 0.
  }];
  let arguments = (ins Any.tensor:$x, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$steps);
  let results = (outs Any.tensor:$result);
  let assemblyFormat = "$x `from` $starts `by` $steps attr-dict `:` type($x) `->` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}
def ResampleOp : Structured<"resample", [IsView]> {
  let summary = "elements at floor((start + i * step) / divisor) of every axis";
  let description = [{
    The sizes are those of the result. An index that is one before the first or
    one behind the last element counts as theirs; none lies further outside.

    ```mlir
    func.func @main(%x: tensor<2xf32>) -> tensor<5xf32> {
      %y = weft.resample %x from [-1] by [1] over [2] : tensor<2xf32> -> tensor<5xf32>
      return %y : tensor<5xf32>
    }
    ```

    These are elements 0 (for -1), 0, 0, 1 and 1.
  }];
  let arguments = (ins Any.tensor:$x, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$steps,
                       DenseI64ArrayAttr:$divisors);
  let results = (outs Any.tensor:$result);
  let assemblyFormat = [{
    $x `from` $starts `by` $steps `over` $divisors attr-dict `:` type($x) `->` type($result)
  }];
  let hasFolder = 1;
  let hasVerifier = 1;
}
def ConcatenateOp : Structured<"concatenate", [IsView, DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "tensors one after the other along an axis";
  let description = [{
    All other sizes are equal.

    ```mlir
    func.func @main(%x: tensor<2x3xf32>, %y: tensor<1x3xf32>) -> tensor<3x3xf32> {
      %z = weft.concatenate %x, %y along 0 : tensor<2x3xf32>, tensor<1x3xf32> -> tensor<3x3xf32>
      return %z : tensor<3x3xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<Any.tensor>:$inputs, I64Attr:$axis);
  let results = (outs Any.tensor:$result);
  let assemblyFormat = "$inputs `along` $axis attr-dict `:` type($inputs) `->` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}
def AsStridedOp : Structured<"as_strided", [IsView]> {
  let summary = "element i of the result is x[offset + sum(i[d] * strides[d])]";
  let description = [{
    Reads borrowed memory whose strides are the caller's. x has rank 1; no element
    lies outside it.

    ```mlir
    func.func @main(%x: tensor<6xf32>) -> tensor<2x2xf32> {
      %y = weft.as_strided %x offset 1 strides [3, 1] : tensor<6xf32> -> tensor<2x2xf32>
      return %y : tensor<2x2xf32>
    }
    ```
  }];
  let arguments = (ins Any.tensor:$x, I64Attr:$offset, DenseI64ArrayAttr:$strides);
  let results = (outs Any.tensor:$result);
  let assemblyFormat = "$x `offset` $offset `strides` $strides attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def ContiguousOp : Weft_Op<"contiguous", [Pure, Elementwise,
                                          SameOperandsAndResultType]> {
  let summary = "x, written to memory in row-major order";
  let description = [{
    A value that passes insert where a reader must find elements as they are, and
    not compute them or their places: no group reads through it.

    ```mlir
    func.func @main(%x: tensor<2x3xf16>) -> tensor<3x2xf16> {
      %t = weft.transpose %x [1, 0] : tensor<2x3xf16> -> tensor<3x2xf16>
      %y = weft.contiguous %t : tensor<3x2xf16>
      return %y : tensor<3x2xf16>
    }
    ```
  }];
  let arguments = (ins Any.tensor:$x);
  let results = (outs Any.tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

// ---- reductions -------------------------------------------------------------
/// Axes are ascending; the result drops them. The sum of nothing is 0, the
/// product 1, `all` true, `any` false; the others need at least one element.
/// Sums of 8- and 16-bit floats are formed in f32.
class Reduction<string mnemonic, string what, DTypes accepted>
    : Structured<mnemonic, [DeclareOpInterfaceMethods<InferTypeOpInterface>,
                            DeclareOpInterfaceMethods<AnchorOpInterface>,
                            DeclareOpInterfaceMethods<ReductionOpInterface>]> {
  let summary = what # " along some axes";
  let description = [{
    Axes are ascending; the result has the others. The sum of nothing is 0, the
    product 1, `all` true, `any` false; the largest and smallest of nothing are
    refused. Sums of 8- and 16-bit floats are formed in f32.

    ```mlir
    func.func @main(%x: tensor<2x3x4x}] # accepted.example # [{>) -> tensor<3x}] # accepted.example # [{> {
      %y = weft.}] # mnemonic # [{ %x over [0, 2] : tensor<2x3x4x}] # accepted.example # [{> -> tensor<3x}] # accepted.example # [{>
      return %y : tensor<3x}] # accepted.example # [{>
    }
    ```
  }];
  let arguments = (ins accepted.tensor:$x, DenseI64ArrayAttr:$axes);
  let results = (outs accepted.tensor:$result);
  let assemblyFormat = "$x `over` $axes attr-dict `:` type($x) `->` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *context, ::std::optional<::mlir::Location> location,
        ::mlir::ValueRange operands, ::mlir::DictionaryAttr attributes,
        ::mlir::OpaqueProperties properties, ::mlir::RegionRange regions,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      Adaptor adaptor(operands, attributes, properties, regions);
      return inferReductionType("}] # mnemonic # [{", location, adaptor.getX(),
                                adaptor.getAxes(), types);
    }
    ::llvm::LogicalResult $cppClass::verify() {
      return verifyReduction("}] # mnemonic # [{", *this, getX(), getAxes());
    }
    ::llvm::SmallVector<int64_t> $cppClass::getReducedAxes() {
      return ::llvm::SmallVector<int64_t>(getAxes());
    }
    ::weft::ir::ScheduleKind $cppClass::getScheduleKind() {
      return reductionSchedule(getX(), getAxes());
    }
    ::mlir::OpFoldResult $cppClass::fold(FoldAdaptor) {
      return getAxes().empty() ? getX() : ::mlir::Value();
    }
  }];
}
def SumOp  : Reduction<"sum",  "the sum",      Number>;
def ProdOp : Reduction<"prod", "the product",  Number>;
def MaxOp  : Reduction<"max",  "the largest",  Number>;
def MinOp  : Reduction<"min",  "the smallest", Number>;
def AllOp  : Reduction<"all",  "whether all elements are true", Bool>;
def AnyOp  : Reduction<"any",  "whether any element is true",   Bool>;

/// The first position of an extreme element along one axis, as i32; a NaN wins.
class ArgReduction<string mnemonic, string what>
    : Structured<mnemonic, [DeclareOpInterfaceMethods<InferTypeOpInterface>,
                            DeclareOpInterfaceMethods<AnchorOpInterface>,
                            DeclareOpInterfaceMethods<ReductionOpInterface>]> {
  let summary = "the first position of the " # what # " element along an axis";
  let description = [{
    A NaN wins. The axis has at least one element.

    ```mlir
    func.func @main(%x: tensor<2x3xf32>) -> tensor<2xi32> {
      %y = weft.}] # mnemonic # [{ %x over 1 : tensor<2x3xf32> -> tensor<2xi32>
      return %y : tensor<2xi32>
    }
    ```
  }];
  let arguments = (ins Number.tensor:$x, I64Attr:$axis);
  let results = (outs StaticShapeTensorOf<[I32]>:$result);
  let assemblyFormat = "$x `over` $axis attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *context, ::std::optional<::mlir::Location> location,
        ::mlir::ValueRange operands, ::mlir::DictionaryAttr attributes,
        ::mlir::OpaqueProperties properties, ::mlir::RegionRange regions,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      Adaptor adaptor(operands, attributes, properties, regions);
      return inferArgReductionType("}] # mnemonic # [{", location, adaptor.getX(),
                                   adaptor.getAxis(), types);
    }
    ::llvm::LogicalResult $cppClass::verify() {
      return verifyReduction("}] # mnemonic # [{", *this, getX(),
                             {static_cast<int64_t>(getAxis())});
    }
    ::llvm::SmallVector<int64_t> $cppClass::getReducedAxes() {
      return {static_cast<int64_t>(getAxis())};
    }
    ::weft::ir::ScheduleKind $cppClass::getScheduleKind() {
      return reductionSchedule(getX(), getReducedAxes());
    }
  }];
}
def ArgmaxOp : ArgReduction<"argmax", "largest">;
def ArgminOp : ArgReduction<"argmin", "smallest">;

// ---- whole ops, decomposed before fusion ------------------------------------
def SoftmaxOp : Structured<"softmax", [SameOperandsAndResultType]> {
  let summary = "exp(x - max(x)) over its sum along an axis";
  let description = [{
    Sums to 1 along the axis.

    ```mlir
    func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
      %y = weft.softmax %x over 1 : tensor<2x3xf32>
      return %y : tensor<2x3xf32>
    }
    ```
  }];
  let arguments = (ins Floating.tensor:$x, I64Attr:$axis);
  let results = (outs Floating.tensor:$result);
  let assemblyFormat = "$x `over` $axis attr-dict `:` type($x)";
  let hasVerifier = 1;
}
def BatchNormOp : Structured<"batch_norm", [AllTypesMatch<["x", "result"]>]> {
  let summary = "normalises every channel with given statistics";
  let description = [{
    `y = (x - mean[c]) / sqrt(var[c] + eps) * weight[c] + bias[c]`, where c is
    axis 1 of x. Parameters have the type of x, or f32 beside a narrower x; eps is
    finite and not negative. Source: Ioffe and Szegedy, "Batch Normalization", 2015.

    ```mlir
    func.func @main(%x: tensor<8x2xf32>, %p: tensor<2xf32>) -> tensor<8x2xf32> {
      %y = weft.batch_norm %x, %p, %p, %p, %p eps 1.0e-5
          : tensor<8x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
      return %y : tensor<8x2xf32>
    }
    ```
  }];
  let arguments = (ins Floating.tensor:$x, Floating.tensor:$weight,
                   Floating.tensor:$bias, Floating.tensor:$running_mean,
                   Floating.tensor:$running_var, F64Attr:$eps);
  let results = (outs Floating.tensor:$result);
  let assemblyFormat = [{
    $x `,` $weight `,` $bias `,` $running_mean `,` $running_var `eps` $eps
    attr-dict `:` type($x) `,` type($weight) `,` type($bias) `,`
    type($running_mean) `,` type($running_var)
  }];
  let hasVerifier = 1;
}

// ---- contractions and windows -----------------------------------------------
def MatmulOp : Structured<"matmul", [DeclareOpInterfaceMethods<InferTypeOpInterface>,
                                   DeclareOpInterfaceMethods<AnchorOpInterface>,
                                   DeclareOpInterfaceMethods<WindowOpInterface>]> {
  let summary = "[..., m, k] x [..., k, n] -> [..., m, n]";
  let description = [{
    Ranks and batch sizes are equal, and so are the types. `tf32_weights` says
    that elements of the right operand, of f32, are numbers that TF32 has: passes
    have rounded them.

    ```mlir
    func.func @main(%x: tensor<4x2xf32>, %y: tensor<2x3xf32>) -> tensor<4x3xf32> {
      %z = weft.matmul %x, %y : tensor<4x2xf32>, tensor<2x3xf32> -> tensor<4x3xf32>
      return %z : tensor<4x3xf32>
    }
    ```
  }];
  let arguments = (ins Number.tensor:$lhs, Number.tensor:$rhs,
                       UnitAttr:$tf32_weights);
  let results = (outs Number.tensor:$result);
  let assemblyFormat = "$lhs `,` $rhs (`tf32_weights` $tf32_weights^)? attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)";
  let hasVerifier = 1;
}
def AttentionOp : Weft_Op<"attention", [Pure, DeclareOpInterfaceMethods<AnchorOpInterface>,
                                      DeclareOpInterfaceMethods<WindowOpInterface>]> {
  let summary = "softmax(query key^T * scale + bias) value";
  let description = [{
    [..., m, d], [..., n, d] and [..., n, e] give [..., m, e]; the softmax runs
    over n. The scale is one number, the bias [..., m, n] may be left out. Passes
    make it of ops of the program for kernels that keep no [m, n] in memory.

    ```mlir
    func.func @main(%q: tensor<2x4x8xf16>, %k: tensor<2x6x8xf16>, %v: tensor<2x6x3xf16>, %s: tensor<f16>) -> tensor<2x4x3xf16> {
      %y = weft.attention %q, %k, %v, %s : (tensor<2x4x8xf16>, tensor<2x6x8xf16>, tensor<2x6x3xf16>, tensor<f16>) -> tensor<2x4x3xf16>
      return %y : tensor<2x4x3xf16>
    }
    ```
  }];
  let arguments = (ins Floating.tensor:$query, Floating.tensor:$key, Floating.tensor:$value,
                       Floating.tensor:$scale, Optional<Floating.tensor>:$bias);
  let results = (outs Floating.tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Whether one kernel computes attention of this type on tensor cores: a
    /// 16-bit float, at least 16 rows and keys, rows of query, key and value of
    /// 16, 32, ... or 256 elements.
    static bool suitsTensorCores(::mlir::Type type, int64_t rows, int64_t keys,
                                 int64_t depth, int64_t columns);
    /// The same of this op.
    bool suitsTensorCores();
  }];
}
def ConvOp : Structured<"conv", [DeclareOpInterfaceMethods<InferTypeOpInterface>,
                                   DeclareOpInterfaceMethods<AnchorOpInterface>,
                                   DeclareOpInterfaceMethods<WindowOpInterface>]> {
  let summary = "cross-correlation of x [N, C, ...] with w [O, C / groups, ...]";
  let description = [{
    The optional bias has shape [O] and the type of x, or f32 beside a narrower x.
    Padding is (low, high) of each spatial axis.
    An output size is
    `floor((size + low + high - dilation * (kernel - 1) - 1) / stride) + 1`.
    With `channels_last`, x and the result are [N, ..., C] and w is
    [O, ..., C / groups]. `tf32_weights` says of w what it says of the right
    operand of a matmul.

    ```mlir
    func.func @main(%x: tensor<1x2x8xf32>, %w: tensor<4x2x3xf32>, %b: tensor<4xf32>) -> tensor<1x4x4xf32> {
      %y = weft.conv %x, %w, %b stride [2] padding [1, 1] dilation [1] groups 1
          : tensor<1x2x8xf32>, tensor<4x2x3xf32>, tensor<4xf32> -> tensor<1x4x4xf32>
      return %y : tensor<1x4x4xf32>
    }
    ```
  }];
  let arguments = (ins Floating.tensor:$x, Floating.tensor:$w,
                   Optional<Floating.tensor>:$bias,
                   DenseI64ArrayAttr:$stride, DenseI64ArrayAttr:$padding,
                   DenseI64ArrayAttr:$dilation, I64Attr:$groups,
                   UnitAttr:$channels_last, UnitAttr:$tf32_weights);
  let results = (outs Floating.tensor:$result);
  let assemblyFormat = [{
    $x `,` $w (`,` $bias^)? `stride` $stride `padding` $padding
    `dilation` $dilation `groups` $groups (`channels_last` $channels_last^)?
    (`tf32_weights` $tf32_weights^)?
    attr-dict `:`
    type($x) `,` type($w) (`,` type($bias)^)? `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The axis of the channels, of x and the result.
    int64_t getChannelAxis() {
      return getChannelsLast() ? static_cast<int64_t>(getStride().size()) + 1 : 1;
    }
    /// The sizes of w along the spatial axes.
    ::llvm::ArrayRef<int64_t> getKernel() {
      auto w = ::llvm::cast<::mlir::RankedTensorType>(getW().getType());
      return w.getShape().drop_front(getChannelsLast() ? 1 : 2)
                         .take_front(getStride().size());
    }
  }];
}
class Pooling<string mnemonic, string what, dag extra>
    : Structured<mnemonic, [DeclareOpInterfaceMethods<InferTypeOpInterface>,
                            DeclareOpInterfaceMethods<AnchorOpInterface>,
                            DeclareOpInterfaceMethods<WindowOpInterface>]> {
  let summary = what # " over windows of the spatial axes of x [N, C, ...]";
  let arguments = !con((ins Number.tensor:$x, DenseI64ArrayAttr:$kernel,
                        DenseI64ArrayAttr:$stride, DenseI64ArrayAttr:$padding),
                   extra, (ins UnitAttr:$channels_last));
  let results = (outs Number.tensor:$result);
  let hasVerifier = 1;
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *context, ::std::optional<::mlir::Location> location,
        ::mlir::ValueRange operands, ::mlir::DictionaryAttr attributes,
        ::mlir::OpaqueProperties properties, ::mlir::RegionRange regions,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      Adaptor adaptor(operands, attributes, properties, regions);
      return inferPoolType("}] # mnemonic # [{", location, adaptor.getX(),
                           adaptor.getKernel(), adaptor.getStride(),
                           adaptor.getPadding(), adaptor.getChannelsLast(), types);
    }
    ::llvm::LogicalResult $cppClass::verify() {
      return verifyPool("}] # mnemonic # [{", *this, getX(), getKernel(),
                        getStride(), getPadding(), getChannelsLast());
    }
    ::llvm::SmallVector<int64_t> $cppClass::getInnerSizes() {
      return ::llvm::SmallVector<int64_t>(getKernel());
    }
    ::weft::ir::ScheduleKind $cppClass::getScheduleKind() {
      return ScheduleKind::window;
    }
  }];
}
def MaxpoolOp : Pooling<"maxpool", "the largest element", (ins)> {
  let description = [{
    Padding counts as smaller than every element. With `channels_last`, x and the
    result are [N, ..., C].

    ```mlir
    func.func @main(%x: tensor<1x2x8xf32>) -> tensor<1x2x4xf32> {
      %y = weft.maxpool %x kernel [3] stride [2] padding [1, 1] : tensor<1x2x8xf32> -> tensor<1x2x4xf32>
      return %y : tensor<1x2x4xf32>
    }
    ```
  }];
  let assemblyFormat = [{
    $x `kernel` $kernel `stride` $stride `padding` $padding
    (`channels_last` $channels_last^)? attr-dict `:` type($x) `->` type($result)
  }];
}
def AvgpoolOp : Pooling<"avgpool", "the mean", (ins BoolAttr:$count_include_pad)> {
  let description = [{
    Padding counts as elements that are 0 if `count_include_pad` says so, else not
    at all. With `channels_last`, x and the result are [N, ..., C].

    ```mlir
    func.func @main(%x: tensor<1x2x8xf32>) -> tensor<1x2x4xf32> {
      %y = weft.avgpool %x kernel [3] stride [2] padding [1, 1]
          count_include_pad false : tensor<1x2x8xf32> -> tensor<1x2x4xf32>
      return %y : tensor<1x2x4xf32>
    }
    ```
  }];
  let assemblyFormat = [{
    $x `kernel` $kernel `stride` $stride `padding` $padding
    `count_include_pad` $count_include_pad (`channels_last` $channels_last^)?
    attr-dict `:` type($x) `->` type($result)
  }];
}

// ---- groups -----------------------------------------------------------------
def Loop : I32EnumAttrCase<"loop", 0>;
def RowSchedule : I32EnumAttrCase<"row", 1>;
def ColumnSchedule : I32EnumAttrCase<"column", 2>;
def WindowSchedule : I32EnumAttrCase<"window", 3>;
def GemmSchedule : I32EnumAttrCase<"gemm", 4>;
def AttentionSchedule : I32EnumAttrCase<"attention", 5>;
def PairSchedule : I32EnumAttrCase<"pair", 6>;
def ScheduleKind : I32EnumAttr<"ScheduleKind", "the form of a group's loops", [
    Loop, RowSchedule, ColumnSchedule, WindowSchedule, GemmSchedule,
    AttentionSchedule, PairSchedule]> {
  let cppNamespace = "::weft::ir";
  let genSpecializedAttr = 0;
}
def ScheduleAttr : AttrDef<Weft_Dialect, "Schedule"> {
  let mnemonic = "schedule";
  let summary = "the form of a group's loops";
  let description = [{
    `loop`: one pass over the result; `row`: reductions along the innermost axes;
    `column`: reductions along outer axes; `window`: conv and pooling; `gemm`: a
    matrix product; `attention`: two with a softmax between; `pair`: two where the
    second multiplies a result of the first. It follows from the ops of the
    group. How the loops run is decided where all of them are known, in the back
    ends.
  }];
  let parameters = (ins EnumParameter<ScheduleKind>:$kind);
  let assemblyFormat = "`<` $kind `>`";
}
def GroupOperand : AnyTypeOf<!listconcat([Any.tensor], Any.elementTypes),
                             "a tensor or number of the dialect">;
def GroupOp : Weft_Op<"group", [Pure, IsolatedFromAbove,
                                SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "ops that become one kernel";
  let description = [{
    The region's arguments stand for the operands; it holds tensor-level ops and
    yields the results. Both back ends lower the same group. Numbers of the caller
    are operands as well.

    One loop nest computes it: besides element-wise ops, views and sources it
    holds either reductions over the same axes of the same shape, or one window
    (conv, pooling, matmul, attention), or neither. A convolution may have its
    results, with element-wise ops behind it, pooled at once: its group then holds a
    maxpool of the same shape and layout as well, the one result. A result has an element for every point
    of the loops, or for every row that is reduced. Constants have one value. The
    schedule, if there is one, is for such loops.

    A pair holds two products (conv or matmul), each with loops of its own. The data
    of the second is a result of the group that follows from the first.

    ```mlir
    func.func @main(%x: tensor<4xf32>, %s: f32) -> tensor<4xf32> {
      %y = weft.group(%a = %x, %b = %s) schedule(<loop>) : tensor<4xf32>, f32 -> tensor<4xf32> {
        %c = weft.splat %b : f32 -> tensor<4xf32>
        %d = weft.mul %a, %c : tensor<4xf32>
        weft.yield %d : tensor<4xf32>
      }
      return %y : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<GroupOperand>:$inputs, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs Variadic<Any.tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let extraClassDeclaration = [{
    /// Whether result `result` may be written where operand `operand` is read:
    /// whoever runs the group has read element i of the operand for the last time
    /// when element i of the result is known. `weft.in_place` says where memory is
    /// planned so; there, kernels must not take the two for different memory.
    bool mayRunInPlace(unsigned operand, unsigned result);
    /// Whether the group holds two products, the data of the second of which is
    /// result `getPairedResult()`, and its value in the region.
    bool isPair();
    unsigned getPairedResult();
    ::mlir::Value getPairedValue();
    /// The max pooling that reads what the loops of the group's convolution
    /// compute, and is its one result; null if there is none.
    MaxpoolOp getPooling();
  }];
  let hasCustomAssemblyFormat = 1;
  let hasRegionVerifier = 1;
}
def YieldOp : Weft_Op<"yield", [Pure, Terminator, ReturnLike, HasParent<"GroupOp">]> {
  let summary = "the results of a group";
  let arguments = (ins Variadic<Any.tensor>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
  let builders = [OpBuilder<(ins), [{ }]>];
}

#endif // WEFT_IR_STRUCTURED_OPS
