// Data that lie channels last in memory: a convolution with its batch norm,
// residual and relu is one kernel that reads and writes them as they lie.
// RUN: weft-opt %s -weft-pipeline="until=fused channels-last" | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK: %[[Y:.*]] = weft.group(%[[X:[a-z0-9]+]] = %arg0
// CHECK-NEXT: weft.conv %[[X]], {{.*}} channels_last
// CHECK: %[[BN:.*]] = weft.cast %{{.*}} -> tensor<2x5x5x32xf16>
// CHECK-NEXT: %[[A:.*]] = weft.add %[[BN]], %{{[a-z0-9]+}} : tensor<2x5x5x32xf16>
// CHECK-NEXT: weft.relu %[[A]]
// CHECK-NEXT: weft.yield
// CHECK-NEXT: }
// CHECK-NEXT: return %[[Y]]
// CHECK-LABEL: func.func @prepare

func.func @main(
    %x: tensor<2x9x9x16xf16>, %r: tensor<2x5x5x32xf16>,
    %w: tensor<32x16x3x3xf16> {weft.parameter, weft.name = "conv.weight"},
    %g: tensor<32xf16> {weft.parameter, weft.name = "bn.weight"},
    %b: tensor<32xf16> {weft.parameter, weft.name = "bn.bias"},
    %m: tensor<32xf16> {weft.parameter, weft.name = "bn.running_mean"},
    %v: tensor<32xf16> {weft.parameter, weft.name = "bn.running_var"})
    -> tensor<2x5x5x32xf16> {
  %first = weft.transpose %x [0, 3, 1, 2] : tensor<2x9x9x16xf16> -> tensor<2x16x9x9xf16>
  %0 = weft.conv %first, %w stride [2, 2] padding [1, 1, 1, 1] dilation [1, 1] groups 1
      : tensor<2x16x9x9xf16>, tensor<32x16x3x3xf16> -> tensor<2x32x5x5xf16>
  %1 = weft.batch_norm %0, %g, %b, %m, %v eps 1.0e-5
      : tensor<2x32x5x5xf16>, tensor<32xf16>, tensor<32xf16>, tensor<32xf16>, tensor<32xf16>
  %residual = weft.transpose %r [0, 3, 1, 2] : tensor<2x5x5x32xf16> -> tensor<2x32x5x5xf16>
  %2 = weft.add %1, %residual : tensor<2x32x5x5xf16>
  %3 = weft.relu %2 : tensor<2x32x5x5xf16>
  %last = weft.transpose %3 [0, 2, 3, 1] : tensor<2x32x5x5xf16> -> tensor<2x5x5x32xf16>
  return %last : tensor<2x5x5x32xf16>
}
