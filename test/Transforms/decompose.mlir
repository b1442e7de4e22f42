// RUN: weft-opt %s -weft-decompose -split-input-file | FileCheck %s

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
