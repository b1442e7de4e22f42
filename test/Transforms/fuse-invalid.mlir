// RUN: weft-opt %s -weft-fuse -verify-diagnostics

func.func @whole_op(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{softmax: must be decomposed before fusion}}
  %0 = weft.softmax %x over 0 : tensor<4xf32>
  return %0 : tensor<4xf32>
}
