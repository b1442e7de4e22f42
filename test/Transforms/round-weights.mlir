// RUN: weft-opt %s -weft-round-weights -split-input-file | FileCheck %s

// Below the views: what is rounded lies as it lay.
// CHECK-LABEL: @linear
// CHECK: %[[R:.*]] = weft.reduce_precision %arg1 tf32 : tensor<32x20xf32>
// CHECK-NEXT: %[[T:.*]] = weft.transpose %[[R]] [1, 0]
// CHECK-NEXT: %[[Y:.*]] = weft.matmul %arg0, %[[T]] tf32_weights : tensor<16x20xf32>, tensor<20x32xf32>
// CHECK-NEXT: return %[[Y]]
func.func @linear(%x: tensor<16x20xf32>, %w: tensor<32x20xf32> {weft.parameter}) -> tensor<16x32xf32> {
  %t = weft.transpose %w [1, 0] : tensor<32x20xf32> -> tensor<20x32xf32>
  %y = weft.matmul %x, %t : tensor<16x20xf32>, tensor<20x32xf32> -> tensor<16x32xf32>
  return %y : tensor<16x32xf32>
}

// -----

// Weights that are computed; rows of all images count.
// CHECK-LABEL: @conv
// CHECK: %[[M:.*]] = weft.mul %arg1, %arg1
// CHECK-NEXT: %[[R:.*]] = weft.reduce_precision %[[M]] tf32 : tensor<24x2x2x4xf32>
// CHECK-NEXT: weft.conv %arg0, %[[R]] stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last tf32_weights
func.func @conv(%x: tensor<4x3x3x4xf32>, %w: tensor<24x2x2x4xf32> {weft.parameter}) -> tensor<4x2x2x24xf32> {
  %m = weft.mul %w, %w : tensor<24x2x2x4xf32>
  %y = weft.conv %x, %m stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<4x3x3x4xf32>, tensor<24x2x2x4xf32> -> tensor<4x2x2x24xf32>
  return %y : tensor<4x2x2x24xf32>
}

// -----

// Others read the weights as they are.
// CHECK-LABEL: @shared
// CHECK: %[[T:.*]] = weft.transpose %arg1
// CHECK: %[[R:.*]] = weft.reduce_precision %arg1 tf32
// CHECK: %[[U:.*]] = weft.transpose %[[R]]
// CHECK: weft.matmul %arg0, %[[U]] tf32_weights
// CHECK: weft.neg %[[T]]
func.func @shared(%x: tensor<16x20xf32>, %w: tensor<32x20xf32> {weft.parameter}) -> (tensor<16x32xf32>, tensor<20x32xf32>) {
  %t = weft.transpose %w [1, 0] : tensor<32x20xf32> -> tensor<20x32xf32>
  %y = weft.matmul %x, %t : tensor<16x20xf32>, tensor<20x32xf32> -> tensor<16x32xf32>
  %n = weft.neg %t : tensor<20x32xf32>
  return %y, %n : tensor<16x32xf32>, tensor<20x32xf32>
}

// -----

// Rounded once for all products, whatever the view.
// CHECK-LABEL: @repeated
// CHECK: %[[R:.*]] = weft.reduce_precision %arg1 tf32
// CHECK-NOT: weft.reduce_precision
// CHECK: %[[T:.*]] = weft.transpose %[[R]] [1, 0]
// CHECK: %[[Y:.*]] = weft.matmul %arg0, %[[T]] tf32_weights
// CHECK: %[[U:.*]] = weft.transpose %[[R]] [1, 0]
// CHECK: %[[Z:.*]] = weft.matmul %[[Y]], %[[U]] tf32_weights
// CHECK: weft.matmul %[[Z]], %[[R]] tf32_weights
func.func @repeated(%x: tensor<16x20xf32>, %w: tensor<20x20xf32> {weft.parameter}) -> tensor<16x20xf32> {
  %t = weft.transpose %w [1, 0] : tensor<20x20xf32> -> tensor<20x20xf32>
  %y = weft.matmul %x, %t : tensor<16x20xf32>, tensor<20x20xf32> -> tensor<16x20xf32>
  %z = weft.matmul %y, %t : tensor<16x20xf32>, tensor<20x20xf32> -> tensor<16x20xf32>
  %u = weft.matmul %z, %w : tensor<16x20xf32>, tensor<20x20xf32> -> tensor<16x20xf32>
  return %u : tensor<16x20xf32>
}

// -----

// No weights: data on the right; nor on the left. What is parameter code as a
// whole is computed once.
// CHECK-LABEL: @data
// CHECK-NOT: tf32
// CHECK: return
func.func @data(%x: tensor<16x20xf32>, %z: tensor<20x32xf32>, %v: tensor<16x20xf32> {weft.parameter}, %w: tensor<20x32xf32> {weft.parameter}) -> (tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>) {
  %a = weft.matmul %x, %z : tensor<16x20xf32>, tensor<20x32xf32> -> tensor<16x32xf32>
  %b = weft.matmul %v, %z : tensor<16x20xf32>, tensor<20x32xf32> -> tensor<16x32xf32>
  %c = weft.matmul %v, %w : tensor<16x20xf32>, tensor<20x32xf32> -> tensor<16x32xf32>
  return %a, %b, %c : tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>
}

// -----

// Too few rows, columns and steps of k; other types.
// CHECK-LABEL: @small
// CHECK-NOT: tf32
// CHECK: return
func.func @small(%x: tensor<15x20xf32>, %y: tensor<16x20xf32>, %z: tensor<16x15xf32>, %h: tensor<16x20xf16>, %u: tensor<20x32xf32> {weft.parameter}, %v: tensor<15x32xf32> {weft.parameter}, %w: tensor<20x32xf16> {weft.parameter}, %k: tensor<20x15xf32> {weft.parameter}) -> (tensor<15x32xf32>, tensor<16x32xf32>, tensor<16x32xf16>, tensor<16x15xf32>) {
  %a = weft.matmul %x, %u : tensor<15x20xf32>, tensor<20x32xf32> -> tensor<15x32xf32>
  %b = weft.matmul %z, %v : tensor<16x15xf32>, tensor<15x32xf32> -> tensor<16x32xf32>
  %c = weft.matmul %h, %w : tensor<16x20xf16>, tensor<20x32xf16> -> tensor<16x32xf16>
  %d = weft.matmul %y, %k : tensor<16x20xf32>, tensor<20x15xf32> -> tensor<16x15xf32>
  return %a, %b, %c, %d : tensor<15x32xf32>, tensor<16x32xf32>, tensor<16x32xf16>, tensor<16x15xf32>
}

// -----

// Convolutions that tensor cores do not take: with groups, with channels first.
// CHECK-LABEL: @convs
// CHECK-NOT: tf32
// CHECK: return
func.func @convs(%x: tensor<4x3x3x32xf32>, %z: tensor<4x32x3x3xf32>, %v: tensor<32x2x2x16xf32> {weft.parameter}, %w: tensor<32x32x2x2xf32> {weft.parameter}) -> (tensor<4x2x2x32xf32>, tensor<4x32x2x2xf32>) {
  %a = weft.conv %x, %v stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 2 channels_last : tensor<4x3x3x32xf32>, tensor<32x2x2x16xf32> -> tensor<4x2x2x32xf32>
  %b = weft.conv %z, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 : tensor<4x32x3x3xf32>, tensor<32x32x2x2xf32> -> tensor<4x32x2x2xf32>
  return %a, %b : tensor<4x2x2x32xf32>, tensor<4x32x2x2xf32>
}
