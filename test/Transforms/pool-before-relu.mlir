// RUN: weft-opt %s -weft-pool-before-relu="library=float32" -split-input-file | FileCheck %s
// RUN: weft-opt %s -weft-pool-before-relu -split-input-file | FileCheck %s --check-prefix=NONE
// RUN: weft-opt %s -weft-pipeline="until=fused library=float32" -split-input-file | FileCheck %s --check-prefix=FUSED
// RUN: weft-opt %s -weft-pool-before-relu="library=float32" -split-input-file -mlir-print-debuginfo -mlir-print-local-scope | FileCheck %s --check-prefix=PLACES

// Without a library every relu stays with its convolution.
// NONE-NOT: weft.relu %{{.*}} : tensor<1x4x4x8xf32>

// CHECK-LABEL: @relu_of_what_is_pooled
// CHECK-NEXT: %[[Y:.*]] = weft.conv
// CHECK-NEXT: %[[P:.*]] = weft.maxpool %[[Y]] kernel [3, 3] stride [2, 2] padding [1, 1, 0, 2] channels_last : tensor<1x8x8x8xf32> -> tensor<1x4x4x8xf32>
// CHECK-NEXT: %[[Z:.*]] = weft.relu %[[P]] : tensor<1x4x4x8xf32>
// CHECK-NEXT: return %[[Z]]
func.func @relu_of_what_is_pooled(%x: tensor<1x8x8x3xf32>, %w: tensor<8x1x1x3xf32>, %b: tensor<8xf32>) -> tensor<1x4x4x8xf32> {
  %y = weft.conv %x, %w, %b stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<1x8x8x3xf32>, tensor<8x1x1x3xf32>, tensor<8xf32> -> tensor<1x8x8x8xf32>
  %r = weft.relu %y : tensor<1x8x8x8xf32>
  %p = weft.maxpool %r kernel [3, 3] stride [2, 2] padding [1, 1, 0, 2] channels_last : tensor<1x8x8x8xf32> -> tensor<1x4x4x8xf32>
  return %p : tensor<1x4x4x8xf32>
}

// -----
// Each op is still that of its line.
// PLACES-LABEL: @where_it_was_written
// PLACES: weft.maxpool {{.*}} loc("line of the pool")
// PLACES-NEXT: weft.relu {{.*}} loc("line of the relu")
func.func @where_it_was_written(%x: tensor<1x8x8x3xf32>, %w: tensor<8x1x1x3xf32>) -> tensor<1x4x4x8xf32> {
  %y = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<1x8x8x3xf32>, tensor<8x1x1x3xf32> -> tensor<1x8x8x8xf32>
  %r = weft.relu %y : tensor<1x8x8x8xf32> loc("line of the relu")
  %p = weft.maxpool %r kernel [2, 2] stride [2, 2] padding [0, 0, 0, 0] channels_last : tensor<1x8x8x8xf32> -> tensor<1x4x4x8xf32> loc("line of the pool")
  return %p : tensor<1x4x4x8xf32>
}

// -----
// As many elements, but no pass of the relu's own.
// CHECK-LABEL: @windows_one_element_apart
// CHECK: weft.maxpool
// CHECK-NEXT: weft.relu
// FUSED-LABEL: @windows_one_element_apart
// FUSED: weft.conv
// FUSED-NOT: weft.relu
// FUSED: weft.group
// FUSED-NEXT: weft.maxpool
// FUSED-NEXT: weft.relu
// FUSED-NEXT: weft.yield
// FUSED-NEXT: }
// FUSED-NEXT: return
func.func @windows_one_element_apart(%x: tensor<1x64x64x16xf32>, %w: tensor<64x3x3x16xf32>) -> tensor<1x64x64x64xf32> {
  %y = weft.conv %x, %w stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1 channels_last : tensor<1x64x64x16xf32>, tensor<64x3x3x16xf32> -> tensor<1x64x64x64xf32>
  %r = weft.relu %y : tensor<1x64x64x64xf32>
  %p = weft.maxpool %r kernel [3, 3] stride [1, 1] padding [1, 1, 1, 1] channels_last : tensor<1x64x64x64xf32> -> tensor<1x64x64x64xf32>
  return %p : tensor<1x64x64x64xf32>
}

// -----
// The first window of 2 lies in the padding: its largest element, less than
// every number, is no 0.
// CHECK-LABEL: @no_pool_of_padding_alone
// CHECK: weft.relu %{{.*}} : tensor<1x8x8x8xf32>
func.func @no_pool_of_padding_alone(%x: tensor<1x8x8x3xf32>, %w: tensor<8x1x1x3xf32>) -> tensor<1x6x4x8xf32> {
  %y = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<1x8x8x3xf32>, tensor<8x1x1x3xf32> -> tensor<1x8x8x8xf32>
  %r = weft.relu %y : tensor<1x8x8x8xf32>
  %p = weft.maxpool %r kernel [2, 2] stride [2, 2] padding [2, 2, 0, 0] channels_last : tensor<1x8x8x8xf32> -> tensor<1x6x4x8xf32>
  return %p : tensor<1x6x4x8xf32>
}

// -----
// CHECK-LABEL: @no_relu_that_is_read
// CHECK: weft.relu %{{.*}} : tensor<1x8x8x8xf32>
func.func @no_relu_that_is_read(%x: tensor<1x8x8x3xf32>, %w: tensor<8x1x1x3xf32>) -> (tensor<1x4x4x8xf32>, tensor<1x8x8x8xf32>) {
  %y = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<1x8x8x3xf32>, tensor<8x1x1x3xf32> -> tensor<1x8x8x8xf32>
  %r = weft.relu %y : tensor<1x8x8x8xf32>
  %p = weft.maxpool %r kernel [2, 2] stride [2, 2] padding [0, 0, 0, 0] channels_last : tensor<1x8x8x8xf32> -> tensor<1x4x4x8xf32>
  return %p, %r : tensor<1x4x4x8xf32>, tensor<1x8x8x8xf32>
}

// -----
// CHECK-LABEL: @no_convolution_that_is_read
// CHECK: weft.relu %{{.*}} : tensor<1x8x8x8xf32>
func.func @no_convolution_that_is_read(%x: tensor<1x8x8x3xf32>, %w: tensor<8x1x1x3xf32>) -> (tensor<1x4x4x8xf32>, tensor<1x8x8x8xf32>) {
  %y = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<1x8x8x3xf32>, tensor<8x1x1x3xf32> -> tensor<1x8x8x8xf32>
  %r = weft.relu %y : tensor<1x8x8x8xf32>
  %p = weft.maxpool %r kernel [2, 2] stride [2, 2] padding [0, 0, 0, 0] channels_last : tensor<1x8x8x8xf32> -> tensor<1x4x4x8xf32>
  return %p, %y : tensor<1x4x4x8xf32>, tensor<1x8x8x8xf32>
}

// -----
// What comes from outside has no kernel that computes the relu.
// CHECK-LABEL: @no_relu_of_an_argument
// CHECK-NEXT: weft.relu %{{.*}} : tensor<1x8x8x8xf32>
func.func @no_relu_of_an_argument(%y: tensor<1x8x8x8xf32>) -> tensor<1x4x4x8xf32> {
  %r = weft.relu %y : tensor<1x8x8x8xf32>
  %p = weft.maxpool %r kernel [2, 2] stride [2, 2] padding [0, 0, 0, 0] channels_last : tensor<1x8x8x8xf32> -> tensor<1x4x4x8xf32>
  return %p : tensor<1x4x4x8xf32>
}

// -----
// A library that multiplies no float16 leaves such convolutions to Weft.
// CHECK-LABEL: @no_convolution_of_another_type
// CHECK: weft.relu %{{.*}} : tensor<1x8x8x8xf16>
func.func @no_convolution_of_another_type(%x: tensor<1x8x8x3xf16>, %w: tensor<8x1x1x3xf16>) -> tensor<1x4x4x8xf16> {
  %y = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<1x8x8x3xf16>, tensor<8x1x1x3xf16> -> tensor<1x8x8x8xf16>
  %r = weft.relu %y : tensor<1x8x8x8xf16>
  %p = weft.maxpool %r kernel [2, 2] stride [2, 2] padding [0, 0, 0, 0] channels_last : tensor<1x8x8x8xf16> -> tensor<1x4x4x8xf16>
  return %p : tensor<1x4x4x8xf16>
}

// -----
// In the pipeline: one kernel pools and computes the relu.
// FUSED-LABEL: @in_one_kernel
// FUSED: weft.conv
// FUSED: weft.group
// FUSED-NEXT: weft.maxpool
// FUSED-NEXT: weft.relu
// FUSED-NEXT: weft.yield
func.func @in_one_kernel(%x: tensor<1x16x64x64xf32>, %w: tensor<64x16x3x3xf32>) -> tensor<1x64x32x32xf32> {
  %y = weft.conv %x, %w stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1 : tensor<1x16x64x64xf32>, tensor<64x16x3x3xf32> -> tensor<1x64x64x64xf32>
  %r = weft.relu %y : tensor<1x64x64x64xf32>
  %p = weft.maxpool %r kernel [3, 3] stride [2, 2] padding [1, 0, 1, 0] : tensor<1x64x64x64xf32> -> tensor<1x64x32x32xf32>
  return %p : tensor<1x64x32x32xf32>
}
