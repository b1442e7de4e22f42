// RUN: weft-opt %s -weft-decompose -split-input-file | FileCheck %s
// RUN: weft-opt %s -weft-decompose=keep-attention=true -split-input-file | FileCheck %s --check-prefix=KEEP

// CHECK-LABEL: @softmax
// CHECK-SAME: (%[[X:.*]]: tensor<2x3x4xf32>)
// CHECK-NEXT: %[[MAX:.*]] = weft.max %[[X]] over [1] : tensor<2x3x4xf32> -> tensor<2x4xf32>
// CHECK-NEXT: %[[R:.*]] = weft.reshape %[[MAX]] : tensor<2x4xf32> -> tensor<2x1x4xf32>
// CHECK-NEXT: %[[B:.*]] = weft.broadcast %[[R]] : tensor<2x1x4xf32> -> tensor<2x3x4xf32>
// CHECK-NEXT: %[[D:.*]] = weft.sub %[[X]], %[[B]]
// CHECK-NEXT: %[[E:.*]] = weft.exp %[[D]]
// CHECK-NEXT: %[[SUM:.*]] = weft.sum %[[E]] over [1]
// CHECK-NEXT: %[[SR:.*]] = weft.reshape %[[SUM]]
// CHECK-NEXT: %[[SB:.*]] = weft.broadcast %[[SR]]
// CHECK-NEXT: %[[Y:.*]] = weft.div %[[E]], %[[SB]]
// CHECK-NEXT: return %[[Y]]
func.func @softmax(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %y = weft.softmax %x over 1 : tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}

// -----

// CHECK-LABEL: @narrow_softmax
// CHECK-NEXT: weft.cast %arg0 : tensor<4xbf16> -> tensor<4xf32>
// CHECK: weft.sum {{.*}} -> tensor<f32>
// CHECK: %[[Y:.*]] = weft.cast {{.*}} : tensor<4xf32> -> tensor<4xbf16>
// CHECK-NEXT: return %[[Y]]
func.func @narrow_softmax(%x: tensor<4xbf16>) -> tensor<4xbf16> {
  %y = weft.softmax %x over 0 : tensor<4xbf16>
  return %y : tensor<4xbf16>
}

// -----

// CHECK-LABEL: @wide_softmax
// CHECK-NOT: weft.cast
// CHECK: weft.div {{.*}} : tensor<4xf64>
func.func @wide_softmax(%x: tensor<4xf64>) -> tensor<4xf64> {
  %y = weft.softmax %x over 0 : tensor<4xf64>
  return %y : tensor<4xf64>
}

// -----

// There is no largest element of nothing.
// CHECK-LABEL: @no_max_of_nothing
// CHECK-NEXT: return %arg0
func.func @no_max_of_nothing(%x: tensor<2x0xf32>) -> tensor<2x0xf32> {
  %y = weft.softmax %x over 1 : tensor<2x0xf32>
  return %y : tensor<2x0xf32>
}

// -----

// CHECK-LABEL: @attention
// CHECK-SAME: (%[[Q:.*]]: tensor<16x16xf16>, %[[K:.*]]: tensor<20x16xf16>, %[[V:.*]]: tensor<20x32xf16>, %[[N:.*]]: tensor<f16>, %[[B:.*]]: tensor<16x20xf16>)
// CHECK-NEXT: %[[KT:.*]] = weft.transpose %[[K]] [1, 0]
// CHECK-NEXT: %[[S:.*]] = weft.matmul %[[Q]], %[[KT]] : {{.*}} -> tensor<16x20xf16>
// CHECK-NEXT: %[[SF:.*]] = weft.cast %[[S]] : tensor<16x20xf16> -> tensor<16x20xf32>
// CHECK-NEXT: %[[NF:.*]] = weft.cast %[[N]] : tensor<f16> -> tensor<f32>
// CHECK-NEXT: %[[NB:.*]] = weft.broadcast %[[NF]] : tensor<f32> -> tensor<16x20xf32>
// CHECK-NEXT: %[[M:.*]] = weft.mul %[[SF]], %[[NB]]
// CHECK-NEXT: %[[BF:.*]] = weft.cast %[[B]]
// CHECK-NEXT: %[[A:.*]] = weft.add %[[M]], %[[BF]]
// CHECK-NEXT: weft.max %[[A]] over [1]
// CHECK: %[[W:.*]] = weft.cast {{.*}} : tensor<16x20xf32> -> tensor<16x20xf16>
// CHECK-NEXT: %[[Y:.*]] = weft.matmul %[[W]], %[[V]]
// CHECK-NEXT: return %[[Y]]
// KEEP-LABEL: @attention
// KEEP-NEXT: weft.attention
// KEEP-NEXT: return
func.func @attention(%q: tensor<16x16xf16>, %k: tensor<20x16xf16>, %v: tensor<20x32xf16>, %s: tensor<f16>, %b: tensor<16x20xf16>) -> tensor<16x32xf16> {
  %y = weft.attention %q, %k, %v, %s, %b : (tensor<16x16xf16>, tensor<20x16xf16>, tensor<20x32xf16>, tensor<f16>, tensor<16x20xf16>) -> tensor<16x32xf16>
  return %y : tensor<16x32xf16>
}

// -----

// What no kernel computes whole.
// CHECK-LABEL: @double_attention
// CHECK-NOT: weft.cast
// CHECK: return
// KEEP-LABEL: @double_attention
// KEEP-NOT: weft.attention
// KEEP: return
func.func @double_attention(%q: tensor<2x3xf64>, %k: tensor<4x3xf64>, %v: tensor<4x5xf64>, %s: tensor<f64>) -> tensor<2x5xf64> {
  %y = weft.attention %q, %k, %v, %s : (tensor<2x3xf64>, tensor<4x3xf64>, tensor<4x5xf64>, tensor<f64>) -> tensor<2x5xf64>
  return %y : tensor<2x5xf64>
}
