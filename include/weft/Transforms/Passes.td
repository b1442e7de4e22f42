// SPDX-License-Identifier: Apache-2.0
// Every pass of the compiler: what changes, before and after.
#ifndef WEFT_TRANSFORMS_PASSES
#define WEFT_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

defvar explain = Option<"explain", "explain", "bool", "false",
                        "Emit remarks for the user">;
defvar library = Option<"library", "library", "::weft::Library",
                        "::weft::Library::none", "What a library multiplies",
                        "::weft::libraryNames()">;

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

    This changes rounding: mean * scale and x * scale are rounded before they
    are subtracted, which tells where x is close to a mean far from 0. And where
    scale or shift is infinite (var + e is 0, or a statistic is infinite),
    results that the formula gives as inf or a number are NaN: for x = 2,
    mean = 1, var = 0 and e = 0 the formula gives inf, and 2 * inf - 1 * inf is
    NaN.
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
    (matmul(x, w) + b[n]) + shift[n]      ==>  matmul(x, w) + (b + shift)[n]
    ```
    where w, b, scale and shift depend on parameters and constants alone, so
    that the new weights are computed once per set of weights. Not done where
    the conv has another use, or where the weights have less than 32 bits:
    rounding the scaled weights would cost accuracy. The last one leaves the
    weights alone, so they may be any.
  }];
  let options = [explain];
}

def FuseAttention : Pass<"weft-fuse-attention", "::mlir::func::FuncOp"> {
  let summary = "Make attention one op where tensor cores compute it whole";
  let description = [{
    ```
    %s = weft.matmul %q, %kT
    %w = weft.softmax (%s * scale + %bias) over its last axis
    %y = weft.matmul %w, %v
      ==>
    %y = weft.attention %q, %k, %v, scale, %bias
    ```
    The scale is one number, by which scores are multiplied or divided; it and
    the bias may be missing, and casts to f32 and back may stand between. Not
    done where scores or weights are read by others as well, nor for types and
    sizes that the kernel does not compute.

    This changes rounding: scores are not rounded to 16 bits, and weights once,
    for the product with the values, before they are divided by their sum. And
    scores beyond 2e38, which bfloat16 has, overflow: their row is NaN.
  }];
}

def Decompose : Pass<"weft-decompose", "::mlir::func::FuncOp"> {
  let summary = "Write whole ops in terms of rows and reductions";
  let description = [{
    ```
    softmax(x)                     ==>  e / sum(e),  e = exp(x - max(x))
    attention(q, k, v, scale, b)   ==>  softmax(q k^T * scale + b) v
    ```
    Floats below 32 bits are cast to f32 first and back at the end.
  }];
  let options = [Option<"keepAttention", "keep-attention", "bool", "false",
                        "Leave attention that suits tensor cores as it is">];
}

def SinkReshapes : Pass<"weft-sink-reshapes", "::mlir::func::FuncOp"> {
  let summary = "Let what is computed from a product work on its rows";
  let description = [{
    ```
    %z = weft.add (reshape %y), %b
      ==>
    %z = reshape (weft.add %y, (reshape %b))
    ```
    where %y is a matmul that nobody else reads, or such a sum of one. A linear
    layer on [batch, tokens, features] multiplies [batch * tokens, features]: its
    bias, activation and residual join the product's kernel.
  }];
}

def AssignLayout : Pass<"weft-assign-layout", "::mlir::func::FuncOp"> {
  let summary = "Let convolutions of 16-bit floats work with their channels last";
  let description = [{
    ```
    %y = weft.conv %x, %w ...
    %z = weft.relu %y
      ==>
    %xl = weft.contiguous (transpose %x to [N, ..., C])
    %wl = weft.contiguous (transpose %w to [O, ..., C])
    %yl = weft.conv %xl, %wl ... channels_last
    %zl = weft.relu %yl
    %z = weft.transpose %zl back
    ```
    Element-wise ops, pooling, reductions, slices and concatenations of such
    results follow, so that transposes meet their inverse and vanish. Channels
    are padded with zeros to 4 or a multiple of 8, in the data and the weights;
    of 4 channels under a stride of 2, two neighbouring pixels become one.
    Windows of an odd size then hold a pixel that the old ones did not, with
    weights of zero: if it is infinite or NaN, their result is NaN.
    Where a cast or a scaling stands before a product, its result is made
    contiguous as well: tensor cores read what lies in memory.

    With `tf32` those of float32 do so as well, with channels padded to a multiple
    of 4, unless they are small; those with groups where their data do.

    With `library`, convolutions of the types it multiplies do so instead. It
    takes any number of channels and weights that lie in any way: what is moved
    are transposes alone.
  }];
  let options = [library,
                 Option<"tf32", "tf32", "bool", /*default=*/"false",
                        "Tensor cores multiply float32">];
}

def SumProducts : Pass<"weft-sum-products", "::mlir::func::FuncOp"> {
  let summary = "Make a sum of two products one product";
  let description = [{
    ```
    %a = weft.conv %x, %v ...                    1x1, channels last
    %b = weft.conv %z, %w stride [2, 2] ...      the same
    %y = weft.add (%a * f + s), (%b * g + t)
      ==>
    m = 2 * max(|f|, |g|)                        [C], f32
    %rows = weft.concatenate %x, (slice %z by [1, 2, 2, 1])
    %both = weft.concatenate (%v * f/m), (%w * g/m)
    %y = (weft.conv %rows, %both) * m + (s + t)
    ```
    where factors and what is added, each a number per channel, and the weights
    depend on parameters and constants alone; any of them may be missing. If all
    of them are, and the sum has the type of the products, the weights are not
    halved. The same for products of matrices. Of 16-bit floats, and not where
    the products or what is between them and the sum have another use. Whether a
    device has a kernel for it says whoever adds the pass to a pipeline.

    This changes rounding: summands are not rounded before they are added, but
    the weights of the one with the smaller factor are, once more; in float16
    they may become subnormal if it is hundreds of times smaller. Where a factor
    is beyond 1.7e38 the result is NaN.
  }];
}

def RoundWeights : Pass<"weft-round-weights", "::mlir::func::FuncOp"> {
  let summary = "Round the weights of float32 products to TF32";
  let description = [{
    ```
    %y = weft.matmul %x, (transpose %w {weft.parameter})
      ==>
    %r = weft.reduce_precision %w tf32
    %y = weft.matmul %x, (transpose %r) tf32_weights
    ```
    and the same for convolutions with channels last and without groups, where
    the weights depend on parameters and constants alone, and there are enough
    rows, columns and steps of k for tensor cores. These cut the bits off that
    TF32 has not: of data they are rounded in registers, but warp groups read
    weights from memory. Whether a device has such a kernel for a product says
    whoever adds the pass to a pipeline.
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
    index arithmetic, and a broadcast kept in memory would only be larger. So
    does a result with more elements than all the parameters it is made from and
    65536 more: `p[1024] + q[65536, 1]` would turn 260 KB into 256 MB. What it is
    made from moves. What only feeds a result of the function stays as well: it
    is computed once.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def PoolBeforeRelu : Pass<"weft-pool-before-relu", "::mlir::func::FuncOp"> {
  let summary = "Pool what the library convolves before its relu";
  let description = [{
    ```
    %y = weft.relu (weft.conv %x, %w ... channels_last)
    %z = weft.maxpool %y ...
      ==>
    %y = weft.maxpool (weft.conv %x, %w ... channels_last) ...
    %z = weft.relu %y
    ```
    The relu is no pass of its own then, but computed by the kernel that pools: of
    fewer elements, unless the windows lie one element apart. Both orders give the
    same: a relu keeps the order of numbers, and both ops keep NaN. Windows that
    may lie in the padding alone are left as they are, since their largest element
    is below 0. So is a relu or a convolution that somebody else reads, and a
    convolution of Weft's own kernels, which compute the relu with it.
  }];
  let options = [library];
}

def SplitBatch : Pass<"weft-split-batch", "::mlir::func::FuncOp"> {
  let summary = "Let each thread compute a part of the batch";
  let description = [{
    ```
    func @main(%x: tensor<8x3x224x224>, %w: tensor<64x3x7x7>) -> tensor<8x1000>
      ==>
    func @main(%x: tensor<4x3x224x224> {weft.part}, %w: tensor<64x3x7x7>)
        -> tensor<4x1000> attributes {weft.parts = 2}
    ```
    The function then computes one part; it runs once for each, on parts of the
    arguments that say so and the whole of the others. No thread waits for
    another between two steps, and what one has computed lies in the cache of the
    core that reads it.

    It is done where nothing but the first axis of every result tells the parts
    apart: no op on the way mixes elements of different parts, and the axis is
    a multiple of them. It has to pay as well (`gainsFromParts`).
  }];
  let options = [library,
                 Option<"parts", "parts", "int64_t", "1", "One for each thread">];
}

def Fuse : Pass<"weft-fuse", "::mlir::func::FuncOp"> {
  let summary = "Gather ops into groups, one kernel each";
  let description = [{
    ```
    %a = weft.conv %x, %w ...            %r = weft.group(%x, %w, %y)
    %b = weft.add %a, %y          ==>          schedule(<window>) {
    %r = weft.relu %b                      conv, add, relu }
    ```
    A group has one iteration space and one of these forms:

    - `loop`: element-wise and index ops; all results have one shape.
    - `row`, `column`: reductions over the same axes of the same shape, and what
      is computed before, between and after them. A result has that shape or one
      element a row. `row` where the innermost axis is reduced.
    - `window` (conv, pooling), `gemm` (matmul), `attention`: one such op; casts
      and scalings of its operands, if they are not made contiguous; cheap ops of
      a bias; element-wise ops on its result. Max pooling of these joins a
      convolution, and so does what puts its image in order, where the device
      has one kernel for them (`ImageRule`).

    Broadcast, reshape, transpose, slice, resample, concatenate, as_strided, iota
    and splats are index arithmetic: every group that reads through one holds a copy.
    An op that is cheap to compute may be copied too; others never are.

    With `library`, a convolution or product of a type it multiplies is a group
    with no more than its bias.
  }];
  let options = [explain, library];
}

def PairProducts : Pass<"weft-pair-products", "::mlir::func::FuncOp"> {
  let summary = "Make two groups one where a product multiplies what one stores";
  let description = [{
    ```
    %y = weft.group(%x, %w, %r) { conv, add, relu }
    %z = weft.group(%y, %v) { conv, relu }
      ==>
    %y, %z = weft.group(%x, %w, %r, %v) schedule(<pair>)
    ```
    The second product is a matmul or a conv with a window of one pixel, channels
    last, and the first stores all that it multiplies. Whether one kernel gains
    says whoever adds the pass to a pipeline.
  }];
}

def PlanMemory : Pass<"weft-plan-memory", "::mlir::func::FuncOp"> {
  let summary = "Give intermediate results their places in one arena";
  let description = [{
    Sets `weft.offsets` on every group (bytes, a multiple of 256; -1 for results
    of the function) and `weft.arena_bytes` on the function. Results whose
    lifetimes overlap do not overlap in memory, but for one case: a group may
    write a result over an operand that nobody reads later, if it reads element i
    of the operand for element i of the result (`GroupOp::mayRunInPlace`).
    `weft.in_place` then says which operand that is.
  }];
}

#endif // WEFT_TRANSFORMS_PASSES
