// RUN: weft-opt %s -weft-hoist-parameters -split-input-file | FileCheck %s

// Scale and weights are computed once; the arguments keep their numbers.
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>, %{{.*}}: tensor<4xf32> {weft.name = "w", weft.parameter}, %[[P:.*]]: tensor<4xf32> {weft.prepared = 0 : i64})
// CHECK-NEXT: %[[Y:.*]] = weft.add %[[X]], %[[P]]
// CHECK-NEXT: return %[[Y]]
// CHECK-LABEL: func.func @prepare
// CHECK-SAME: (%[[W:.*]]: tensor<4xf32> {weft.name = "w", weft.parameter}) -> tensor<4xf32>
// CHECK-NEXT: %[[E:.*]] = weft.exp %[[W]]
// CHECK-NEXT: %[[S:.*]] = weft.mul %[[E]], %[[W]]
// CHECK-NEXT: return %[[S]]
func.func @main(%x: tensor<4xf32>, %w: tensor<4xf32> {weft.parameter, weft.name = "w"})
    -> tensor<4xf32> {
  %0 = weft.exp %w : tensor<4xf32>
  %1 = weft.mul %0, %w : tensor<4xf32>
  %2 = weft.add %x, %1 : tensor<4xf32>
  return %2 : tensor<4xf32>
}

// -----

// What is prepared is the small tensor; it is repeated where it is read.
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[P:[^ ]*]]: tensor<1x3xf32> {weft.prepared = 0 : i64})
// CHECK: weft.broadcast %[[P]] : tensor<1x3xf32> -> tensor<1000x3xf32>
// CHECK-LABEL: func.func @prepare
// CHECK: return %{{.*}} : tensor<1x3xf32>
func.func @main(%x: tensor<1000x3xf32>, %w: tensor<1x3xf32> {weft.parameter})
    -> tensor<1000x3xf32> {
  %0 = weft.exp %w : tensor<1x3xf32>
  %1 = weft.broadcast %0 : tensor<1x3xf32> -> tensor<1000x3xf32>
  %2 = weft.add %x, %1 : tensor<1000x3xf32>
  return %2 : tensor<1000x3xf32>
}

// -----

// Parameters are joined once, and only those that are needed are passed.
// CHECK-LABEL: func.func @main
// CHECK-LABEL: func.func @prepare
// CHECK-SAME: (%{{.*}}: tensor<2x3xf32> {weft.name = "q", weft.parameter}, %{{.*}}: tensor<2x3xf32> {weft.name = "k", weft.parameter})
// CHECK: weft.concatenate
func.func @main(%x: tensor<4x2xf32>,
                %q: tensor<2x3xf32> {weft.parameter, weft.name = "q"},
                %b: tensor<6xf32> {weft.parameter, weft.name = "b"},
                %k: tensor<2x3xf32> {weft.parameter, weft.name = "k"}) -> tensor<4x6xf32> {
  %0 = weft.concatenate %q, %k along 1 : tensor<2x3xf32>, tensor<2x3xf32> -> tensor<2x6xf32>
  %1 = weft.matmul %x, %0 : tensor<4x2xf32>, tensor<2x6xf32> -> tensor<4x6xf32>
  %2 = weft.broadcast %b : tensor<6xf32> -> tensor<4x6xf32>
  %3 = weft.add %1, %2 : tensor<4x6xf32>
  return %3 : tensor<4x6xf32>
}

// -----

// Views of a parameter cost nothing where they are read.
// CHECK-LABEL: func.func @main
// CHECK: weft.transpose
// CHECK-NOT: @prepare
func.func @main(%x: tensor<4x2xf32>, %w: tensor<3x2xf32> {weft.parameter})
    -> tensor<4x3xf32> {
  %0 = weft.transpose %w [1, 0] : tensor<3x2xf32> -> tensor<2x3xf32>
  %1 = weft.matmul %x, %0 : tensor<4x2xf32>, tensor<2x3xf32> -> tensor<4x3xf32>
  return %1 : tensor<4x3xf32>
}

// -----

// The factor is an argument of the call.
// CHECK-LABEL: func.func @main
// CHECK: weft.mul
// CHECK-NOT: @prepare
func.func @main(%x: tensor<4xf32>, %w: tensor<4xf32> {weft.parameter}, %s: f32)
    -> tensor<4xf32> {
  %0 = weft.splat %s : f32 -> tensor<4xf32>
  %1 = weft.mul %w, %0 : tensor<4xf32>
  %2 = weft.add %x, %1 : tensor<4xf32>
  return %2 : tensor<4xf32>
}

// -----

// What is only returned is computed once already.
// CHECK-LABEL: func.func @main
// CHECK: weft.exp
// CHECK-NOT: @prepare
func.func @main(%w: tensor<4xf32> {weft.parameter}) -> tensor<4xf32> {
  %0 = weft.exp %w : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// Cheap numbers without a parameter are made anew rather than kept.
// CHECK-LABEL: func.func @main
// CHECK: weft.iota
// CHECK-NOT: @prepare
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weft.iota 0 : tensor<4xf32>
  %1 = weft.mul %0, %0 : tensor<4xf32>
  %2 = weft.add %x, %1 : tensor<4xf32>
  return %2 : tensor<4xf32>
}
