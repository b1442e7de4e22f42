// RUN: weft-opt %s -weft-fold-into-weights -split-input-file -allow-unregistered-dialect | FileCheck %s
// RUN: weft-opt %s -weft-fold-into-weights=explain=true -split-input-file -allow-unregistered-dialect -verify-diagnostics

// CHECK-LABEL: @scale_and_shift_of_conv
// CHECK-SAME: (%[[X:.*]]: tensor<1x2x4x4xf32>, %[[W:.*]]: tensor<3x2x1x1xf32> {{.*}}, %[[S:.*]]: tensor<3xf32> {{.*}}, %[[T:.*]]: tensor<3xf32>
// CHECK: %[[SR:.*]] = weft.reshape %[[S]] : tensor<3xf32> -> tensor<3x1x1x1xf32>
// CHECK: %[[SB:.*]] = weft.broadcast %[[SR]] : tensor<3x1x1x1xf32> -> tensor<3x2x1x1xf32>
// CHECK: %[[NEW:.*]] = weft.mul %[[W]], %[[SB]] : tensor<3x2x1x1xf32>
// CHECK: %[[Y:.*]] = weft.conv %[[X]], %[[NEW]], %[[T]]
// CHECK-NEXT: return %[[Y]]
func.func @scale_and_shift_of_conv(
    %x: tensor<1x2x4x4xf32>,
    %w: tensor<3x2x1x1xf32> {weft.parameter, weft.name = "conv1.weight"},
    %s: tensor<3xf32> {weft.parameter}, %t: tensor<3xf32> {weft.parameter})
    -> tensor<1x3x4x4xf32> {
  %c = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32> -> tensor<1x3x4x4xf32>
  %0 = weft.reshape %s : tensor<3xf32> -> tensor<1x3x1x1xf32>
  %1 = weft.broadcast %0 : tensor<1x3x1x1xf32> -> tensor<1x3x4x4xf32>
  // expected-remark @below {{folded: mul: scale folded into the weights of conv1}}
  %2 = weft.mul %c, %1 : tensor<1x3x4x4xf32>
  %3 = weft.reshape %t : tensor<3xf32> -> tensor<1x3x1x1xf32>
  %4 = weft.broadcast %3 : tensor<1x3x1x1xf32> -> tensor<1x3x4x4xf32>
  // expected-remark @below {{folded: add: shift folded into the bias of conv1}}
  %5 = weft.add %4, %2 : tensor<1x3x4x4xf32>
  return %5 : tensor<1x3x4x4xf32>
}

// -----

// CHECK-LABEL: @bias_is_scaled
// CHECK: %[[W:.*]] = weft.mul %arg1
// CHECK: %[[SCALED:.*]] = weft.mul %arg2, {{.*}} : tensor<3xf32>
// CHECK: %[[B:.*]] = weft.add %[[SCALED]], {{.*}} : tensor<3xf32>
// CHECK: weft.conv %arg0, %[[W]], %[[B]]
func.func @bias_is_scaled(%x: tensor<1x2x4xf32>,
                          %w: tensor<3x2x1xf32> {weft.parameter},
                          %b: tensor<3xf32> {weft.parameter}) -> tensor<1x3x4xf32> {
  %c = weft.conv %x, %w, %b stride [1] padding [0, 0] dilation [1] groups 1
      : tensor<1x2x4xf32>, tensor<3x2x1xf32>, tensor<3xf32> -> tensor<1x3x4xf32>
  %two = weft.constant dense<2.0> : tensor<1x3x4xf32>
  // expected-remark @below {{folded: mul: scale folded into the weights of conv}}
  %0 = weft.mul %c, %two : tensor<1x3x4xf32>
  // expected-remark @below {{folded: add: shift folded into the bias of conv}}
  %1 = weft.add %0, %two : tensor<1x3x4xf32>
  return %1 : tensor<1x3x4xf32>
}

// -----

// CHECK-LABEL: @columns_of_matmul
// CHECK-SAME: (%[[X:.*]]: tensor<4x2xf32>, %[[W:.*]]: tensor<3x2xf32> {{.*}}, %[[B:.*]]: tensor<3xf32> {{.*}}, %[[S:.*]]: tensor<3xf32>
// CHECK: %[[WT:.*]] = weft.transpose %[[W]]
// CHECK: %[[SB:.*]] = weft.broadcast {{.*}} : tensor<1x3xf32> -> tensor<2x3xf32>
// CHECK: %[[NEW:.*]] = weft.mul %[[WT]], %[[SB]] : tensor<2x3xf32>
// CHECK: %[[M:.*]] = weft.matmul %[[X]], %[[NEW]]
// CHECK: %[[BIAS:.*]] = weft.mul %[[B]], %[[S]] : tensor<3xf32>
// CHECK: %[[SUM:.*]] = weft.add %[[BIAS]], %[[S]] : tensor<3xf32>
// CHECK: %[[Y:.*]] = weft.add %[[M]], {{.*}} : tensor<4x3xf32>
// CHECK-NEXT: return %[[Y]]
func.func @columns_of_matmul(
    %x: tensor<4x2xf32>, %w: tensor<3x2xf32> {weft.parameter, weft.name = "fc.weight"},
    %b: tensor<3xf32> {weft.parameter}, %s: tensor<3xf32> {weft.parameter})
    -> tensor<4x3xf32> {
  %wt = weft.transpose %w [1, 0] : tensor<3x2xf32> -> tensor<2x3xf32>
  %0 = weft.matmul %x, %wt : tensor<4x2xf32>, tensor<2x3xf32> -> tensor<4x3xf32>
  %1 = weft.broadcast %b : tensor<3xf32> -> tensor<4x3xf32>
  %2 = weft.add %0, %1 : tensor<4x3xf32>
  %3 = weft.broadcast %s : tensor<3xf32> -> tensor<4x3xf32>
  // expected-remark @below {{folded: mul: scale taken past the bias of fc}}
  // expected-remark @below {{folded: mul: scale folded into the weights of fc}}
  %4 = weft.mul %2, %3 : tensor<4x3xf32>
  // expected-remark @below {{folded: add: shift folded into the bias of fc}}
  %5 = weft.add %4, %3 : tensor<4x3xf32>
  return %5 : tensor<4x3xf32>
}

// -----

// Weights that a batch shares are scaled once, then repeated.
// CHECK-LABEL: @shared_by_batch
// CHECK: %[[NEW:.*]] = weft.mul %arg1, {{.*}} : tensor<2x3xf32>
// CHECK: weft.broadcast %[[NEW]] : tensor<2x3xf32> -> tensor<5x2x3xf32>
func.func @shared_by_batch(%x: tensor<5x4x2xf32>, %w: tensor<2x3xf32> {weft.parameter},
                           %s: tensor<3xf32> {weft.parameter}) -> tensor<5x4x3xf32> {
  %wb = weft.broadcast %w : tensor<2x3xf32> -> tensor<5x2x3xf32>
  %0 = weft.matmul %x, %wb : tensor<5x4x2xf32>, tensor<5x2x3xf32> -> tensor<5x4x3xf32>
  %1 = weft.broadcast %s : tensor<3xf32> -> tensor<5x4x3xf32>
  // expected-remark @below {{folded: mul: scale folded}}
  %2 = weft.mul %0, %1 : tensor<5x4x3xf32>
  return %2 : tensor<5x4x3xf32>
}

// -----

// Somebody else reads the unscaled result.
// CHECK-LABEL: @no_fold_with_another_use
// CHECK: weft.conv %arg0, %arg1
// CHECK: weft.mul
func.func @no_fold_with_another_use(
    %x: tensor<1x2x4xf32>, %w: tensor<3x2x1xf32> {weft.parameter})
    -> (tensor<1x3x4xf32>, tensor<1x3x4xf32>) {
  %c = weft.conv %x, %w stride [1] padding [0, 0] dilation [1] groups 1
      : tensor<1x2x4xf32>, tensor<3x2x1xf32> -> tensor<1x3x4xf32>
  %two = weft.constant dense<2.0> : tensor<1x3x4xf32>
  %0 = weft.mul %c, %two : tensor<1x3x4xf32>
  return %0, %c : tensor<1x3x4xf32>, tensor<1x3x4xf32>
}

// -----

// Scaled weights would be rounded to f16.
// CHECK-LABEL: @no_fold_into_f16
// CHECK: weft.conv %arg0, %arg1
// CHECK: weft.mul
func.func @no_fold_into_f16(%x: tensor<1x2x4xf16>,
                            %w: tensor<3x2x1xf16> {weft.parameter}) -> tensor<1x3x4xf16> {
  %c = weft.conv %x, %w stride [1] padding [0, 0] dilation [1] groups 1
      : tensor<1x2x4xf16>, tensor<3x2x1xf16> -> tensor<1x3x4xf16>
  %two = weft.constant dense<2.0> : tensor<1x3x4xf16>
  %0 = weft.mul %c, %two : tensor<1x3x4xf16>
  return %0 : tensor<1x3x4xf16>
}

// -----

// These weights are an input: scaling them would be done at every evaluation.
// CHECK-LABEL: @no_fold_into_inputs
// CHECK: weft.conv %arg0, %arg1
// CHECK: weft.mul
func.func @no_fold_into_inputs(%x: tensor<1x2x4xf32>, %w: tensor<3x2x1xf32>)
    -> tensor<1x3x4xf32> {
  %c = weft.conv %x, %w stride [1] padding [0, 0] dilation [1] groups 1
      : tensor<1x2x4xf32>, tensor<3x2x1xf32> -> tensor<1x3x4xf32>
  %two = weft.constant dense<2.0> : tensor<1x3x4xf32>
  %0 = weft.mul %c, %two : tensor<1x3x4xf32>
  return %0 : tensor<1x3x4xf32>
}

// -----

// The scale depends on an input.
// CHECK-LABEL: @no_fold_of_computed_scale
// CHECK: weft.conv %arg0, %arg1
// CHECK: weft.mul
func.func @no_fold_of_computed_scale(
    %x: tensor<1x2x4xf32>, %w: tensor<3x2x1xf32> {weft.parameter}, %s: tensor<3x1xf32>)
    -> tensor<1x3x4xf32> {
  %c = weft.conv %x, %w stride [1] padding [0, 0] dilation [1] groups 1
      : tensor<1x2x4xf32>, tensor<3x2x1xf32> -> tensor<1x3x4xf32>
  %b = weft.broadcast %s : tensor<3x1xf32> -> tensor<1x3x4xf32>
  %0 = weft.mul %c, %b : tensor<1x3x4xf32>
  return %0 : tensor<1x3x4xf32>
}

// -----

// One number a position is none a channel.
// CHECK-LABEL: @no_fold_along_space
// CHECK: weft.conv %arg0, %arg1
// CHECK: weft.mul
func.func @no_fold_along_space(
    %x: tensor<1x2x4xf32>, %w: tensor<4x2x1xf32> {weft.parameter},
    %s: tensor<4xf32> {weft.parameter}) -> tensor<1x4x4xf32> {
  %c = weft.conv %x, %w stride [1] padding [0, 0] dilation [1] groups 1
      : tensor<1x2x4xf32>, tensor<4x2x1xf32> -> tensor<1x4x4xf32>
  %b = weft.broadcast %s : tensor<4xf32> -> tensor<1x4x4xf32>
  %0 = weft.mul %c, %b : tensor<1x4x4xf32>
  return %0 : tensor<1x4x4xf32>
}

// -----

// One number repeated to all weights has no columns to scale.
// CHECK-LABEL: @weights_of_one_number
// CHECK: %[[W:.*]] = weft.broadcast %arg1 : tensor<f32> -> tensor<4x3xf32>
// CHECK: %[[S:.*]] = weft.mul %[[W]]
// CHECK: weft.matmul %arg0, %[[S]]
func.func @weights_of_one_number(
    %x: tensor<2x4xf32>, %w: tensor<f32> {weft.parameter},
    %s: tensor<3xf32> {weft.parameter}) -> tensor<2x3xf32> {
  %0 = weft.broadcast %w : tensor<f32> -> tensor<4x3xf32>
  %1 = weft.matmul %x, %0 : tensor<2x4xf32>, tensor<4x3xf32> -> tensor<2x3xf32>
  %2 = weft.broadcast %s : tensor<3xf32> -> tensor<2x3xf32>
  // expected-remark @below {{folded: mul: scale folded into the weights of matmul}}
  %3 = weft.mul %1, %2 : tensor<2x3xf32>
  return %3 : tensor<2x3xf32>
}

// -----

// Scaled weights would be rounded to f16.
// CHECK-LABEL: @no_scaled_f16_matmul
// CHECK: weft.matmul %arg0, %arg1
// CHECK: weft.mul
func.func @no_scaled_f16_matmul(
    %x: tensor<2x4xf16>, %w: tensor<4x3xf16> {weft.parameter},
    %s: tensor<3xf16> {weft.parameter}) -> tensor<2x3xf16> {
  %0 = weft.matmul %x, %w : tensor<2x4xf16>, tensor<4x3xf16> -> tensor<2x3xf16>
  %1 = weft.broadcast %s : tensor<3xf16> -> tensor<2x3xf16>
  %2 = weft.mul %0, %1 : tensor<2x3xf16>
  return %2 : tensor<2x3xf16>
}

// -----

// The bias comes with the call: it would be scaled anew each time.
// CHECK-LABEL: @no_fold_beside_computed_bias
// CHECK: weft.conv %arg0, %arg1, %arg2
// CHECK: weft.mul
func.func @no_fold_beside_computed_bias(
    %x: tensor<1x2x4xf32>, %w: tensor<3x2x1xf32> {weft.parameter},
    %b: tensor<3xf32>, %s: tensor<3x1xf32> {weft.parameter}) -> tensor<1x3x4xf32> {
  %c = weft.conv %x, %w, %b stride [1] padding [0, 0] dilation [1] groups 1
      : tensor<1x2x4xf32>, tensor<3x2x1xf32>, tensor<3xf32> -> tensor<1x3x4xf32>
  %0 = weft.broadcast %s : tensor<3x1xf32> -> tensor<1x3x4xf32>
  %1 = weft.mul %c, %0 : tensor<1x3x4xf32>
  return %1 : tensor<1x3x4xf32>
}

// -----

// Two shifts become one whatever the weights are: those are not touched.
// CHECK-LABEL: @shifts_beside_an_input
// CHECK: %[[M:.*]] = weft.matmul %arg0, %arg1
// CHECK: weft.add %arg2, %arg3 : tensor<3xf32>
// CHECK: %[[WIDE:.*]] = weft.broadcast {{.*}} : tensor<1x3xf32> -> tensor<4x3xf32>
// CHECK: %[[Y:.*]] = weft.add %[[M]], %[[WIDE]]
// CHECK-NEXT: return %[[Y]]
func.func @shifts_beside_an_input(
    %x: tensor<4x2xf32>, %w: tensor<2x3xf32>,
    %b: tensor<3xf32> {weft.parameter}, %s: tensor<3xf32> {weft.parameter})
    -> tensor<4x3xf32> {
  %0 = weft.matmul %x, %w : tensor<4x2xf32>, tensor<2x3xf32> -> tensor<4x3xf32>
  %1 = weft.broadcast %b : tensor<3xf32> -> tensor<4x3xf32>
  %2 = weft.add %0, %1 : tensor<4x3xf32>
  %3 = weft.broadcast %s : tensor<3xf32> -> tensor<4x3xf32>
  // expected-remark @below {{folded: add: shift folded into the bias of matmul}}
  %4 = weft.add %2, %3 : tensor<4x3xf32>
  return %4 : tensor<4x3xf32>
}

// -----

// The sum of two shifts would be rounded to f16.
// CHECK-LABEL: @no_merge_of_f16_shifts
// CHECK: weft.add
// CHECK: weft.add
func.func @no_merge_of_f16_shifts(
    %x: tensor<4x2xf16>, %w: tensor<2x3xf16> {weft.parameter},
    %b: tensor<3xf16> {weft.parameter}, %s: tensor<3xf16> {weft.parameter})
    -> tensor<4x3xf16> {
  %0 = weft.matmul %x, %w : tensor<4x2xf16>, tensor<2x3xf16> -> tensor<4x3xf16>
  %1 = weft.broadcast %b : tensor<3xf16> -> tensor<4x3xf16>
  %2 = weft.add %0, %1 : tensor<4x3xf16>
  %3 = weft.broadcast %s : tensor<3xf16> -> tensor<4x3xf16>
  %4 = weft.add %2, %3 : tensor<4x3xf16>
  return %4 : tensor<4x3xf16>
}

// -----

// %q is argument 1 of its block, and no parameter because argument 1 of the
// function is one.
// CHECK-LABEL: @no_fold_into_block_arguments
// CHECK: %[[M:.*]] = weft.matmul %arg0, %{{.*}}
// CHECK: weft.mul %[[M]]
func.func @no_fold_into_block_arguments(
    %x: tensor<4x2xf32>, %s: tensor<3xf32> {weft.parameter}, %w: tensor<2x3xf32>)
    -> tensor<4x3xf32> {
  "test.branch"(%s, %w)[^bb1] : (tensor<3xf32>, tensor<2x3xf32>) -> ()
^bb1(%p: tensor<3xf32>, %q: tensor<2x3xf32>):
  %0 = weft.matmul %x, %q : tensor<4x2xf32>, tensor<2x3xf32> -> tensor<4x3xf32>
  %1 = weft.broadcast %s : tensor<3xf32> -> tensor<4x3xf32>
  %2 = weft.mul %0, %1 : tensor<4x3xf32>
  return %2 : tensor<4x3xf32>
}

// -----

// The channels are the last axis of the result, and the first of the weights.
// CHECK-LABEL: @channels_last
// CHECK: %[[S:.*]] = weft.broadcast %{{.*}} : tensor<4x1x1x1xf32> -> tensor<4x1x1x3xf32>
// CHECK: %[[W:.*]] = weft.mul %arg1, %[[S]] : tensor<4x1x1x3xf32>
// CHECK: %[[C:.*]] = weft.conv %arg0, %[[W]] {{.*}} channels_last : tensor<1x4x4x3xf32>
// CHECK: return %[[C]]
func.func @channels_last(%x: tensor<1x4x4x3xf32>,
                         %w: tensor<4x1x1x3xf32> {weft.parameter},
                         %s: tensor<4xf32> {weft.parameter}) -> tensor<1x4x4x4xf32> {
  %0 = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      channels_last : tensor<1x4x4x3xf32>, tensor<4x1x1x3xf32> -> tensor<1x4x4x4xf32>
  %1 = weft.broadcast %s : tensor<4xf32> -> tensor<1x4x4x4xf32>
  // expected-remark @below {{folded: mul: scale folded into the weights of conv}}
  %2 = weft.mul %0, %1 : tensor<1x4x4x4xf32>
  return %2 : tensor<1x4x4x4xf32>
}

// -----

// Axis 1 counts lines of the image here.
// CHECK-LABEL: @no_fold_of_lines
// CHECK: weft.conv %arg0, %arg1
// CHECK: weft.mul
func.func @no_fold_of_lines(%x: tensor<1x4x4x3xf32>,
                            %w: tensor<4x1x1x3xf32> {weft.parameter},
                            %s: tensor<4x1x1xf32> {weft.parameter}) -> tensor<1x4x4x4xf32> {
  %0 = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      channels_last : tensor<1x4x4x3xf32>, tensor<4x1x1x3xf32> -> tensor<1x4x4x4xf32>
  %1 = weft.broadcast %s : tensor<4x1x1xf32> -> tensor<1x4x4x4xf32>
  %2 = weft.mul %0, %1 : tensor<1x4x4x4xf32>
  return %2 : tensor<1x4x4x4xf32>
}
