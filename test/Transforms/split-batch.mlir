// RUN: weft-opt %s -weft-split-batch="library=float32 parts=2" -split-input-file | FileCheck %s
// RUN: weft-opt %s -weft-split-batch="library=float32 parts=1" -split-input-file | FileCheck %s --check-prefix=ONE
// RUN: weft-opt %s -weft-split-batch="parts=2" -split-input-file | FileCheck %s --check-prefix=ONE
// RUN: weft-opt %s -weft-split-batch="library=float32 parts=3" -split-input-file | FileCheck %s --check-prefix=ONE
// ONE-NOT: weft.part

// Every kind of op that keeps the parts apart. A row is computed from the whole
// of the weights and of what is repeated for each row.
// CHECK-LABEL: @main
// CHECK-SAME: (%{{.*}}: tensor<64x512xf32> {weft.part}, %{{.*}}: tensor<512x512xf32>,
// CHECK-SAME: %{{.*}}: tensor<1x512xf32>, %{{.*}}: f32)
// CHECK-SAME: -> (tensor<64x512xf32>, tensor<64x8xf32>, tensor<8x8x8x64xf32>)
// CHECK-SAME: attributes {weft.parts = 2 : i64}
// CHECK-NEXT: weft.matmul {{.*}} -> tensor<64x512xf32>
// CHECK-NEXT: weft.broadcast {{.*}} : tensor<1x512xf32> -> tensor<64x512xf32>
// CHECK-NEXT: weft.splat {{.*}} -> tensor<64x512xf32>
// CHECK-NEXT: weft.constant dense<5.000000e-01> : tensor<64x512xf32>
// CHECK-NEXT: weft.iota {{.*}} tensor<64x512xf32>
// CHECK-NEXT: weft.add {{.*}} : tensor<64x512xf32>
// CHECK-NEXT: weft.mul {{.*}} : tensor<64x512xf32>
// CHECK-NEXT: weft.add {{.*}} : tensor<64x512xf32>
// CHECK-NEXT: weft.sub {{.*}} : tensor<64x512xf32>
// CHECK-NEXT: weft.reshape {{.*}} -> tensor<8x8x8x64xf32>
// CHECK-NEXT: weft.transpose {{.*}} -> tensor<8x8x8x64xf32>
// CHECK-NEXT: weft.reshape {{.*}} -> tensor<64x8x64xf32>
// CHECK-NEXT: weft.slice {{.*}} -> tensor<64x8x32xf32>
// CHECK-NEXT: weft.concatenate {{.*}} -> tensor<64x8x64xf32>
// CHECK-NEXT: weft.sum {{.*}} -> tensor<64x8xf32>
// CHECK-NEXT: weft.transpose {{.*}} -> tensor<64x64x8xf32>
// CHECK-NEXT: weft.matmul {{.*}} -> tensor<64x8x8xf32>
// CHECK-NEXT: weft.max {{.*}} -> tensor<64x8xf32>
// CHECK-NEXT: weft.add {{.*}} : tensor<64x8xf32>
func.func @main(%x: tensor<128x512xf32>, %w: tensor<512x512xf32>, %b: tensor<1x512xf32>, %s: f32)
    -> (tensor<128x512xf32>, tensor<128x8xf32>, tensor<16x8x8x64xf32>) {
  %0 = weft.matmul %x, %w : tensor<128x512xf32>, tensor<512x512xf32> -> tensor<128x512xf32>
  %1 = weft.broadcast %b : tensor<1x512xf32> -> tensor<128x512xf32>
  %2 = weft.splat %s : f32 -> tensor<128x512xf32>
  %3 = weft.constant dense<5.000000e-01> : tensor<128x512xf32>
  %4 = weft.iota 1 : tensor<128x512xf32>
  %5 = weft.add %0, %1 : tensor<128x512xf32>
  %6 = weft.mul %5, %2 : tensor<128x512xf32>
  %7 = weft.add %6, %3 : tensor<128x512xf32>
  %8 = weft.sub %7, %4 : tensor<128x512xf32>
  %9 = weft.reshape %8 : tensor<128x512xf32> -> tensor<16x8x8x64xf32>
  %10 = weft.transpose %9 [0, 2, 1, 3] : tensor<16x8x8x64xf32> -> tensor<16x8x8x64xf32>
  %11 = weft.reshape %10 : tensor<16x8x8x64xf32> -> tensor<128x8x64xf32>
  %12 = weft.slice %11 from [0, 0, 5] by [1, 1, 1] : tensor<128x8x64xf32> -> tensor<128x8x32xf32>
  %13 = weft.concatenate %12, %12 along 2 : tensor<128x8x32xf32>, tensor<128x8x32xf32> -> tensor<128x8x64xf32>
  %14 = weft.sum %13 over [2] : tensor<128x8x64xf32> -> tensor<128x8xf32>
  %15 = weft.transpose %13 [0, 2, 1] : tensor<128x8x64xf32> -> tensor<128x64x8xf32>
  %16 = weft.matmul %11, %15 : tensor<128x8x64xf32>, tensor<128x64x8xf32> -> tensor<128x8x8xf32>
  %17 = weft.max %16 over [1] : tensor<128x8x8xf32> -> tensor<128x8xf32>
  %18 = weft.add %14, %17 : tensor<128x8xf32>
  return %8, %18, %10 : tensor<128x512xf32>, tensor<128x8xf32>, tensor<16x8x8x64xf32>
}

// -----

// Images; what is prepared belongs to all parts, and is prepared whole.
// CHECK-LABEL: @main
// CHECK-SAME: (%{{.*}}: tensor<1x16x16x64xf32> {weft.input = 0 : i64, weft.part}, %{{.*}}: tensor<64x3x3x64xf32> {weft.prepared = 0 : i64},
// CHECK-SAME: %{{.*}}: tensor<64xf32>) -> tensor<1x4x4x64xf32> attributes {weft.parts = 2 : i64}
// CHECK-NEXT: weft.conv {{.*}} -> tensor<1x16x16x64xf32>
// CHECK-NEXT: weft.maxpool {{.*}} -> tensor<1x8x8x64xf32>
// CHECK-NEXT: weft.avgpool {{.*}} -> tensor<1x4x4x64xf32>
// CHECK-LABEL: @prepare
// CHECK-SAME: tensor<64x3x3x64xf32>) -> tensor<64x3x3x64xf32>
// CHECK-NOT: weft.part
func.func @main(%x: tensor<2x16x16x64xf32> {weft.input = 0}, %w: tensor<64x3x3x64xf32> {weft.prepared = 0},
                %b: tensor<64xf32>) -> tensor<2x4x4x64xf32> {
  %0 = weft.conv %x, %w, %b stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1 channels_last
      : tensor<2x16x16x64xf32>, tensor<64x3x3x64xf32>, tensor<64xf32> -> tensor<2x16x16x64xf32>
  %1 = weft.maxpool %0 kernel [2, 2] stride [2, 2] padding [0, 0, 0, 0] channels_last
      : tensor<2x16x16x64xf32> -> tensor<2x8x8x64xf32>
  %2 = weft.avgpool %1 kernel [2, 2] stride [2, 2] padding [0, 0, 0, 0] count_include_pad false channels_last
      : tensor<2x8x8x64xf32> -> tensor<2x4x4x64xf32>
  return %2 : tensor<2x4x4x64xf32>
}
func.func @prepare(%w: tensor<64x3x3x64xf32>) -> tensor<64x3x3x64xf32> {
  %0 = weft.neg %w : tensor<64x3x3x64xf32>
  return %0 : tensor<64x3x3x64xf32>
}

// -----

// What one part of a batch computes takes another: a sum over the batch, rows
// in another order or those beside, an argument that is weights as well, numbers
// that differ from row to row.
// CHECK-LABEL: @sum
// CHECK-NOT: weft.part
func.func @sum(%x: tensor<128x512xf32>, %w: tensor<512x512xf32>) -> tensor<512xf32> {
  %0 = weft.matmul %x, %w : tensor<128x512xf32>, tensor<512x512xf32> -> tensor<128x512xf32>
  %1 = weft.sum %0 over [0] : tensor<128x512xf32> -> tensor<512xf32>
  return %1 : tensor<512xf32>
}
// CHECK-LABEL: @transposed
// CHECK-NOT: weft.part
func.func @transposed(%x: tensor<128x512xf32>, %w: tensor<512x512xf32>) -> tensor<512x128xf32> {
  %0 = weft.matmul %x, %w : tensor<128x512xf32>, tensor<512x512xf32> -> tensor<128x512xf32>
  %1 = weft.transpose %0 [1, 0] : tensor<128x512xf32> -> tensor<512x128xf32>
  return %1 : tensor<512x128xf32>
}
// CHECK-LABEL: @reversed
// CHECK-NOT: weft.part
func.func @reversed(%x: tensor<128x512xf32>, %w: tensor<512x512xf32>) -> tensor<128x512xf32> {
  %0 = weft.slice %x from [127, 0] by [-1, 1] : tensor<128x512xf32> -> tensor<128x512xf32>
  %1 = weft.matmul %0, %w : tensor<128x512xf32>, tensor<512x512xf32> -> tensor<128x512xf32>
  return %1 : tensor<128x512xf32>
}
// CHECK-LABEL: @resampled
// CHECK-NOT: weft.part
func.func @resampled(%x: tensor<64x512xf32>, %w: tensor<512x512xf32>) -> tensor<128x512xf32> {
  %0 = weft.resample %x from [0, 0] by [1, 1] over [2, 1] : tensor<64x512xf32> -> tensor<128x512xf32>
  %1 = weft.matmul %0, %w : tensor<128x512xf32>, tensor<512x512xf32> -> tensor<128x512xf32>
  return %1 : tensor<128x512xf32>
}
// CHECK-LABEL: @two_batches
// CHECK-NOT: weft.part
func.func @two_batches(%x: tensor<128x512xf32>, %w: tensor<512x512xf32>) -> tensor<256x512xf32> {
  %0 = weft.concatenate %x, %x along 0 : tensor<128x512xf32>, tensor<128x512xf32> -> tensor<256x512xf32>
  %1 = weft.matmul %0, %w : tensor<256x512xf32>, tensor<512x512xf32> -> tensor<256x512xf32>
  return %1 : tensor<256x512xf32>
}
// CHECK-LABEL: @square
// CHECK-NOT: weft.part
func.func @square(%x: tensor<512x512xf32>) -> tensor<512x512xf32> {
  %0 = weft.matmul %x, %x : tensor<512x512xf32>, tensor<512x512xf32> -> tensor<512x512xf32>
  return %0 : tensor<512x512xf32>
}
// CHECK-LABEL: @numbered
// CHECK-NOT: weft.part
func.func @numbered(%x: tensor<128x512xf32>, %w: tensor<512x512xf32>) -> tensor<128x512xf32> {
  %0 = weft.matmul %x, %w : tensor<128x512xf32>, tensor<512x512xf32> -> tensor<128x512xf32>
  %1 = weft.iota 0 : tensor<128x512xf32>
  %2 = weft.add %0, %1 : tensor<128x512xf32>
  return %2 : tensor<128x512xf32>
}
// CHECK-LABEL: @constant
// CHECK-NOT: weft.part
func.func @constant(%x: tensor<2x64x512xf32>, %w: tensor<2x512x512xf32>) -> tensor<2xf32> {
  %0 = weft.matmul %x, %w : tensor<2x64x512xf32>, tensor<2x512x512xf32> -> tensor<2x64x512xf32>
  %1 = weft.sum %0 over [1, 2] : tensor<2x64x512xf32> -> tensor<2xf32>
  %2 = weft.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %3 = weft.add %1, %2 : tensor<2xf32>
  return %3 : tensor<2xf32>
}
// CHECK-LABEL: @one_of_the_results
// CHECK-NOT: weft.part
func.func @one_of_the_results(%x: tensor<128x512xf32>, %w: tensor<512x512xf32>) -> (tensor<128x512xf32>, tensor<512x512xf32>) {
  %0 = weft.matmul %x, %w : tensor<128x512xf32>, tensor<512x512xf32> -> tensor<128x512xf32>
  return %0, %w : tensor<128x512xf32>, tensor<512x512xf32>
}
// CHECK-LABEL: @odd
// CHECK-NOT: weft.part
func.func @odd(%x: tensor<129x512xf32>, %w: tensor<512x512xf32>) -> tensor<129x512xf32> {
  %0 = weft.matmul %x, %w : tensor<129x512xf32>, tensor<512x512xf32> -> tensor<129x512xf32>
  return %0 : tensor<129x512xf32>
}

// -----

// What would not pay: nothing for a library; weights that each part would read
// again for a few rows. Little of that beside much work does no harm.
// CHECK-LABEL: @small
// CHECK-NOT: weft.part
func.func @small(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %0 = weft.matmul %x, %w : tensor<64x64xf32>, tensor<64x64xf32> -> tensor<64x64xf32>
  return %0 : tensor<64x64xf32>
}
// CHECK-LABEL: @few_rows
// CHECK-NOT: weft.part
func.func @few_rows(%x: tensor<94x512xf32>, %w: tensor<512x512xf32>) -> tensor<94x512xf32> {
  %0 = weft.matmul %x, %w : tensor<94x512xf32>, tensor<512x512xf32> -> tensor<94x512xf32>
  return %0 : tensor<94x512xf32>
}
// CHECK-LABEL: @few_rows_at_last
// CHECK-SAME: weft.parts = 2
func.func @few_rows_at_last(%x: tensor<2x4096x512xf32>, %w: tensor<2x512x512xf32>, %v: tensor<512x10xf32>) -> tensor<2x10xf32> {
  %0 = weft.matmul %x, %w : tensor<2x4096x512xf32>, tensor<2x512x512xf32> -> tensor<2x4096x512xf32>
  %1 = weft.sum %0 over [1] : tensor<2x4096x512xf32> -> tensor<2x512xf32>
  %2 = weft.matmul %1, %v : tensor<2x512xf32>, tensor<512x10xf32> -> tensor<2x10xf32>
  return %2 : tensor<2x10xf32>
}
// What each part would compute again, for itself.
// CHECK-LABEL: @much_for_all
// CHECK-NOT: weft.part
func.func @much_for_all(%x: tensor<128x512xf32>, %a: tensor<512x4096xf32>, %b: tensor<4096x512xf32>) -> tensor<128x512xf32> {
  %0 = weft.matmul %a, %b : tensor<512x4096xf32>, tensor<4096x512xf32> -> tensor<512x512xf32>
  %1 = weft.matmul %x, %0 : tensor<128x512xf32>, tensor<512x512xf32> -> tensor<128x512xf32>
  return %1 : tensor<128x512xf32>
}
// CHECK-LABEL: @little_for_all
// CHECK-SAME: weft.parts = 2
func.func @little_for_all(%x: tensor<8192x512xf32>, %a: tensor<512x16xf32>, %b: tensor<16x512xf32>) -> tensor<8192x512xf32> {
  %0 = weft.matmul %a, %b : tensor<512x16xf32>, tensor<16x512xf32> -> tensor<512x512xf32>
  %1 = weft.matmul %x, %0 : tensor<8192x512xf32>, tensor<512x512xf32> -> tensor<8192x512xf32>
  return %1 : tensor<8192x512xf32>
}
// A product that is too small for the library in parts.
// CHECK-LABEL: @small_parts
// CHECK-NOT: weft.part
func.func @small_parts(%x: tensor<96x300xf32>, %w: tensor<300x300xf32>) -> tensor<96x300xf32> {
  %0 = weft.matmul %x, %w : tensor<96x300xf32>, tensor<300x300xf32> -> tensor<96x300xf32>
  return %0 : tensor<96x300xf32>
}
// Products of nothing count for nothing.
// CHECK-LABEL: @nothing_beside
// CHECK-SAME: weft.parts = 2
func.func @nothing_beside(%x: tensor<128x512xf32>, %w: tensor<512x512xf32>, %v: tensor<512x0xf32>) -> tensor<128x512xf32> {
  %0 = weft.matmul %x, %w : tensor<128x512xf32>, tensor<512x512xf32> -> tensor<128x512xf32>
  %1 = weft.matmul %x, %v : tensor<128x512xf32>, tensor<512x0xf32> -> tensor<128x0xf32>
  %2 = weft.sum %1 over [1] : tensor<128x0xf32> -> tensor<128xf32>
  %3 = weft.reshape %2 : tensor<128xf32> -> tensor<128x1xf32>
  %4 = weft.broadcast %3 : tensor<128x1xf32> -> tensor<128x512xf32>
  %5 = weft.add %0, %4 : tensor<128x512xf32>
  return %5 : tensor<128x512xf32>
}

// -----

// A prepared value that has a part for each would be given whole.
// CHECK-LABEL: @main
// CHECK-NOT: weft.part
func.func @main(%x: tensor<128x512xf32> {weft.input = 0}, %w: tensor<512x512xf32> {weft.input = 1}, %p: tensor<128x512xf32> {weft.prepared = 0}) -> tensor<128x512xf32> {
  %0 = weft.matmul %x, %w : tensor<128x512xf32>, tensor<512x512xf32> -> tensor<128x512xf32>
  %1 = weft.add %0, %p : tensor<128x512xf32>
  return %1 : tensor<128x512xf32>
}
