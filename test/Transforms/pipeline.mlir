// The whole way: a residual block with batch norms ends as one kernel per conv.
// RUN: weft-opt %s -weft-pipeline=until=graph | FileCheck %s --check-prefix=GRAPH
// RUN: weft-opt %s -weft-pipeline=until=folded | FileCheck %s --check-prefix=FOLDED
// RUN: weft-opt %s -weft-pipeline=until=fused | FileCheck %s --check-prefix=FUSED
// RUN: weft-opt %s -weft-pipeline | FileCheck %s --check-prefix=PLAN
// RUN: weft-opt %s -weft-pipeline=until=fused | weft-opt -weft-fuse | FileCheck %s --check-prefix=FUSED

// GRAPH-COUNT-2: weft.batch_norm
// GRAPH-NOT: @prepare

// FOLDED-LABEL: func.func @main
// FOLDED-NOT: weft.batch_norm
// FOLDED: weft.conv
// FOLDED-NEXT: weft.relu
// FOLDED-NEXT: weft.conv
// FOLDED-NEXT: weft.add
// FOLDED-NEXT: weft.relu
// FOLDED-NEXT: return
// FOLDED-LABEL: func.func @prepare

// FUSED-LABEL: func.func @main
// FUSED: schedule(<window>)
// FUSED-NEXT: weft.conv
// FUSED-NEXT: weft.relu
// FUSED-NEXT: weft.yield
// FUSED: schedule(<window>)
// FUSED-NEXT: weft.conv
// FUSED-NEXT: weft.add
// FUSED-NEXT: weft.relu
// FUSED-NEXT: weft.yield
// FUSED-NOT: weft.group
// FUSED-LABEL: func.func @prepare
// FUSED-NOT: weft.conv

// PLAN-LABEL: func.func @main
// PLAN-SAME: weft.arena_bytes = 1024
// PLAN-LABEL: func.func @prepare
// PLAN-SAME: weft.arena_bytes

func.func @main(
    %x: tensor<1x4x8x8xf32>,
    %w1: tensor<4x4x3x3xf32> {weft.parameter, weft.name = "conv1.weight"},
    %g1: tensor<4xf32> {weft.parameter, weft.name = "bn1.weight"},
    %b1: tensor<4xf32> {weft.parameter, weft.name = "bn1.bias"},
    %m1: tensor<4xf32> {weft.parameter, weft.name = "bn1.running_mean"},
    %v1: tensor<4xf32> {weft.parameter, weft.name = "bn1.running_var"},
    %w2: tensor<4x4x3x3xf32> {weft.parameter, weft.name = "conv2.weight"},
    %g2: tensor<4xf32> {weft.parameter, weft.name = "bn2.weight"},
    %b2: tensor<4xf32> {weft.parameter, weft.name = "bn2.bias"},
    %m2: tensor<4xf32> {weft.parameter, weft.name = "bn2.running_mean"},
    %v2: tensor<4xf32> {weft.parameter, weft.name = "bn2.running_var"})
    -> tensor<1x4x8x8xf32> {
  %0 = weft.conv %x, %w1 stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1
      : tensor<1x4x8x8xf32>, tensor<4x4x3x3xf32> -> tensor<1x4x8x8xf32>
  %1 = weft.batch_norm %0, %g1, %b1, %m1, %v1 eps 1.0e-5
      : tensor<1x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  %2 = weft.relu %1 : tensor<1x4x8x8xf32>
  %3 = weft.conv %2, %w2 stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1
      : tensor<1x4x8x8xf32>, tensor<4x4x3x3xf32> -> tensor<1x4x8x8xf32>
  %4 = weft.batch_norm %3, %g2, %b2, %m2, %v2 eps 1.0e-5
      : tensor<1x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  %5 = weft.add %4, %x : tensor<1x4x8x8xf32>
  %6 = weft.relu %5 : tensor<1x4x8x8xf32>
  return %6 : tensor<1x4x8x8xf32>
}
