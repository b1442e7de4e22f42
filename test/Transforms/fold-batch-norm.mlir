// RUN: weft-opt %s -weft-fold-batch-norm -split-input-file | FileCheck %s
// RUN: weft-opt %s -weft-fold-batch-norm=explain=true -split-input-file -verify-diagnostics

// CHECK-LABEL: @scale_and_shift
// CHECK-SAME: (%[[X:.*]]: tensor<2x3x4x5xf32>, %[[WEIGHT:.*]]: tensor<3xf32> {{.*}}, %[[BIAS:.*]]: tensor<3xf32>, %[[MEAN:.*]]: tensor<3xf32>, %[[VAR:.*]]: tensor<3xf32>)
// CHECK-NEXT: %[[EPS:.*]] = weft.constant dense<9.99999974E-6> : tensor<3xf32>
// CHECK-NEXT: %[[SAFE:.*]] = weft.add %[[VAR]], %[[EPS]]
// CHECK-NEXT: %[[RSQRT:.*]] = weft.rsqrt %[[SAFE]]
// CHECK-NEXT: %[[SCALE:.*]] = weft.mul %[[WEIGHT]], %[[RSQRT]]
// CHECK-NEXT: %[[MOVED:.*]] = weft.mul %[[MEAN]], %[[SCALE]]
// CHECK-NEXT: %[[SHIFT:.*]] = weft.sub %[[BIAS]], %[[MOVED]]
// CHECK-NEXT: %[[S:.*]] = weft.reshape %[[SCALE]] : tensor<3xf32> -> tensor<1x3x1x1xf32>
// CHECK-NEXT: %[[SB:.*]] = weft.broadcast %[[S]] : tensor<1x3x1x1xf32> -> tensor<2x3x4x5xf32>
// CHECK-NEXT: %[[P:.*]] = weft.mul %[[X]], %[[SB]]
// CHECK-NEXT: %[[T:.*]] = weft.reshape %[[SHIFT]]
// CHECK-NEXT: %[[TB:.*]] = weft.broadcast %[[T]]
// CHECK-NEXT: %[[Y:.*]] = weft.add %[[P]], %[[TB]]
// CHECK-NEXT: return %[[Y]]
func.func @scale_and_shift(
    %x: tensor<2x3x4x5xf32>,
    %w: tensor<3xf32> {weft.parameter, weft.name = "layer1.bn.weight"},
    %b: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>)
    -> tensor<2x3x4x5xf32> {
  // expected-remark @below {{folded: layer1.bn is a scale and a shift per channel, in f32}}
  %y = weft.batch_norm %x, %w, %b, %m, %v eps 1.0e-5
      : tensor<2x3x4x5xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
  return %y : tensor<2x3x4x5xf32>
}

// -----

// Scale and shift of a half-precision net stay f32; the result is rounded once.
// CHECK-LABEL: @half
// CHECK: %[[WIDE:.*]] = weft.cast %arg0 : tensor<2x3xf16> -> tensor<2x3xf32>
// CHECK: %[[P:.*]] = weft.mul %[[WIDE]], {{.*}} : tensor<2x3xf32>
// CHECK: %[[S:.*]] = weft.add %[[P]], {{.*}} : tensor<2x3xf32>
// CHECK: %[[Y:.*]] = weft.cast %[[S]] : tensor<2x3xf32> -> tensor<2x3xf16>
// CHECK: return %[[Y]]
func.func @half(%x: tensor<2x3xf16>, %p: tensor<3xf16>) -> tensor<2x3xf16> {
  // expected-remark @below {{folded: batch_norm is a scale and a shift per channel, in f32, the result rounded to 'f16' once}}
  %y = weft.batch_norm %x, %p, %p, %p, %p eps 1.0e-5
      : tensor<2x3xf16>, tensor<3xf16>, tensor<3xf16>, tensor<3xf16>, tensor<3xf16>
  return %y : tensor<2x3xf16>
}

// -----

// CHECK-LABEL: @double
// CHECK: weft.constant dense<1.000000e-05> : tensor<3xf64>
// CHECK-NOT: f32
func.func @double(%x: tensor<2x3xf64>, %p: tensor<3xf64>) -> tensor<2x3xf64> {
  // expected-remark @below {{in f64}}
  %y = weft.batch_norm %x, %p, %p, %p, %p eps 1.0e-5
      : tensor<2x3xf64>, tensor<3xf64>, tensor<3xf64>, tensor<3xf64>, tensor<3xf64>
  return %y : tensor<2x3xf64>
}

// -----

// CHECK-LABEL: @no_batch_norm
// CHECK-NEXT: weft.mul
// CHECK-NEXT: return
func.func @no_batch_norm(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %y = weft.mul %x, %x : tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}
