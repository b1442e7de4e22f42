// SPDX-License-Identifier: Apache-2.0
// Every pass of the compiler: what changes, before and after.
#ifndef WEFT_TRANSFORMS_PASSES
#define WEFT_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

defvar explain = Option<"explain", "explain", "bool", "false",
                        "Emit remarks for the user">;

def FoldBatchNorm : Pass<"weft-fold-batch-norm", "::mlir::func::FuncOp"> {
  let summary = "Turn batch norms into a scale and a shift per channel";
  let description = [{
    ```
    %y = weft.batch_norm %x, %weight, %bias, %mean, %var eps e
      ==>
    scale = weight * rsqrt(var + e)        [C], f32 (f64 for f64 x)
    shift = bias - mean * scale            [C]
    %y = %x * scale + shift                each broadcast along axis 1
    ```
    The product and sum are computed in the type of scale and shift; a narrower
    x is cast before and the result after, so that it is rounded once.
  }];
  let options = [explain];
}

def FoldIntoWeights : Pass<"weft-fold-into-weights", "::mlir::func::FuncOp"> {
  let summary = "Fold per-channel scales and shifts into conv and matmul";
  let description = [{
    ```
    conv(x, w, b) * scale[c]              ==>  conv(x, w * scale, b * scale)
    conv(x, w, b) + shift[c]              ==>  conv(x, w, b + shift)
    matmul(x, w) * scale[n]               ==>  matmul(x, w * scale)
    (matmul(x, w) + b[n]) * scale[n]      ==>  matmul(x, w * scale) + b * scale
    ```
    where w, b, scale and shift depend on parameters and constants alone, so
    that the new weights are computed once per set of weights. Not done where
    the conv has another use, or where the weights have less than 32 bits:
    rounding the scaled weights would cost accuracy.
  }];
  let options = [explain];
}

def Decompose : Pass<"weft-decompose", "::mlir::func::FuncOp"> {
  let summary = "Write whole ops in terms of rows and reductions";
  let description = [{
    ```
    softmax(x)  ==>  e / sum(e),  e = exp(x - max(x))
    ```
    Floats below 32 bits are cast to f32 first and back at the end.
  }];
}

def HoistParameters : Pass<"weft-hoist-parameters", "::mlir::ModuleOp"> {
  let summary = "Move what depends on parameters alone to @prepare";
  let description = [{
    ```
    func @main(%x, %w {weft.parameter}) { conv(%x, mul(%w, 2)) }
      ==>
    func @main(%x, %w {weft.parameter}, %p {weft.prepared = 0}) { conv(%x, %p) }
    func @prepare(%w {weft.parameter}) { return mul(%w, 2) }
    ```
    The arguments of `@main` keep their numbers, used or not.
    Reshapes, broadcasts, transposes and slices of a parameter stay: they cost
    index arithmetic, and a broadcast kept in memory would only be larger. What
    only feeds a result of the function stays as well: it is computed once.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

#endif // WEFT_TRANSFORMS_PASSES
