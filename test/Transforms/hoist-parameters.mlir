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

// A kernel reads half the bytes where it widens them itself; what is computed
// with them is still prepared, in their own type.
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[W:[^ ]*]]: tensor<4xf16> {weft.parameter}
// CHECK-SAME: %[[P:[^ ]*]]: tensor<4xbf16> {weft.prepared = 0 : i64})
// CHECK-DAG: weft.cast %[[W]] : tensor<4xf16> -> tensor<4xf32>
// CHECK-DAG: weft.cast %[[P]] : tensor<4xbf16> -> tensor<4xf32>
// CHECK-LABEL: func.func @prepare
// CHECK: weft.exp
// CHECK-NOT: weft.cast
func.func @main(%x: tensor<3x4xf32>, %w: tensor<4xf16> {weft.parameter},
                %b: tensor<4xbf16> {weft.parameter}) -> tensor<3x4xf32> {
  %0 = weft.cast %w : tensor<4xf16> -> tensor<4xf32>
  %1 = weft.broadcast %0 : tensor<4xf32> -> tensor<3x4xf32>
  %2 = weft.mul %x, %1 : tensor<3x4xf32>
  %3 = weft.exp %b : tensor<4xbf16>
  %4 = weft.cast %3 : tensor<4xbf16> -> tensor<4xf32>
  %5 = weft.broadcast %4 : tensor<4xf32> -> tensor<3x4xf32>
  %6 = weft.add %2, %5 : tensor<3x4xf32>
  return %6 : tensor<3x4xf32>
}

// -----

// Others are prepared: bytes and integers, whose values take longer to make, and
// operands of products.
// CHECK-LABEL: func.func @main
// CHECK-NOT: weft.cast
// CHECK-LABEL: func.func @prepare
// CHECK-COUNT-3: weft.cast
func.func @main(%x: tensor<3x4xf32>, %w: tensor<4xf8E4M3FN> {weft.parameter},
                %b: tensor<4xi8> {weft.parameter},
                %m: tensor<4x5xf16> {weft.parameter}) -> tensor<3x5xf32> {
  %0 = weft.cast %w : tensor<4xf8E4M3FN> -> tensor<4xf32>
  %1 = weft.broadcast %0 : tensor<4xf32> -> tensor<3x4xf32>
  %2 = weft.mul %x, %1 : tensor<3x4xf32>
  %3 = weft.cast %b : tensor<4xi8> -> tensor<4xf32>
  %4 = weft.broadcast %3 : tensor<4xf32> -> tensor<3x4xf32>
  %5 = weft.add %2, %4 : tensor<3x4xf32>
  %6 = weft.cast %m : tensor<4x5xf16> -> tensor<4x5xf32>
  %7 = weft.matmul %5, %6 : tensor<3x4xf32>, tensor<4x5xf32> -> tensor<3x5xf32>
  return %7 : tensor<3x5xf32>
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

// -----

// Kept, the sum would take 256 MB instead of the 260 KB that it is made from.
// CHECK-LABEL: func.func @main
// CHECK: weft.add {{.*}} : tensor<65536x1024xf32>
// CHECK: weft.mul
// CHECK-LABEL: func.func @prepare
// CHECK: weft.exp
// CHECK: return {{.*}} : tensor<65536x1xf32>
func.func @main(%x: tensor<65536x1024xf32>, %p: tensor<1024xf32> {weft.parameter},
                %q: tensor<65536x1xf32> {weft.parameter}) -> tensor<65536x1024xf32> {
  %0 = weft.exp %q : tensor<65536x1xf32>
  %1 = weft.broadcast %p : tensor<1024xf32> -> tensor<65536x1024xf32>
  %2 = weft.broadcast %0 : tensor<65536x1xf32> -> tensor<65536x1024xf32>
  %3 = weft.add %1, %2 : tensor<65536x1024xf32>
  %4 = weft.mul %x, %3 : tensor<65536x1024xf32>
  return %4 : tensor<65536x1024xf32>
}

// -----

// As large on the way, but small in the end.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: weft.mul
// CHECK-LABEL: func.func @prepare
// CHECK: weft.add {{.*}} : tensor<65536x1024xf32>
// CHECK: return {{.*}} : tensor<1024xf32>
func.func @main(%x: tensor<1024xf32>, %p: tensor<1024xf32> {weft.parameter},
                %q: tensor<65536x1xf32> {weft.parameter}) -> tensor<1024xf32> {
  %1 = weft.broadcast %p : tensor<1024xf32> -> tensor<65536x1024xf32>
  %2 = weft.broadcast %q : tensor<65536x1xf32> -> tensor<65536x1024xf32>
  %3 = weft.add %1, %2 : tensor<65536x1024xf32>
  %4 = weft.sum %3 over [0] : tensor<65536x1024xf32> -> tensor<1024xf32>
  %5 = weft.mul %x, %4 : tensor<1024xf32>
  return %5 : tensor<1024xf32>
}

// -----

// Two parameters joined are no larger than both.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: weft.mul
// CHECK-LABEL: func.func @prepare
// CHECK: weft.concatenate
func.func @main(%x: tensor<200000xf32>, %p: tensor<100000xf32> {weft.parameter},
                %q: tensor<100000xf32> {weft.parameter}) -> tensor<200000xf32> {
  %0 = weft.concatenate %p, %q along 0 : tensor<100000xf32>, tensor<100000xf32> -> tensor<200000xf32>
  %1 = weft.mul %x, %0 : tensor<200000xf32>
  return %1 : tensor<200000xf32>
}

// -----

// The product is returned from here and read there: one value for both.
// CHECK-LABEL: func.func @main
// CHECK: %[[P:.*]] = weft.mul
// CHECK: return %{{.*}}, %[[P]]
// CHECK-LABEL: func.func @prepare
// CHECK: %[[Q:.*]] = weft.mul
// CHECK-NEXT: %[[R:.*]] = weft.reduce_precision %[[Q]]
// CHECK-NEXT: weft.exp %[[R]]
func.func @main(%x: tensor<4xf16>, %w: tensor<4xf16> {weft.parameter})
    -> (tensor<4xf16>, tensor<4xf16>) {
  %0 = weft.mul %w, %w : tensor<4xf16>
  %1 = weft.exp %0 : tensor<4xf16>
  %2 = weft.add %x, %1 : tensor<4xf16>
  return %2, %0 : tensor<4xf16>, tensor<4xf16>
}

// -----

// An argument that no op can read.
// CHECK-LABEL: func.func @main(%{{.*}}: tensor<?xf32>)
// CHECK-NEXT: return
func.func @main(%x: tensor<?xf32>) {
  return
}
