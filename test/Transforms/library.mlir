// RUN: weft-opt %s -weft-pipeline="until=fused library=float32" -split-input-file | FileCheck %s
// RUN: weft-opt %s -weft-pipeline="until=fused" -split-input-file | FileCheck %s --check-prefix=OWN
// RUN: sed s/f32/bf16/g %s | weft-opt -weft-pipeline="until=fused library=bfloat16" -split-input-file | sed s/bf16/f32/g | FileCheck %s
// RUN: sed s/f32/bf16/g %s | weft-opt -weft-pipeline="until=fused library=float32" -split-input-file | sed s/bf16/f32/g | FileCheck %s --check-prefix=OWN
// RUN: not weft-opt %s -weft-pipeline="library=float64" 2>&1 | FileCheck %s --check-prefix=NAME
// NAME: Cannot find option named 'float64'

// One large convolution of float32 takes all others along: they work with their
// channels last, weights as they lie. A library computes them alone, and one
// kernel what lies between two of them.
// CHECK-LABEL: @between_convolutions
// CHECK: weft.group{{.*}} schedule(<window>)
// CHECK-DAG: weft.transpose {{.*}} [0, 2, 3, 1] : tensor<1x64x32x32xf32>
// CHECK-DAG: weft.transpose {{.*}} [0, 2, 3, 1] : tensor<64x64x3x3xf32>
// CHECK: weft.conv {{.*}} channels_last
// CHECK-NEXT: weft.yield
// CHECK: weft.group{{.*}} schedule(<loop>) : tensor<1x32x32x64xf32>
// CHECK-NEXT: weft.relu
// CHECK-NEXT: weft.exp
// CHECK-NEXT: weft.yield
// CHECK: weft.group{{.*}} schedule(<window>)
// CHECK: weft.conv {{.*}} channels_last
// CHECK-NEXT: weft.yield
// OWN-LABEL: @between_convolutions
// OWN: weft.conv
// OWN-NOT: channels_last
// OWN: weft.relu
// OWN-NOT: weft.group
// OWN: weft.yield
func.func @between_convolutions(%x: tensor<1x64x32x32xf32>, %w: tensor<64x64x3x3xf32>,
                                %v: tensor<2x64x1x1xf32>) -> tensor<1x2x32x32xf32> {
  %0 = weft.conv %x, %w stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1
      : tensor<1x64x32x32xf32>, tensor<64x64x3x3xf32> -> tensor<1x64x32x32xf32>
  %1 = weft.relu %0 : tensor<1x64x32x32xf32>
  %2 = weft.exp %1 : tensor<1x64x32x32xf32>
  %3 = weft.conv %2, %v stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<1x64x32x32xf32>, tensor<2x64x1x1xf32> -> tensor<1x2x32x32xf32>
  return %3 : tensor<1x2x32x32xf32>
}

// -----

// Small ones are one kernel with what follows; so are many small images: 590
// thousand multiply-adds for each of them, 590 million for all.
// CHECK-LABEL: @small
// CHECK: weft.conv
// CHECK-NOT: channels_last
// CHECK: weft.relu
// CHECK-NOT: weft.group
// CHECK: weft.yield
func.func @small(%x: tensor<1000x32x8x8xf32>, %w: tensor<32x32x3x3xf32>) -> tensor<1000x32x8x8xf32> {
  %0 = weft.conv %x, %w stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1
      : tensor<1000x32x8x8xf32>, tensor<32x32x3x3xf32> -> tensor<1000x32x8x8xf32>
  %1 = weft.relu %0 : tensor<1000x32x8x8xf32>
  return %1 : tensor<1000x32x8x8xf32>
}

// -----

// Groups have the fewer weights: 1.2 million multiply-adds, where one group has
// 9.4.
// CHECK-LABEL: @groups
// CHECK: weft.conv
// CHECK-NOT: channels_last
// CHECK: weft.relu
// CHECK-NEXT: weft.yield
func.func @groups(%x: tensor<1x64x16x16xf32>, %w: tensor<64x8x3x3xf32>) -> tensor<1x64x16x16xf32> {
  %0 = weft.conv %x, %w stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 8
      : tensor<1x64x16x16xf32>, tensor<64x8x3x3xf32> -> tensor<1x64x16x16xf32>
  %1 = weft.relu %0 : tensor<1x64x16x16xf32>
  return %1 : tensor<1x64x16x16xf32>
}

// -----

// A bias goes with the product.
// CHECK-LABEL: @linear
// CHECK: weft.group{{.*}} schedule(<gemm>)
// CHECK: weft.matmul
// CHECK: weft.add
// CHECK-NEXT: weft.yield
// CHECK: weft.group{{.*}} schedule(<loop>)
// CHECK-NEXT: weft.relu
func.func @linear(%x: tensor<16x500xf32>, %w: tensor<500x1000xf32>, %b: tensor<1000xf32>)
    -> tensor<16x1000xf32> {
  %0 = weft.matmul %x, %w : tensor<16x500xf32>, tensor<500x1000xf32> -> tensor<16x1000xf32>
  %1 = weft.broadcast %b : tensor<1000xf32> -> tensor<16x1000xf32>
  %2 = weft.add %0, %1 : tensor<16x1000xf32>
  %3 = weft.relu %2 : tensor<16x1000xf32>
  return %3 : tensor<16x1000xf32>
}

// -----

// Few rows, for which the weights alone take all the time; and 16 rows with 500
// thousand weights but two: less than 8 million multiply-adds.
// CHECK-LABEL: @few_rows
// CHECK: weft.matmul
// CHECK-NEXT: weft.relu
// CHECK: weft.matmul
// CHECK-NEXT: weft.relu
func.func @few_rows(%x: tensor<15x2000xf32>, %w: tensor<2000x2000xf32>,
                    %y: tensor<16x499xf32>, %v: tensor<499x1002xf32>)
    -> (tensor<15x2000xf32>, tensor<16x1002xf32>) {
  %0 = weft.matmul %x, %w : tensor<15x2000xf32>, tensor<2000x2000xf32> -> tensor<15x2000xf32>
  %1 = weft.relu %0 : tensor<15x2000xf32>
  %2 = weft.matmul %y, %v : tensor<16x499xf32>, tensor<499x1002xf32> -> tensor<16x1002xf32>
  %3 = weft.relu %2 : tensor<16x1002xf32>
  return %1, %3 : tensor<15x2000xf32>, tensor<16x1002xf32>
}

// -----

// A residual is no bias; neither is a number of each row.
// CHECK-LABEL: @no_bias
// CHECK: schedule(<gemm>)
// CHECK: weft.matmul
// CHECK-NEXT: weft.yield
// CHECK: schedule(<gemm>)
// CHECK: weft.matmul
// CHECK-NEXT: weft.yield
func.func @no_bias(%x: tensor<256x256xf32>, %w: tensor<256x256xf32>, %r: tensor<256x256xf32>,
                   %v: tensor<256x256xf32>, %b: tensor<256x1xf32>)
    -> (tensor<256x256xf32>, tensor<256x256xf32>) {
  %0 = weft.matmul %x, %w : tensor<256x256xf32>, tensor<256x256xf32> -> tensor<256x256xf32>
  %1 = weft.add %0, %r : tensor<256x256xf32>
  %2 = weft.matmul %x, %v : tensor<256x256xf32>, tensor<256x256xf32> -> tensor<256x256xf32>
  %3 = weft.broadcast %b : tensor<256x1xf32> -> tensor<256x256xf32>
  %4 = weft.add %2, %3 : tensor<256x256xf32>
  return %1, %4 : tensor<256x256xf32>, tensor<256x256xf32>
}

// -----

// Other types are Weft's own.
// CHECK-LABEL: @half
// CHECK: weft.conv
// CHECK-NOT: channels_last
// CHECK: weft.relu
// CHECK-NEXT: weft.yield
func.func @half(%x: tensor<1x64x32x32xf16>, %w: tensor<64x64x3x3xf16>) -> tensor<1x64x32x32xf16> {
  %0 = weft.conv %x, %w stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1
      : tensor<1x64x32x32xf16>, tensor<64x64x3x3xf16> -> tensor<1x64x32x32xf16>
  %1 = weft.relu %0 : tensor<1x64x32x32xf16>
  return %1 : tensor<1x64x32x32xf16>
}
