// What becomes one kernel, and what does not, with the reason.
// RUN: weft-opt %s -weft-fuse -split-input-file | FileCheck %s
// RUN: weft-opt %s -weft-fuse=explain=true -split-input-file -verify-diagnostics

// CHECK-LABEL: @chain_with_scalar
// CHECK-SAME: (%[[X:.*]]: tensor<4x3xf32>, %[[C:.*]]: tensor<3xf32>, %[[S:.*]]: f32)
// CHECK-NEXT: %[[G:.*]] = weft.group(%[[A:.*]] = %[[S]], %[[B:.*]] = %[[X]], %[[D:.*]] = %[[C]]) schedule(<loop>)
// CHECK-NEXT: weft.splat %[[A]]
// CHECK-NEXT: weft.mul %[[B]]
// CHECK-NEXT: weft.broadcast %[[D]]
// CHECK-NEXT: weft.add
// CHECK-NEXT: weft.exp
// CHECK-NEXT: weft.yield
// CHECK-NEXT: }
// CHECK-NEXT: return %[[G]]
func.func @chain_with_scalar(%x: tensor<4x3xf32>, %c: tensor<3xf32>, %s: f32)
    -> tensor<4x3xf32> {
  %0 = weft.splat %s : f32 -> tensor<4x3xf32>
  %1 = weft.mul %x, %0 : tensor<4x3xf32>
  %2 = weft.broadcast %c : tensor<3xf32> -> tensor<4x3xf32>
  %3 = weft.add %1, %2 : tensor<4x3xf32>
  %4 = weft.exp %3 : tensor<4x3xf32>
  return %4 : tensor<4x3xf32>
}

// -----

// One kernel writes both results.
// CHECK-LABEL: @two_results
// CHECK: weft.group{{.*}} -> tensor<4xf32>, tensor<4xf32>
// CHECK-NOT: weft.group
func.func @two_results(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = weft.exp %x : tensor<4xf32>
  %1 = weft.neg %0 : tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

// -----

// Nothing links them but the tensor they read.
// CHECK-LABEL: @siblings
// CHECK: weft.group{{.*}} -> tensor<4xf32>, tensor<4xf32>
// CHECK-NOT: weft.group
func.func @siblings(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = weft.exp %x : tensor<4xf32>
  %1 = weft.neg %x : tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

// -----

// CHECK-LABEL: @no_siblings_of_strangers
// CHECK-COUNT-2: weft.group
func.func @no_siblings_of_strangers(%x: tensor<4xf32>, %y: tensor<4xf32>)
    -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = weft.exp %x : tensor<4xf32>
  %1 = weft.neg %y : tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

// -----

// Softmax: two reductions and what stands before, between and after.
// CHECK-LABEL: @softmax
// CHECK: weft.group(%{{.*}} = %arg0) schedule(<row>) : tensor<2x8xf32> -> tensor<2x8xf32>
// CHECK-NOT: weft.group
func.func @softmax(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %0 = weft.max %x over [1] : tensor<2x8xf32> -> tensor<2xf32>
  %1 = weft.reshape %0 : tensor<2xf32> -> tensor<2x1xf32>
  %2 = weft.broadcast %1 : tensor<2x1xf32> -> tensor<2x8xf32>
  %3 = weft.sub %x, %2 : tensor<2x8xf32>
  %4 = weft.exp %3 : tensor<2x8xf32>
  %5 = weft.sum %4 over [1] : tensor<2x8xf32> -> tensor<2xf32>
  %6 = weft.reshape %5 : tensor<2xf32> -> tensor<2x1xf32>
  %7 = weft.broadcast %6 : tensor<2x1xf32> -> tensor<2x8xf32>
  %8 = weft.div %4, %7 : tensor<2x8xf32>
  return %8 : tensor<2x8xf32>
}

// -----

// Layer norm, and its row statistics as results too; rsqrt once a row.
// CHECK-LABEL: @layer_norm
// CHECK: weft.group{{.*}} schedule(<row>) : {{.*}} -> tensor<2x1xf32>, tensor<2x8xf32>
// CHECK-NOT: weft.group
func.func @layer_norm(%x: tensor<2x8xf32>, %w: tensor<8xf32>)
    -> (tensor<2x1xf32>, tensor<2x8xf32>) {
  %n = weft.constant dense<8.0> : tensor<2x1xf32>
  %0 = weft.sum %x over [1] : tensor<2x8xf32> -> tensor<2xf32>
  %1 = weft.reshape %0 : tensor<2xf32> -> tensor<2x1xf32>
  %2 = weft.div %1, %n : tensor<2x1xf32>
  %3 = weft.broadcast %2 : tensor<2x1xf32> -> tensor<2x8xf32>
  %4 = weft.sub %x, %3 : tensor<2x8xf32>
  %5 = weft.mul %4, %4 : tensor<2x8xf32>
  %6 = weft.sum %5 over [1] : tensor<2x8xf32> -> tensor<2xf32>
  %7 = weft.reshape %6 : tensor<2xf32> -> tensor<2x1xf32>
  %8 = weft.div %7, %n : tensor<2x1xf32>
  %9 = weft.rsqrt %8 : tensor<2x1xf32>
  %10 = weft.broadcast %9 : tensor<2x1xf32> -> tensor<2x8xf32>
  %11 = weft.mul %4, %10 : tensor<2x8xf32>
  %12 = weft.broadcast %w : tensor<8xf32> -> tensor<2x8xf32>
  %13 = weft.mul %11, %12 : tensor<2x8xf32>
  return %2, %13 : tensor<2x1xf32>, tensor<2x8xf32>
}

// -----

// CHECK-LABEL: @outer_axis
// CHECK: schedule(<column>)
func.func @outer_axis(%x: tensor<8x4xf32>) -> tensor<4xf32> {
  %0 = weft.exp %x : tensor<8x4xf32>
  %1 = weft.sum %0 over [0] : tensor<8x4xf32> -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

// CHECK-LABEL: @no_fusion_of_different_axes
// CHECK-COUNT-2: weft.group
func.func @no_fusion_of_different_axes(%x: tensor<8x4xf32>) -> (tensor<4xf32>, tensor<8xf32>) {
  %0 = weft.exp %x : tensor<8x4xf32>
  %1 = weft.sum %0 over [0] : tensor<8x4xf32> -> tensor<4xf32>
  // expected-remark @below {{not fused: exp -> sum: they reduce different axes: [0] and [1]}}
  %2 = weft.sum %0 over [1] : tensor<8x4xf32> -> tensor<8xf32>
  return %1, %2 : tensor<4xf32>, tensor<8xf32>
}

// -----

// A reduction of a reduction runs over another shape.
// CHECK-LABEL: @no_fusion_of_different_shapes
// CHECK-COUNT-2: weft.group
func.func @no_fusion_of_different_shapes(%x: tensor<8x4xf32>) -> tensor<f32> {
  %0 = weft.max %x over [1] : tensor<8x4xf32> -> tensor<8xf32>
  // expected-remark @below {{not fused: max -> sum: they reduce different shapes: [8, 4] and [8]}}
  %1 = weft.sum %0 over [0] : tensor<8xf32> -> tensor<f32>
  return %1 : tensor<f32>
}

// -----

// The sum of a row of a million is written back by many blocks, not by one.
// CHECK-LABEL: @no_fusion_of_long_rows
// CHECK-COUNT-2: weft.group
func.func @no_fusion_of_long_rows(%x: tensor<1000000xf32>) -> tensor<1000000xf32> {
  %0 = weft.sum %x over [0] : tensor<1000000xf32> -> tensor<f32>
  %1 = weft.broadcast %0 : tensor<f32> -> tensor<1000000xf32>
  // expected-remark @below {{not fused: sum -> sub: its few rows are long: many blocks write them faster}}
  %2 = weft.sub %x, %1 : tensor<1000000xf32>
  return %2 : tensor<1000000xf32>
}

// -----

// There are enough rows to keep every block busy.
// CHECK-LABEL: @many_long_rows
// CHECK: weft.group
// CHECK-NOT: weft.group
func.func @many_long_rows(%x: tensor<64x100000xf32>) -> tensor<64x100000xf32> {
  %0 = weft.sum %x over [1] : tensor<64x100000xf32> -> tensor<64xf32>
  %1 = weft.reshape %0 : tensor<64xf32> -> tensor<64x1xf32>
  %2 = weft.broadcast %1 : tensor<64x1xf32> -> tensor<64x100000xf32>
  %3 = weft.sub %x, %2 : tensor<64x100000xf32>
  return %3 : tensor<64x100000xf32>
}

// -----

// Conv with what follows it: scale, residual, relu, cast.
// CHECK-LABEL: @conv_epilogue
// CHECK: weft.group{{.*}} schedule(<window>) : {{.*}} -> tensor<1x3x4xf16>
// CHECK-NOT: weft.group
func.func @conv_epilogue(%x: tensor<1x2x4xf32>, %w: tensor<3x2x1xf32>,
                         %s: tensor<3xf32>, %r: tensor<1x3x4xf32>) -> tensor<1x3x4xf16> {
  %0 = weft.conv %x, %w stride [1] padding [0, 0] dilation [1] groups 1
      : tensor<1x2x4xf32>, tensor<3x2x1xf32> -> tensor<1x3x4xf32>
  %1 = weft.reshape %s : tensor<3xf32> -> tensor<1x3x1xf32>
  %2 = weft.broadcast %1 : tensor<1x3x1xf32> -> tensor<1x3x4xf32>
  %3 = weft.mul %0, %2 : tensor<1x3x4xf32>
  %4 = weft.add %3, %r : tensor<1x3x4xf32>
  %5 = weft.relu %4 : tensor<1x3x4xf32>
  %6 = weft.cast %5 : tensor<1x3x4xf32> -> tensor<1x3x4xf16>
  return %6 : tensor<1x3x4xf16>
}

// -----

// An image as a camera gives it: cast, scaled and permuted inside the conv.
// CHECK-LABEL: @conv_prologue
// CHECK: weft.group{{.*}} schedule(<window>)
// CHECK: weft.cast
// CHECK: weft.mul
// CHECK: weft.transpose
// CHECK: weft.conv
// CHECK: weft.relu
// CHECK-NOT: weft.group
func.func @conv_prologue(%x: tensor<1x8x8x3xui8>, %w: tensor<4x3x3x3xf32>, %b: tensor<4xf32>)
    -> tensor<1x4x8x8xf32> {
  %0 = weft.cast %x : tensor<1x8x8x3xui8> -> tensor<1x8x8x3xf32>
  %s = weft.constant dense<0.00392156886> : tensor<1x8x8x3xf32>
  %1 = weft.mul %0, %s : tensor<1x8x8x3xf32>
  %2 = weft.transpose %1 [0, 3, 1, 2] : tensor<1x8x8x3xf32> -> tensor<1x3x8x8xf32>
  %3 = weft.conv %2, %w, %b stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1
      : tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>, tensor<4xf32> -> tensor<1x4x8x8xf32>
  %4 = weft.relu %3 : tensor<1x4x8x8xf32>
  return %4 : tensor<1x4x8x8xf32>
}

// -----

// Tensor cores read what is rounded to TF32 from memory.
// CHECK-LABEL: @no_prologue_of_tf32
// CHECK: %[[R:.*]] = weft.group(%{{.*}} = %arg1)
// CHECK-NEXT: weft.reduce_precision %{{.*}} tf32
// CHECK: weft.group(%{{.*}} = %[[R]], %{{.*}} = %arg0)
// CHECK-NOT: weft.reduce_precision
func.func @no_prologue_of_tf32(%x: tensor<64x96xf32>, %w: tensor<32x96xf32>) -> tensor<64x32xf32> {
  %r = weft.reduce_precision %w tf32 : tensor<32x96xf32>
  %t = weft.transpose %r [1, 0] : tensor<32x96xf32> -> tensor<96x32xf32>
  // expected-remark @below {{not fused: reduce_precision -> matmul: reduce_precision would be computed again at every access}}
  %y = weft.matmul %x, %t tf32_weights : tensor<64x96xf32>, tensor<96x32xf32> -> tensor<64x32xf32>
  return %y : tensor<64x32xf32>
}

// -----

// CHECK-LABEL: @no_expensive_prologue
// CHECK-COUNT-2: weft.group
func.func @no_expensive_prologue(%x: tensor<1x2x4xf32>, %w: tensor<3x2x1xf32>) -> tensor<1x3x4xf32> {
  %0 = weft.tanh %x : tensor<1x2x4xf32>
  // expected-remark @below {{not fused: tanh -> conv: tanh would be computed again at every access}}
  %1 = weft.conv %0, %w stride [1] padding [0, 0] dilation [1] groups 1
      : tensor<1x2x4xf32>, tensor<3x2x1xf32> -> tensor<1x3x4xf32>
  return %1 : tensor<1x3x4xf32>
}

// -----

// CHECK-LABEL: @no_fusion_of_two_convs
// CHECK-COUNT-2: schedule(<window>)
func.func @no_fusion_of_two_convs(%x: tensor<1x3x4xf32>, %w: tensor<3x3x1xf32>) -> tensor<1x3x4xf32> {
  %0 = weft.conv %x, %w stride [1] padding [0, 0] dilation [1] groups 1
      : tensor<1x3x4xf32>, tensor<3x3x1xf32> -> tensor<1x3x4xf32>
  // expected-remark @below {{not fused: conv -> conv: both need a loop nest of their own}}
  %1 = weft.conv %0, %w stride [1] padding [0, 0] dilation [1] groups 1
      : tensor<1x3x4xf32>, tensor<3x3x1xf32> -> tensor<1x3x4xf32>
  return %1 : tensor<1x3x4xf32>
}

// -----

// CHECK-LABEL: @no_fusion_of_conv_and_mean
// CHECK: schedule(<window>)
// CHECK: schedule(<row>)
func.func @no_fusion_of_conv_and_mean(%x: tensor<1x3x4xf32>, %w: tensor<3x3x1xf32>) -> tensor<1x3xf32> {
  %0 = weft.conv %x, %w stride [1] padding [0, 0] dilation [1] groups 1
      : tensor<1x3x4xf32>, tensor<3x3x1xf32> -> tensor<1x3x4xf32>
  // expected-remark @below {{not fused: conv -> sum: conv and sum run different loops}}
  %1 = weft.sum %0 over [2] : tensor<1x3x4xf32> -> tensor<1x3xf32>
  return %1 : tensor<1x3xf32>
}

// -----

// The epilogue runs in the order of the product.
// CHECK-LABEL: @no_fusion_through_transpose
// CHECK: schedule(<gemm>)
// CHECK: schedule(<loop>)
func.func @no_fusion_through_transpose(%x: tensor<4x2xf32>, %w: tensor<2x3xf32>) -> tensor<3x4xf32> {
  %0 = weft.matmul %x, %w : tensor<4x2xf32>, tensor<2x3xf32> -> tensor<4x3xf32>
  %1 = weft.transpose %0 [1, 0] : tensor<4x3xf32> -> tensor<3x4xf32>
  // expected-remark @below {{not fused: matmul -> relu: both results are needed, and their shapes differ: [4, 3] and [3, 4]}}
  %2 = weft.relu %1 : tensor<3x4xf32>
  return %2 : tensor<3x4xf32>
}

// -----

// Linear: the transposed weights are read in place, the bias is added inside, and
// the flat form of the result is the same memory.
// CHECK-LABEL: @linear
// CHECK: weft.group{{.*}} schedule(<gemm>) : {{.*}} -> tensor<12xf32>
// CHECK-NEXT: weft.transpose
// CHECK-NEXT: weft.matmul
// CHECK-NOT: weft.group
func.func @linear(%x: tensor<4x2xf32>, %w: tensor<3x2xf32>, %b: tensor<3xf32>) -> tensor<12xf32> {
  %0 = weft.transpose %w [1, 0] : tensor<3x2xf32> -> tensor<2x3xf32>
  %1 = weft.matmul %x, %0 : tensor<4x2xf32>, tensor<2x3xf32> -> tensor<4x3xf32>
  %2 = weft.broadcast %b : tensor<3xf32> -> tensor<4x3xf32>
  %3 = weft.add %1, %2 : tensor<4x3xf32>
  %4 = weft.reshape %3 : tensor<4x3xf32> -> tensor<12xf32>
  return %4 : tensor<12xf32>
}

// -----

// A scaled query, a bias of cheap ops and what follows are one kernel with the
// attention between.
// CHECK-LABEL: @attention
// CHECK: weft.group{{.*}} schedule(<attention>)
// CHECK: weft.attention
// CHECK-NEXT: weft.add
// CHECK-NOT: weft.group
func.func @attention(%q: tensor<16x16xf16>, %k: tensor<20x16xf16>, %v: tensor<20x16xf16>,
                     %b: tensor<20xi1>, %r: tensor<16x16xf16>, %n: f16) -> tensor<16x16xf16> {
  %s = weft.splat %n : f16 -> tensor<f16>
  %c = weft.splat %n : f16 -> tensor<16x16xf16>
  %p = weft.mul %q, %c : tensor<16x16xf16>
  %l = weft.constant dense<0xFC00> : tensor<20xf16>
  %z = weft.constant dense<0.0> : tensor<20xf16>
  %m = weft.where %b, %z, %l : tensor<20xi1>, tensor<20xf16>
  %w = weft.broadcast %m : tensor<20xf16> -> tensor<16x20xf16>
  %y = weft.attention %p, %k, %v, %s, %w : (tensor<16x16xf16>, tensor<20x16xf16>, tensor<20x16xf16>, tensor<f16>, tensor<16x20xf16>) -> tensor<16x16xf16>
  %a = weft.add %y, %r : tensor<16x16xf16>
  return %a : tensor<16x16xf16>
}

// -----

// Neither keys that are costly to compute nor such a bias.
// CHECK-LABEL: @costly_operands_of_attention
// CHECK: weft.group
// CHECK: weft.exp
// CHECK: weft.group
// CHECK: weft.exp
// CHECK: weft.group{{.*}} schedule(<attention>)
// CHECK-NEXT: weft.attention
// CHECK-NEXT: weft.yield
func.func @costly_operands_of_attention(%q: tensor<16x16xf16>, %k: tensor<20x16xf16>, %v: tensor<20x16xf16>, %s: tensor<f16>, %b: tensor<16x20xf16>) -> tensor<16x16xf16> {
  %e = weft.exp %k : tensor<20x16xf16>
  %c = weft.exp %b : tensor<16x20xf16>
  // expected-remark @below {{not fused: exp -> attention: exp would be computed again at every access}}
  // expected-remark @below {{not fused: exp -> attention: exp would be computed more than once}}
  %y = weft.attention %q, %e, %v, %s, %c : (tensor<16x16xf16>, tensor<20x16xf16>, tensor<20x16xf16>, tensor<f16>, tensor<16x20xf16>) -> tensor<16x16xf16>
  return %y : tensor<16x16xf16>
}

// -----

// Heads are stored beside each other: the product behind reads them as rows.
// CHECK-LABEL: @heads
// CHECK: weft.group{{.*}} schedule(<attention>) : {{.*}} -> tensor<2x20x3x16xf16>
// CHECK-NEXT: %[[Y:.*]] = weft.attention
// CHECK-NEXT: %[[T:.*]] = weft.transpose %[[Y]] [0, 2, 1, 3]
// CHECK-NEXT: weft.yield %[[T]]
// CHECK: weft.group{{.*}} schedule(<gemm>)
// CHECK-NEXT: weft.reshape
// CHECK-NEXT: weft.matmul
func.func @heads(%q: tensor<2x3x20x16xf16>, %k: tensor<2x3x30x16xf16>, %v: tensor<2x3x30x16xf16>, %s: tensor<f16>, %w: tensor<48x8xf16>) -> tensor<40x8xf16> {
  %y = weft.attention %q, %k, %v, %s : (tensor<2x3x20x16xf16>, tensor<2x3x30x16xf16>, tensor<2x3x30x16xf16>, tensor<f16>) -> tensor<2x3x20x16xf16>
  %t = weft.transpose %y [0, 2, 1, 3] : tensor<2x3x20x16xf16> -> tensor<2x20x3x16xf16>
  %r = weft.reshape %t : tensor<2x20x3x16xf16> -> tensor<40x48xf16>
  // expected-remark @below {{not fused: transpose -> matmul: both need a loop nest of their own}}
  %z = weft.matmul %r, %w : tensor<40x48xf16>, tensor<48x8xf16> -> tensor<40x8xf16>
  return %z : tensor<40x8xf16>
}

// -----

// The same of heads that were one dim with the batch.
// CHECK-LABEL: @heads_of_a_batch
// CHECK: weft.group{{.*}} schedule(<attention>) : {{.*}} -> tensor<2x20x3x16xf16>
// CHECK: weft.group{{.*}} schedule(<gemm>)
// CHECK-NEXT: weft.reshape
// CHECK-NEXT: weft.matmul
func.func @heads_of_a_batch(%q: tensor<6x20x16xf16>, %k: tensor<6x30x16xf16>, %v: tensor<6x30x16xf16>, %s: tensor<f16>, %w: tensor<48x8xf16>) -> tensor<40x8xf16> {
  %y = weft.attention %q, %k, %v, %s : (tensor<6x20x16xf16>, tensor<6x30x16xf16>, tensor<6x30x16xf16>, tensor<f16>) -> tensor<6x20x16xf16>
  %h = weft.reshape %y : tensor<6x20x16xf16> -> tensor<2x3x20x16xf16>
  %t = weft.transpose %h [0, 2, 1, 3] : tensor<2x3x20x16xf16> -> tensor<2x20x3x16xf16>
  %r = weft.reshape %t : tensor<2x20x3x16xf16> -> tensor<40x48xf16>
  // expected-remark @below {{not fused: transpose -> matmul: both need a loop nest of their own}}
  %z = weft.matmul %r, %w : tensor<40x48xf16>, tensor<48x8xf16> -> tensor<40x8xf16>
  return %z : tensor<40x8xf16>
}

// -----

// Lines stay whole; what others read as it is stays in the order of its loops.
// CHECK-LABEL: @lines_of_attention
// CHECK: schedule(<attention>) : {{.*}} -> tensor<3x20x16xf16>
// CHECK: schedule(<gemm>)
// CHECK-NEXT: weft.transpose
func.func @lines_of_attention(%q: tensor<3x20x16xf16>, %k: tensor<3x30x16xf16>, %v: tensor<3x30x16xf16>, %s: tensor<f16>, %w: tensor<3x20x8xf16>) -> tensor<3x16x8xf16> {
  %y = weft.attention %q, %k, %v, %s : (tensor<3x20x16xf16>, tensor<3x30x16xf16>, tensor<3x30x16xf16>, tensor<f16>) -> tensor<3x20x16xf16>
  %t = weft.transpose %y [0, 2, 1] : tensor<3x20x16xf16> -> tensor<3x16x20xf16>
  // expected-remark @below {{not fused: attention -> matmul: both need a loop nest of their own}}
  %z = weft.matmul %t, %w : tensor<3x16x20xf16>, tensor<3x20x8xf16> -> tensor<3x16x8xf16>
  return %z : tensor<3x16x8xf16>
}

// -----

// CHECK-LABEL: @attention_read_twice
// CHECK: schedule(<attention>) : {{.*}} -> tensor<3x20x16xf16>
// CHECK: schedule(<gemm>)
// CHECK-NEXT: weft.transpose
func.func @attention_read_twice(%q: tensor<3x20x16xf16>, %k: tensor<3x30x16xf16>, %v: tensor<3x30x16xf16>, %s: tensor<f16>, %w: tensor<48x8xf16>) -> (tensor<20x8xf16>, tensor<3x20x16xf16>) {
  %y = weft.attention %q, %k, %v, %s : (tensor<3x20x16xf16>, tensor<3x30x16xf16>, tensor<3x30x16xf16>, tensor<f16>) -> tensor<3x20x16xf16>
  %t = weft.transpose %y [1, 0, 2] : tensor<3x20x16xf16> -> tensor<20x3x16xf16>
  %r = weft.reshape %t : tensor<20x3x16xf16> -> tensor<20x48xf16>
  // expected-remark @below {{not fused: attention -> matmul: both need a loop nest of their own}}
  %z = weft.matmul %r, %w : tensor<20x48xf16>, tensor<48x8xf16> -> tensor<20x8xf16>
  return %z, %y : tensor<20x8xf16>, tensor<3x20x16xf16>
}

// -----

// A product's result stays in the order of its loops.
// CHECK-LABEL: @product_in_another_order
// CHECK: schedule(<gemm>) : {{.*}} -> tensor<3x20x16xf16>
// CHECK: schedule(<loop>)
// CHECK-NEXT: weft.transpose
func.func @product_in_another_order(%x: tensor<3x20x8xf16>, %w: tensor<3x8x16xf16>) -> tensor<20x3x16xf16> {
  %y = weft.matmul %x, %w : tensor<3x20x8xf16>, tensor<3x8x16xf16> -> tensor<3x20x16xf16>
  // expected-remark @below {{not fused: matmul -> transpose: both results are needed, and their shapes differ: [3, 20, 16] and [20, 3, 16]}}
  %t = weft.transpose %y [1, 0, 2] : tensor<3x20x16xf16> -> tensor<20x3x16xf16>
  return %t : tensor<20x3x16xf16>
}

// -----

// exp of 3 numbers, not of 3000.
// CHECK-LABEL: @no_repeated_exp
// CHECK-COUNT-2: weft.group
func.func @no_repeated_exp(%x: tensor<1000x3xf32>, %c: tensor<3xf32>) -> tensor<1000x3xf32> {
  %0 = weft.exp %c : tensor<3xf32>
  %1 = weft.broadcast %0 : tensor<3xf32> -> tensor<1000x3xf32>
  // expected-remark @below {{not fused: exp -> mul: exp would be computed more than once}}
  %2 = weft.mul %x, %1 : tensor<1000x3xf32>
  return %2 : tensor<1000x3xf32>
}

// -----

// A sum is cheaper than a kernel.
// CHECK-LABEL: @repeated_sum
// CHECK: weft.group
// CHECK-NOT: weft.group
func.func @repeated_sum(%x: tensor<1000x3xf32>, %c: tensor<3xf32>) -> tensor<1000x3xf32> {
  %0 = weft.add %c, %c : tensor<3xf32>
  %1 = weft.broadcast %0 : tensor<3xf32> -> tensor<1000x3xf32>
  %2 = weft.mul %x, %1 : tensor<1000x3xf32>
  return %2 : tensor<1000x3xf32>
}

// -----

// Both convs cast the input themselves: no kernel writes the wide copy.
// CHECK-LABEL: @cheap_producer_is_copied
// CHECK-COUNT-2: weft.cast
// CHECK-NOT: schedule(<loop>)
func.func @cheap_producer_is_copied(%x: tensor<1x3x4xui8>, %w: tensor<3x3x1xf32>, %v: tensor<5x3x1xf32>)
    -> (tensor<1x3x4xf32>, tensor<1x5x4xf32>) {
  %0 = weft.cast %x : tensor<1x3x4xui8> -> tensor<1x3x4xf32>
  %1 = weft.conv %0, %w stride [1] padding [0, 0] dilation [1] groups 1
      : tensor<1x3x4xf32>, tensor<3x3x1xf32> -> tensor<1x3x4xf32>
  %2 = weft.conv %0, %v stride [1] padding [0, 0] dilation [1] groups 1
      : tensor<1x3x4xf32>, tensor<5x3x1xf32> -> tensor<1x5x4xf32>
  return %1, %2 : tensor<1x3x4xf32>, tensor<1x5x4xf32>
}

// -----

// relu joins the conv, so add cannot join relu: conv needs max, which needs relu.
// CHECK-LABEL: @no_cycle
// CHECK-COUNT-3: weft.group
// CHECK-NOT: weft.group
func.func @no_cycle(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = weft.exp %x : tensor<4x4xf32>
  // expected-remark @below {{not fused: exp -> matmul: exp would be computed again at every access}}
  %1 = weft.matmul %0, %0 : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  // expected-remark @below {{not fused: matmul -> max: matmul and max run different loops}}
  %2 = weft.max %1 over [1] : tensor<4x4xf32> -> tensor<4xf32>
  %3 = weft.reshape %2 : tensor<4xf32> -> tensor<4x1xf32>
  %4 = weft.broadcast %3 : tensor<4x1xf32> -> tensor<4x4xf32>
  // expected-remark @below {{not fused: exp -> add: a third kernel needs the one and feeds the other}}
  %5 = weft.add %0, %4 : tensor<4x4xf32>
  return %5 : tensor<4x4xf32>
}

// -----

// Data stays outside; a number in all elements goes in.
// CHECK-LABEL: @constants
// CHECK-NEXT: %[[DATA:.*]] = weft.constant dense<[1.000000e+00, 2.000000e+00]>
// CHECK-NEXT: weft.group(%{{.*}} = %arg0, %{{.*}} = %[[DATA]])
// CHECK-NEXT: weft.constant dense<3.000000e+00>
func.func @constants(%x: tensor<2xf32>) -> tensor<2xf32> {
  %d = weft.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %s = weft.constant dense<3.0> : tensor<2xf32>
  %0 = weft.mul %x, %s : tensor<2xf32>
  %1 = weft.add %0, %d : tensor<2xf32>
  return %1 : tensor<2xf32>
}

// -----

// Index arithmetic alone is a kernel where the caller wants its result.
// CHECK-LABEL: @views
// CHECK: weft.group{{.*}} schedule(<loop>)
// CHECK: weft.slice
// CHECK: weft.concatenate
// CHECK-NOT: weft.group
func.func @views(%x: tensor<4xf32>) -> tensor<6xf32> {
  %0 = weft.slice %x from [3] by [-3] : tensor<4xf32> -> tensor<2xf32>
  %1 = weft.concatenate %0, %x along 0 : tensor<2xf32>, tensor<4xf32> -> tensor<6xf32>
  return %1 : tensor<6xf32>
}

// -----

// Elements taken at computed indices are one kernel with their neighbours: what
// is cheap before them, and the mix behind. A source is read at an index, too.
// CHECK-LABEL: @resampled
// CHECK: weft.group{{.*}} schedule(<loop>)
// CHECK: weft.relu
// CHECK: weft.resample
// CHECK: weft.resample
// CHECK: weft.resample
// CHECK: weft.yield
// CHECK-NOT: weft.group
// CHECK: return
func.func @resampled(%x: tensor<8xf32>) -> tensor<16xf32> {
  %0 = weft.relu %x : tensor<8xf32>
  %1 = weft.resample %0 from [-1] by [2] over [4] : tensor<8xf32> -> tensor<16xf32>
  %2 = weft.resample %0 from [3] by [2] over [4] : tensor<8xf32> -> tensor<16xf32>
  %3 = weft.iota 0 : tensor<8xf32>
  %4 = weft.resample %3 from [-1] by [2] over [4] : tensor<8xf32> -> tensor<16xf32>
  %5 = weft.mul %1, %4 : tensor<16xf32>
  %6 = weft.add %2, %5 : tensor<16xf32>
  %7 = weft.tanh %6 : tensor<16xf32>
  return %7 : tensor<16xf32>
}

// -----

// What costs more is computed once and written: upsampling would repeat it.
// CHECK-LABEL: @resampled_costly
// CHECK: weft.group
// CHECK-NEXT: weft.tanh
// CHECK-NEXT: weft.yield
// CHECK: weft.group
// CHECK-NEXT: weft.resample
func.func @resampled_costly(%x: tensor<8xf32>) -> tensor<16xf32> {
  %0 = weft.tanh %x : tensor<8xf32>
  // expected-remark @below {{not fused: tanh -> resample: tanh would be computed more than once}}
  %1 = weft.resample %0 from [0] by [1] over [2] : tensor<8xf32> -> tensor<16xf32>
  return %1 : tensor<16xf32>
}

// -----

// Results that the function merely passes on need no kernel.
// CHECK-LABEL: @nothing_to_do
// CHECK-NEXT: weft.constant
// CHECK-NEXT: return
func.func @nothing_to_do(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<2xf32>) {
  %0 = weft.constant dense<1.0> : tensor<2xf32>
  return %x, %0 : tensor<4xf32>, tensor<2xf32>
}

// -----

// A plan does not hold what a kernel can write.
// CHECK-LABEL: @many_equal_elements
// CHECK-NEXT: weft.group
// CHECK-NEXT: weft.constant
// CHECK-NEXT: weft.yield
func.func @many_equal_elements() -> tensor<2048xf32> {
  %0 = weft.constant dense<1.0> : tensor<2048xf32>
  return %0 : tensor<2048xf32>
}

// -----

// Two kernels pass the half-sized values on; both readers widen them.
// CHECK-LABEL: @widening_is_left_to_readers
// CHECK: weft.group{{.*}} schedule(<column>) : {{.*}} -> tensor<8x4xf16>, tensor<4xf16>
// CHECK-NOT: weft.cast
// CHECK: weft.group(%{{.*}} = %{{.*}}#0) schedule(<row>) : tensor<8x4xf16> -> tensor<8xf32>
// CHECK-NEXT: weft.cast
func.func @widening_is_left_to_readers(%x: tensor<8x4xf16>) -> (tensor<4xf16>, tensor<8xf32>) {
  %0 = weft.exp %x : tensor<8x4xf16>
  %1 = weft.sum %0 over [0] : tensor<8x4xf16> -> tensor<4xf16>
  // expected-remark @below {{not fused: exp -> cast: they reduce different axes: [0] and [1]}}
  %2 = weft.cast %0 : tensor<8x4xf16> -> tensor<8x4xf32>
  %3 = weft.sum %2 over [1] : tensor<8x4xf32> -> tensor<8xf32>
  return %1, %3 : tensor<4xf16>, tensor<8xf32>
}

// -----

// What is stored as f16 is read as f16, in the kernel that computes it as well.
// The store rounds by itself.
// CHECK-LABEL: @stored_and_read
// CHECK: %[[P:.*]] = weft.mul
// CHECK-NEXT: %[[R:.*]] = weft.reduce_precision %[[P]]
// CHECK-NEXT: %[[E:.*]] = weft.exp %[[R]]
// CHECK-NEXT: weft.yield %[[P]], %[[E]]
func.func @stored_and_read(%x: tensor<4xf16>) -> (tensor<4xf16>, tensor<4xf16>) {
  %0 = weft.mul %x, %x : tensor<4xf16>
  %1 = weft.exp %0 : tensor<4xf16>
  return %0, %1 : tensor<4xf16>, tensor<4xf16>
}

// -----

// As it is where a view of it is stored.
// CHECK-LABEL: @stored_through_a_view
// CHECK: %[[P:.*]] = weft.mul
// CHECK-NEXT: weft.reduce_precision %[[P]]
func.func @stored_through_a_view(%x: tensor<4x1xf16>) -> (tensor<1x4xf16>, tensor<4x1xf16>) {
  %0 = weft.mul %x, %x : tensor<4x1xf16>
  %1 = weft.reshape %0 : tensor<4x1xf16> -> tensor<1x4xf16>
  %2 = weft.exp %0 : tensor<4x1xf16>
  return %1, %2 : tensor<1x4xf16>, tensor<4x1xf16>
}

// -----

// What is stored may be the product: who reads the product beside it must not
// see another value.
// CHECK-LABEL: @stored_if_chosen
// CHECK: %[[P:.*]] = weft.mul
// CHECK-NEXT: %[[R:.*]] = weft.reduce_precision %[[P]]
// CHECK-NEXT: %[[C:.*]] = weft.maximum %[[R]]
// CHECK-NEXT: weft.greater_equal %[[C]], %[[R]]
func.func @stored_if_chosen(%x: tensor<4xf16>) -> (tensor<4xf16>, tensor<4xi1>) {
  %0 = weft.mul %x, %x : tensor<4xf16>
  %1 = weft.maximum %0, %x : tensor<4xf16>
  %2 = weft.greater_equal %1, %0 : tensor<4xf16>
  return %1, %2 : tensor<4xf16>, tensor<4xi1>
}

// -----

// Nobody else reads the product: rounding what is chosen is enough, and storing
// does it.
// CHECK-LABEL: @chosen_and_stored_alone
// CHECK-NOT: weft.reduce_precision
func.func @chosen_and_stored_alone(%x: tensor<4xf16>) -> tensor<4xf16> {
  %0 = weft.mul %x, %x : tensor<4xf16>
  %1 = weft.maximum %0, %x : tensor<4xf16>
  return %1 : tensor<4xf16>
}

// -----

// The product is computed in both kernels and must be equal there.
// CHECK-LABEL: @computed_twice
// CHECK-COUNT-2: weft.reduce_precision
func.func @computed_twice(%x: tensor<1x1x8xf16>) -> (tensor<1x1x4xf16>, tensor<1x1x2xf16>) {
  %c = weft.constant dense<0.1> : tensor<1x1x8xf16>
  %0 = weft.mul %x, %c : tensor<1x1x8xf16>
  %1 = weft.maxpool %0 kernel [2] stride [2] padding [0, 0] : tensor<1x1x8xf16> -> tensor<1x1x4xf16>
  %2 = weft.maxpool %0 kernel [4] stride [4] padding [0, 0] : tensor<1x1x8xf16> -> tensor<1x1x2xf16>
  return %1, %2 : tensor<1x1x4xf16>, tensor<1x1x2xf16>
}

// -----

// Chains that nobody else sees cost no rounding, nor does what only chooses
// among values of the type.
// CHECK-LABEL: @no_rounding
// CHECK-NOT: weft.reduce_precision
func.func @no_rounding(%x: tensor<4xf16>, %y: tensor<4xf16>)
    -> (tensor<4xf16>, tensor<4xf16>, tensor<4xf16>) {
  %0 = weft.mul %x, %y : tensor<4xf16>
  %1 = weft.add %0, %y : tensor<4xf16>
  %2 = weft.exp %1 : tensor<4xf16>
  %3 = weft.relu %x : tensor<4xf16>
  %4 = weft.mul %3, %y : tensor<4xf16>
  return %2, %3, %4 : tensor<4xf16>, tensor<4xf16>, tensor<4xf16>
}

// -----

// Nor do types that kernels compute in.
// CHECK-LABEL: @no_rounding_of_f32
// CHECK-NOT: weft.reduce_precision
func.func @no_rounding_of_f32(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = weft.mul %x, %x : tensor<4xf32>
  %1 = weft.exp %0 : tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

// -----

// Empty, x has no element to compare with: the sum is stored at its own index.
// CHECK-LABEL: @size_0
// CHECK: weft.group{{.*}} -> tensor<2x1xf32>, tensor<2x0xf32>
func.func @size_0(%x: tensor<2x0xf32>) -> (tensor<2x1xf32>, tensor<2x0xf32>) {
  %0 = weft.sum %x over [1] : tensor<2x0xf32> -> tensor<2xf32>
  %1 = weft.reshape %0 : tensor<2xf32> -> tensor<2x1xf32>
  %2 = weft.broadcast %1 : tensor<2x1xf32> -> tensor<2x0xf32>
  %3 = weft.sub %x, %2 : tensor<2x0xf32>
  return %1, %3 : tensor<2x1xf32>, tensor<2x0xf32>
}
