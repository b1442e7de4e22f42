// RUN: weft-opt %s -pass-pipeline='builtin.module(func.func(weft-pair-products))' -split-input-file | FileCheck %s

// What the first stores is rounded before the second multiplies it.
// CHECK-LABEL: @convs
// CHECK: %[[R:.*]]:2 = weft.group(%[[X:.*]] = %arg0, %[[W:.*]] = %arg1, %[[S:.*]] = %arg2, %[[V:.*]] = %arg3) schedule(<pair>)
// CHECK-NEXT: %[[M:.*]] = weft.conv %[[X]], %[[W]]
// CHECK-NEXT: %[[A:.*]] = weft.add %[[M]], %[[S]]
// CHECK-NEXT: %[[Y:.*]] = weft.reduce_precision %[[A]]
// CHECK-NEXT: %[[P:.*]] = weft.conv %[[Y]], %[[V]]
// CHECK-NEXT: %[[Z:.*]] = weft.relu %[[P]]
// CHECK-NEXT: weft.yield %[[A]], %[[Z]]
// CHECK: return %[[R]]#0, %[[R]]#1
func.func @convs(%x: tensor<2x5x7x64xf16>, %w: tensor<256x1x1x64xf16>, %r: tensor<2x5x7x256xf16>, %v: tensor<64x1x1x256xf16>) -> (tensor<2x5x7x256xf16>, tensor<2x5x7x64xf16>) {
  %y = weft.group(%a = %x, %b = %w, %c = %r) schedule(<window>) : tensor<2x5x7x64xf16>, tensor<256x1x1x64xf16>, tensor<2x5x7x256xf16> -> tensor<2x5x7x256xf16> {
    %m = weft.conv %a, %b stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<2x5x7x64xf16>, tensor<256x1x1x64xf16> -> tensor<2x5x7x256xf16>
    %s = weft.add %m, %c : tensor<2x5x7x256xf16>
    weft.yield %s : tensor<2x5x7x256xf16>
  }
  %z = weft.group(%a = %y, %b = %v) schedule(<window>) : tensor<2x5x7x256xf16>, tensor<64x1x1x256xf16> -> tensor<2x5x7x64xf16> {
    %m = weft.conv %a, %b stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<2x5x7x256xf16>, tensor<64x1x1x256xf16> -> tensor<2x5x7x64xf16>
    %s = weft.relu %m : tensor<2x5x7x64xf16>
    weft.yield %s : tensor<2x5x7x64xf16>
  }
  return %y, %z : tensor<2x5x7x256xf16>, tensor<2x5x7x64xf16>
}

// -----

// A stride leaves pixels out; three taps read neighbours.
// CHECK-LABEL: @windows
// CHECK-NOT: schedule(<pair>)
// CHECK: return
func.func @windows(%x: tensor<1x4x64xf16>, %w: tensor<64x1x64xf16>, %v: tensor<64x1x64xf16>, %u: tensor<64x3x64xf16>) -> (tensor<1x2x64xf16>, tensor<1x2x64xf16>) {
  %y = weft.group(%a = %x, %b = %w) schedule(<window>) : tensor<1x4x64xf16>, tensor<64x1x64xf16> -> tensor<1x4x64xf16> {
    %m = weft.conv %a, %b stride [1] padding [0, 0] dilation [1] groups 1 channels_last : tensor<1x4x64xf16>, tensor<64x1x64xf16> -> tensor<1x4x64xf16>
    weft.yield %m : tensor<1x4x64xf16>
  }
  %z = weft.group(%a = %y, %b = %v) schedule(<window>) : tensor<1x4x64xf16>, tensor<64x1x64xf16> -> tensor<1x2x64xf16> {
    %m = weft.conv %a, %b stride [2] padding [0, 0] dilation [1] groups 1 channels_last : tensor<1x4x64xf16>, tensor<64x1x64xf16> -> tensor<1x2x64xf16>
    weft.yield %m : tensor<1x2x64xf16>
  }
  %q = weft.group(%a = %y, %b = %u) schedule(<window>) : tensor<1x4x64xf16>, tensor<64x3x64xf16> -> tensor<1x2x64xf16> {
    %m = weft.conv %a, %b stride [1] padding [0, 0] dilation [1] groups 1 channels_last : tensor<1x4x64xf16>, tensor<64x3x64xf16> -> tensor<1x2x64xf16>
    weft.yield %m : tensor<1x2x64xf16>
  }
  return %z, %q : tensor<1x2x64xf16>, tensor<1x2x64xf16>
}

// -----

// The first of three takes the second; what is a pair takes no third.
// CHECK-LABEL: @three
// CHECK: %[[R:.*]]:2 = weft.group{{.*}} schedule(<pair>)
// CHECK: weft.group(%{{.*}} = %[[R]]#1, %{{.*}} = %arg3) schedule(<gemm>)
// CHECK-NOT: schedule(<pair>)
// CHECK: return
func.func @three(%x: tensor<8x64xf16>, %w: tensor<64x64xf16>, %v: tensor<64x64xf16>, %u: tensor<64x64xf16>) -> tensor<8x64xf16> {
  %y = weft.group(%a = %x, %b = %w) schedule(<gemm>) : tensor<8x64xf16>, tensor<64x64xf16> -> tensor<8x64xf16> {
    %m = weft.matmul %a, %b : tensor<8x64xf16>, tensor<64x64xf16> -> tensor<8x64xf16>
    weft.yield %m : tensor<8x64xf16>
  }
  %z = weft.group(%a = %y, %b = %v) schedule(<gemm>) : tensor<8x64xf16>, tensor<64x64xf16> -> tensor<8x64xf16> {
    %m = weft.matmul %a, %b : tensor<8x64xf16>, tensor<64x64xf16> -> tensor<8x64xf16>
    weft.yield %m : tensor<8x64xf16>
  }
  %q = weft.group(%a = %z, %b = %u) schedule(<gemm>) : tensor<8x64xf16>, tensor<64x64xf16> -> tensor<8x64xf16> {
    %m = weft.matmul %a, %b : tensor<8x64xf16>, tensor<64x64xf16> -> tensor<8x64xf16>
    weft.yield %m : tensor<8x64xf16>
  }
  return %q : tensor<8x64xf16>
}

// -----

// The second's weights are there only behind the first.
// CHECK-LABEL: @late
// CHECK-NOT: schedule(<pair>)
// CHECK: return
func.func @late(%x: tensor<8x64xf16>, %w: tensor<64x64xf16>) -> tensor<8x64xf16> {
  %y = weft.group(%a = %x, %b = %w) schedule(<gemm>) : tensor<8x64xf16>, tensor<64x64xf16> -> tensor<8x64xf16> {
    %m = weft.matmul %a, %b : tensor<8x64xf16>, tensor<64x64xf16> -> tensor<8x64xf16>
    weft.yield %m : tensor<8x64xf16>
  }
  %v = weft.group(%a = %w) schedule(<loop>) : tensor<64x64xf16> -> tensor<64x64xf16> {
    %m = weft.relu %a : tensor<64x64xf16>
    weft.yield %m : tensor<64x64xf16>
  }
  %z = weft.group(%a = %y, %b = %v) schedule(<gemm>) : tensor<8x64xf16>, tensor<64x64xf16> -> tensor<8x64xf16> {
    %m = weft.matmul %a, %b : tensor<8x64xf16>, tensor<64x64xf16> -> tensor<8x64xf16>
    weft.yield %m : tensor<8x64xf16>
  }
  return %z : tensor<8x64xf16>
}

// -----

// The second reads the first's result as its weights, or twice.
// CHECK-LABEL: @weights
// CHECK-NOT: schedule(<pair>)
// CHECK: return
func.func @weights(%x: tensor<64x64xf16>, %w: tensor<64x64xf16>) -> (tensor<64x64xf16>, tensor<64x64xf16>) {
  %y = weft.group(%a = %x, %b = %w) schedule(<gemm>) : tensor<64x64xf16>, tensor<64x64xf16> -> tensor<64x64xf16> {
    %m = weft.matmul %a, %b : tensor<64x64xf16>, tensor<64x64xf16> -> tensor<64x64xf16>
    weft.yield %m : tensor<64x64xf16>
  }
  %z = weft.group(%a = %x, %b = %y) schedule(<gemm>) : tensor<64x64xf16>, tensor<64x64xf16> -> tensor<64x64xf16> {
    %m = weft.matmul %a, %b : tensor<64x64xf16>, tensor<64x64xf16> -> tensor<64x64xf16>
    weft.yield %m : tensor<64x64xf16>
  }
  %q = weft.group(%a = %y, %b = %w) schedule(<gemm>) : tensor<64x64xf16>, tensor<64x64xf16> -> tensor<64x64xf16> {
    %m = weft.matmul %a, %b : tensor<64x64xf16>, tensor<64x64xf16> -> tensor<64x64xf16>
    %s = weft.add %m, %a : tensor<64x64xf16>
    weft.yield %s : tensor<64x64xf16>
  }
  return %z, %q : tensor<64x64xf16>, tensor<64x64xf16>
}
