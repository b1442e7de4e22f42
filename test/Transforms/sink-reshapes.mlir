// RUN: weft-opt %s -weft-sink-reshapes -split-input-file | FileCheck %s

// A bias, an activation and a residual of a product follow its rows; the
// reshape comes behind them.
// CHECK-LABEL: @bias_gelu_residual
// CHECK-SAME: (%[[X:.*]]: tensor<6x4xf16>, %[[W:.*]]: tensor<4x8xf16>, %[[B:.*]]: tensor<8xf16>, %[[R:.*]]: tensor<2x3x8xf16>)
// CHECK: %[[M:.*]] = weft.matmul %[[X]], %[[W]]
// CHECK: %[[BB:.*]] = weft.broadcast %[[B]] : tensor<8xf16> -> tensor<2x3x8xf16>
// CHECK: %[[B2:.*]] = weft.reshape %[[BB]] : tensor<2x3x8xf16> -> tensor<6x8xf16>
// CHECK: %[[A:.*]] = weft.add %[[M]], %[[B2]] : tensor<6x8xf16>
// CHECK: %[[G:.*]] = weft.gelu %[[A]] : tensor<6x8xf16>
// CHECK: %[[R2:.*]] = weft.reshape %[[R]] : tensor<2x3x8xf16> -> tensor<6x8xf16>
// CHECK: %[[Y:.*]] = weft.add %[[R2]], %[[G]] : tensor<6x8xf16>
// CHECK: %[[Z:.*]] = weft.reshape %[[Y]] : tensor<6x8xf16> -> tensor<2x3x8xf16>
// CHECK: weft.cast %[[Z]] : tensor<2x3x8xf16>
func.func @bias_gelu_residual(%x: tensor<6x4xf16>, %w: tensor<4x8xf16>, %b: tensor<8xf16>,
                              %r: tensor<2x3x8xf16>) -> tensor<2x3xf32> {
  %0 = weft.matmul %x, %w : tensor<6x4xf16>, tensor<4x8xf16> -> tensor<6x8xf16>
  %1 = weft.reshape %0 : tensor<6x8xf16> -> tensor<2x3x8xf16>
  %2 = weft.broadcast %b : tensor<8xf16> -> tensor<2x3x8xf16>
  %3 = weft.add %1, %2 : tensor<2x3x8xf16>
  %4 = weft.gelu %3 : tensor<2x3x8xf16>
  %5 = weft.add %r, %4 : tensor<2x3x8xf16>
  %6 = weft.cast %5 : tensor<2x3x8xf16> -> tensor<2x3x8xf32>
  %7 = weft.sum %6 over [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  return %7 : tensor<2x3xf32>
}

// -----

// What is subtracted comes from a reduction of the product: one kernel of rows
// computes it and what follows.
// CHECK-LABEL: @from_a_reduction
// CHECK: %[[Z:.*]] = weft.reshape %{{.*}} : tensor<6x8xf32> -> tensor<2x3x8xf32>
// CHECK: weft.max %[[Z]] over [2]
// CHECK-NOT: tensor<2x3x8xf32> -> tensor<6x8xf32>
// CHECK: weft.sub %[[Z]], %{{.*}} : tensor<2x3x8xf32>
// CHECK-NOT: weft.reshape
// CHECK: return
func.func @from_a_reduction(%x: tensor<6x4xf32>, %w: tensor<4x8xf32>) -> tensor<2x3x8xf32> {
  %0 = weft.matmul %x, %w : tensor<6x4xf32>, tensor<4x8xf32> -> tensor<6x8xf32>
  %1 = weft.reshape %0 : tensor<6x8xf32> -> tensor<2x3x8xf32>
  %2 = weft.max %1 over [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %3 = weft.reshape %2 : tensor<2x3xf32> -> tensor<2x3x1xf32>
  %4 = weft.broadcast %3 : tensor<2x3x1xf32> -> tensor<2x3x8xf32>
  %5 = weft.sub %1, %4 : tensor<2x3x8xf32>
  return %5 : tensor<2x3x8xf32>
}

// -----

// A reduction of something else is there before the product.
// CHECK-LABEL: @from_before
// CHECK: %[[S:.*]] = weft.sum
// CHECK: %[[M:.*]] = weft.matmul
// CHECK: %[[S2:.*]] = weft.reshape %{{.*}} : tensor<2x3x8xf32> -> tensor<6x8xf32>
// CHECK: weft.mul %[[M]], %[[S2]] : tensor<6x8xf32>
func.func @from_before(%x: tensor<6x4xf32>, %w: tensor<4x8xf32>, %y: tensor<5x2x3x8xf32>)
    -> tensor<2x3x8xf32> {
  %0 = weft.sum %y over [0] : tensor<5x2x3x8xf32> -> tensor<2x3x8xf32>
  %1 = weft.matmul %x, %w : tensor<6x4xf32>, tensor<4x8xf32> -> tensor<6x8xf32>
  %2 = weft.reshape %1 : tensor<6x8xf32> -> tensor<2x3x8xf32>
  %3 = weft.mul %2, %0 : tensor<2x3x8xf32>
  return %3 : tensor<2x3x8xf32>
}

// -----

// Two products of different rows meet: the sum follows the later one.
// CHECK-LABEL: @two_products
// CHECK: %[[A:.*]] = weft.matmul {{.*}} -> tensor<6x8xf32>
// CHECK: %[[B:.*]] = weft.matmul {{.*}} -> tensor<3x16xf32>
// CHECK: %[[C:.*]] = weft.reshape %{{.*}} : tensor<{{.*}}> -> tensor<3x16xf32>
// CHECK: weft.add %[[C]], %[[B]] : tensor<3x16xf32>
func.func @two_products(%x: tensor<6x4xf32>, %w: tensor<4x8xf32>, %u: tensor<3x4xf32>,
                        %v: tensor<4x16xf32>) -> tensor<2x3x8xf32> {
  %0 = weft.matmul %x, %w : tensor<6x4xf32>, tensor<4x8xf32> -> tensor<6x8xf32>
  %1 = weft.reshape %0 : tensor<6x8xf32> -> tensor<2x3x8xf32>
  %2 = weft.matmul %u, %v : tensor<3x4xf32>, tensor<4x16xf32> -> tensor<3x16xf32>
  %3 = weft.reshape %2 : tensor<3x16xf32> -> tensor<2x3x8xf32>
  %4 = weft.add %1, %3 : tensor<2x3x8xf32>
  return %4 : tensor<2x3x8xf32>
}

// -----

// The product itself is returned, too: it lies in memory.
// CHECK-LABEL: @needed_elsewhere
// CHECK: %[[M:.*]] = weft.matmul
// CHECK: %[[R:.*]] = weft.reshape %[[M]] : tensor<6x8xf32> -> tensor<2x3x8xf32>
// CHECK-NOT: tensor<6x8xf32>
// CHECK: weft.relu %[[R]] : tensor<2x3x8xf32>
// CHECK-NOT: weft.reshape
// CHECK: return
func.func @needed_elsewhere(%x: tensor<6x4xf32>, %w: tensor<4x8xf32>)
    -> (tensor<6x8xf32>, tensor<2x3x8xf32>) {
  %0 = weft.matmul %x, %w : tensor<6x4xf32>, tensor<4x8xf32> -> tensor<6x8xf32>
  %1 = weft.reshape %0 : tensor<6x8xf32> -> tensor<2x3x8xf32>
  %2 = weft.relu %1 : tensor<2x3x8xf32>
  return %0, %2 : tensor<6x8xf32>, tensor<2x3x8xf32>
}

// -----

// No product.
// CHECK-LABEL: @other_reshapes
// CHECK: %[[R:.*]] = weft.reshape %{{.*}} : tensor<6x8xf32> -> tensor<2x3x8xf32>
// CHECK-NOT: tensor<6x8xf32>
// CHECK: weft.relu %[[R]] : tensor<2x3x8xf32>
// CHECK-NOT: weft.reshape
// CHECK: return
func.func @other_reshapes(%x: tensor<6x8xf32>) -> tensor<2x3x8xf32> {
  %0 = weft.exp %x : tensor<6x8xf32>
  %1 = weft.reshape %0 : tensor<6x8xf32> -> tensor<2x3x8xf32>
  %2 = weft.relu %1 : tensor<2x3x8xf32>
  return %2 : tensor<2x3x8xf32>
}

// -----

// A cast belongs to who asks for the other type, and nothing passes it.
// CHECK-LABEL: @no_sinking_behind_a_cast
// CHECK: %[[R:.*]] = weft.reshape %{{.*}} : tensor<6x8xf16> -> tensor<2x3x8xf16>
// CHECK-NOT: tensor<6x8xf32>
// CHECK: %[[C:.*]] = weft.cast %[[R]] : tensor<2x3x8xf16> -> tensor<2x3x8xf32>
// CHECK-NOT: tensor<6x8xf32>
// CHECK: weft.relu %[[C]] : tensor<2x3x8xf32>
// CHECK-NOT: weft.reshape
// CHECK: return
func.func @no_sinking_behind_a_cast(%x: tensor<6x4xf16>, %w: tensor<4x8xf16>) -> tensor<2x3x8xf32> {
  %0 = weft.matmul %x, %w : tensor<6x4xf16>, tensor<4x8xf16> -> tensor<6x8xf16>
  %1 = weft.reshape %0 : tensor<6x8xf16> -> tensor<2x3x8xf16>
  %2 = weft.cast %1 : tensor<2x3x8xf16> -> tensor<2x3x8xf32>
  %3 = weft.relu %2 : tensor<2x3x8xf32>
  return %3 : tensor<2x3x8xf32>
}
