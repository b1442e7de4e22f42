// RUN: weft-opt %s -weft-fuse -split-input-file -verify-diagnostics

func.func @whole_op(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{softmax: must be decomposed before fusion}}
  %0 = weft.softmax %x over 0 : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @no_kind(%x: tensor<4x2xf32>, %p: tensor<2xf32>) -> tensor<4x2xf32> {
  // expected-error @below {{batch_norm: must be decomposed before fusion}}
  %0 = weft.batch_norm %x, %p, %p, %p, %p eps 0.0
      : tensor<4x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
  return %0 : tensor<4x2xf32>
}
