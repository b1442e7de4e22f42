// Every op is parsed, verified and printed as it was written.
// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt %s -mlir-print-op-generic | weft-opt | FileCheck %s

// CHECK-LABEL: @one_operand
func.func @one_operand(%x: tensor<4xf32>, %b: tensor<2xi1>) -> tensor<4xf32> {
  // CHECK: weft.neg %{{.*}} : tensor<4xf32>
  %0 = weft.neg %x : tensor<4xf32>
  // CHECK: weft.abs
  %1 = weft.abs %0 : tensor<4xf32>
  // CHECK: weft.floor
  %2 = weft.floor %1 : tensor<4xf32>
  // CHECK: weft.sqrt
  %3 = weft.sqrt %2 : tensor<4xf32>
  // CHECK: weft.exp
  %4 = weft.exp %3 : tensor<4xf32>
  // CHECK: weft.log
  %5 = weft.log %4 : tensor<4xf32>
  // CHECK: weft.sin
  %6 = weft.sin %5 : tensor<4xf32>
  // CHECK: weft.cos
  %7 = weft.cos %6 : tensor<4xf32>
  // CHECK: weft.tanh
  %8 = weft.tanh %7 : tensor<4xf32>
  // CHECK: weft.erf
  %9 = weft.erf %8 : tensor<4xf32>
  // CHECK: weft.rsqrt
  %10 = weft.rsqrt %9 : tensor<4xf32>
  // CHECK: weft.sigmoid
  %11 = weft.sigmoid %10 : tensor<4xf32>
  // CHECK: weft.silu
  %12 = weft.silu %11 : tensor<4xf32>
  // CHECK: weft.gelu
  %13 = weft.gelu %12 : tensor<4xf32>
  // CHECK: weft.relu
  %14 = weft.relu %13 : tensor<4xf32>
  // CHECK: weft.logical_not %{{.*}} : tensor<2xi1>
  %15 = weft.logical_not %b : tensor<2xi1>
  return %14 : tensor<4xf32>
}

// CHECK-LABEL: @two_operands
func.func @two_operands(%x: tensor<3xi32>, %y: tensor<3xi32>,
                        %p: tensor<3xi1>) -> tensor<3xi32> {
  // CHECK: weft.add %{{.*}}, %{{.*}} : tensor<3xi32>
  %0 = weft.add %x, %y : tensor<3xi32>
  // CHECK: weft.sub
  %1 = weft.sub %0, %y : tensor<3xi32>
  // CHECK: weft.mul
  %2 = weft.mul %1, %y : tensor<3xi32>
  // CHECK: weft.div
  %3 = weft.div %2, %y : tensor<3xi32>
  // CHECK: weft.floor_div
  %4 = weft.floor_div %3, %y : tensor<3xi32>
  // CHECK: weft.mod
  %5 = weft.mod %4, %y : tensor<3xi32>
  // CHECK: weft.pow
  %6 = weft.pow %5, %y : tensor<3xi32>
  // CHECK: weft.maximum
  %7 = weft.maximum %6, %y : tensor<3xi32>
  // CHECK: weft.minimum
  %8 = weft.minimum %7, %y : tensor<3xi32>
  // CHECK: weft.less %{{.*}}, %{{.*}} : tensor<3xi32>
  %9 = weft.less %8, %y : tensor<3xi32>
  // CHECK: weft.less_equal
  %10 = weft.less_equal %8, %y : tensor<3xi32>
  // CHECK: weft.greater
  %11 = weft.greater %8, %y : tensor<3xi32>
  // CHECK: weft.greater_equal
  %12 = weft.greater_equal %8, %y : tensor<3xi32>
  // CHECK: weft.equal
  %13 = weft.equal %8, %y : tensor<3xi32>
  // CHECK: weft.not_equal
  %14 = weft.not_equal %8, %y : tensor<3xi32>
  // CHECK: weft.logical_and
  %15 = weft.logical_and %9, %14 : tensor<3xi1>
  // CHECK: weft.logical_or
  %16 = weft.logical_or %15, %p : tensor<3xi1>
  // CHECK: weft.where %{{.*}}, %{{.*}}, %{{.*}} : tensor<3xi1>, tensor<3xi32>
  %17 = weft.where %16, %8, %y : tensor<3xi1>, tensor<3xi32>
  return %17 : tensor<3xi32>
}

// CHECK-LABEL: @values
func.func @values(%s: bf16) -> (tensor<2xf8E4M3FN>, tensor<2x3xbf16>,
                                tensor<4xui8>, tensor<2xf64>) {
  // CHECK: weft.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf8E4M3FN>
  %0 = weft.constant dense<[1.0, 2.0]> : tensor<2xf8E4M3FN>
  // CHECK: weft.splat %{{.*}} : bf16 -> tensor<2x3xbf16>
  %1 = weft.splat %s : bf16 -> tensor<2x3xbf16>
  // CHECK: weft.iota 0 : tensor<4xui8>
  %2 = weft.iota 0 : tensor<4xui8>
  // CHECK: weft.cast %{{.*}} : tensor<2xf8E4M3FN> -> tensor<2xf64>
  %3 = weft.cast %0 : tensor<2xf8E4M3FN> -> tensor<2xf64>
  return %0, %1, %2, %3
      : tensor<2xf8E4M3FN>, tensor<2x3xbf16>, tensor<4xui8>, tensor<2xf64>
}

// CHECK-LABEL: @moving
func.func @moving(%x: tensor<2x3xf16>, %v: tensor<12xf16>)
    -> (tensor<4x3xf16>, tensor<4x2x3xf16>, tensor<6xf16>, tensor<2x2xf16>,
        tensor<5x3xf16>) {
  // CHECK: weft.transpose %{{.*}} [1, 0] : tensor<2x3xf16> -> tensor<3x2xf16>
  %0 = weft.transpose %x [1, 0] : tensor<2x3xf16> -> tensor<3x2xf16>
  // CHECK: weft.reshape %{{.*}} : tensor<3x2xf16> -> tensor<6xf16>
  %1 = weft.reshape %0 : tensor<3x2xf16> -> tensor<6xf16>
  // CHECK: weft.broadcast %{{.*}} : tensor<2x3xf16> -> tensor<4x2x3xf16>
  %2 = weft.broadcast %x : tensor<2x3xf16> -> tensor<4x2x3xf16>
  // CHECK: weft.slice %{{.*}} from [1, 2] by [-1, -2] : tensor<2x3xf16> -> tensor<2x2xf16>
  %3 = weft.slice %x from [1, 2] by [-1, -2] : tensor<2x3xf16> -> tensor<2x2xf16>
  // CHECK: weft.concatenate %{{.*}}, %{{.*}} along 0 : tensor<2x3xf16>, tensor<2x3xf16> -> tensor<4x3xf16>
  %4 = weft.concatenate %x, %x along 0
      : tensor<2x3xf16>, tensor<2x3xf16> -> tensor<4x3xf16>
  // CHECK: weft.as_strided %{{.*}} offset 1 strides [3, 2] : tensor<12xf16> -> tensor<2x2xf16>
  %5 = weft.as_strided %v offset 1 strides [3, 2]
      : tensor<12xf16> -> tensor<2x2xf16>
  // CHECK: weft.resample %{{.*}} from [-1, 0] by [1, 1] over [2, 1] : tensor<2x3xf16> -> tensor<5x3xf16>
  %6 = weft.resample %x from [-1, 0] by [1, 1] over [2, 1]
      : tensor<2x3xf16> -> tensor<5x3xf16>
  return %4, %2, %1, %5, %6
      : tensor<4x3xf16>, tensor<4x2x3xf16>, tensor<6xf16>, tensor<2x2xf16>,
        tensor<5x3xf16>
}

// CHECK-LABEL: @reductions
func.func @reductions(%x: tensor<2x3x4xf32>, %p: tensor<2x3xi1>)
    -> (tensor<3xf32>, tensor<i1>, tensor<2x4xi32>) {
  // CHECK: weft.sum %{{.*}} over [0, 2] : tensor<2x3x4xf32> -> tensor<3xf32>
  %0 = weft.sum %x over [0, 2] : tensor<2x3x4xf32> -> tensor<3xf32>
  // CHECK: weft.prod
  %1 = weft.prod %x over [0, 2] : tensor<2x3x4xf32> -> tensor<3xf32>
  // CHECK: weft.max
  %2 = weft.max %x over [0, 2] : tensor<2x3x4xf32> -> tensor<3xf32>
  // CHECK: weft.min
  %3 = weft.min %x over [0, 2] : tensor<2x3x4xf32> -> tensor<3xf32>
  // CHECK: weft.all %{{.*}} over [0, 1] : tensor<2x3xi1> -> tensor<i1>
  %4 = weft.all %p over [0, 1] : tensor<2x3xi1> -> tensor<i1>
  // CHECK: weft.any
  %5 = weft.any %p over [0, 1] : tensor<2x3xi1> -> tensor<i1>
  // CHECK: weft.argmax %{{.*}} over 1 : tensor<2x3x4xf32> -> tensor<2x4xi32>
  %6 = weft.argmax %x over 1 : tensor<2x3x4xf32> -> tensor<2x4xi32>
  // CHECK: weft.argmin
  %7 = weft.argmin %x over 1 : tensor<2x3x4xf32> -> tensor<2x4xi32>
  return %3, %5, %7 : tensor<3xf32>, tensor<i1>, tensor<2x4xi32>
}

// CHECK-LABEL: @whole_ops
func.func @whole_ops(%x: tensor<1x2x8x8xf32>, %w: tensor<4x1x3x3xf32>,
                     %c: tensor<2xf32>, %b: tensor<4xf32>) -> tensor<1x4x3x3xf32> {
  // CHECK: weft.batch_norm %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} eps 1.000000e-05 : tensor<1x2x8x8xf32>, tensor<2xf32>
  %0 = weft.batch_norm %x, %c, %c, %c, %c eps 1.0e-5
      : tensor<1x2x8x8xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
  // CHECK: weft.softmax %{{.*}} over 3 : tensor<1x2x8x8xf32>
  %1 = weft.softmax %0 over 3 : tensor<1x2x8x8xf32>
  // CHECK: weft.maxpool %{{.*}} kernel [3, 3] stride [1, 1] padding [1, 1, 1, 1] : tensor<1x2x8x8xf32> -> tensor<1x2x8x8xf32>
  %2 = weft.maxpool %1 kernel [3, 3] stride [1, 1] padding [1, 1, 1, 1]
      : tensor<1x2x8x8xf32> -> tensor<1x2x8x8xf32>
  // CHECK: weft.avgpool {{.*}} count_include_pad false
  %3 = weft.avgpool %2 kernel [2, 2] stride [1, 1] padding [0, 0, 0, 0]
      count_include_pad false : tensor<1x2x8x8xf32> -> tensor<1x2x7x7xf32>
  // CHECK: weft.conv %{{.*}}, %{{.*}} stride [2, 2] padding [0, 1, 1, 0] dilation [1, 1] groups 2 : tensor<1x2x7x7xf32>, tensor<4x1x3x3xf32> -> tensor<1x4x3x3xf32>
  %4 = weft.conv %3, %w stride [2, 2] padding [0, 1, 1, 0] dilation [1, 1] groups 2
      : tensor<1x2x7x7xf32>, tensor<4x1x3x3xf32> -> tensor<1x4x3x3xf32>
  // CHECK: weft.conv %{{.*}}, %{{.*}}, %{{.*}} stride
  %5 = weft.conv %3, %w, %b stride [2, 2] padding [0, 1, 1, 0] dilation [1, 1] groups 2
      : tensor<1x2x7x7xf32>, tensor<4x1x3x3xf32>, tensor<4xf32> -> tensor<1x4x3x3xf32>
  // CHECK: weft.transpose
  // CHECK: weft.contiguous %{{.*}} : tensor<1x7x7x2xf32>
  %t = weft.transpose %3 [0, 2, 3, 1] : tensor<1x2x7x7xf32> -> tensor<1x7x7x2xf32>
  %l = weft.contiguous %t : tensor<1x7x7x2xf32>
  %v = weft.transpose %w [0, 2, 3, 1] : tensor<4x1x3x3xf32> -> tensor<4x3x3x1xf32>
  // CHECK: weft.conv {{.*}} groups 2 channels_last : tensor<1x7x7x2xf32>, tensor<4x3x3x1xf32> -> tensor<1x3x3x4xf32>
  %m = weft.conv %l, %v stride [2, 2] padding [0, 1, 1, 0] dilation [1, 1] groups 2 channels_last
      : tensor<1x7x7x2xf32>, tensor<4x3x3x1xf32> -> tensor<1x3x3x4xf32>
  // CHECK: weft.reduce_precision %{{.*}} tf32 : tensor<4x3x3x1xf32>
  %r = weft.reduce_precision %v tf32 : tensor<4x3x3x1xf32>
  // CHECK: weft.conv {{.*}} groups 2 channels_last tf32_weights : tensor<1x7x7x2xf32>
  %q = weft.conv %l, %r stride [2, 2] padding [0, 1, 1, 0] dilation [1, 1] groups 2 channels_last tf32_weights
      : tensor<1x7x7x2xf32>, tensor<4x3x3x1xf32> -> tensor<1x3x3x4xf32>
  // CHECK: weft.maxpool {{.*}} padding [0, 0, 0, 0] channels_last : tensor<1x3x3x4xf32> -> tensor<1x2x2x4xf32>
  %n = weft.maxpool %m kernel [2, 2] stride [1, 1] padding [0, 0, 0, 0] channels_last
      : tensor<1x3x3x4xf32> -> tensor<1x2x2x4xf32>
  // CHECK: weft.avgpool {{.*}} count_include_pad true channels_last : tensor<1x2x2x4xf32> -> tensor<1x1x1x4xf32>
  %o = weft.avgpool %n kernel [2, 2] stride [1, 1] padding [0, 0, 0, 0] count_include_pad true channels_last
      : tensor<1x2x2x4xf32> -> tensor<1x1x1x4xf32>
  // CHECK: weft.matmul %{{.*}}, %{{.*}} tf32_weights : tensor<1x4x3x3xf32>
  %s = weft.matmul %4, %5 tf32_weights
      : tensor<1x4x3x3xf32>, tensor<1x4x3x3xf32> -> tensor<1x4x3x3xf32>
  // CHECK: weft.matmul %{{.*}}, %{{.*}} : tensor<1x4x3x3xf32>, tensor<1x4x3x3xf32> -> tensor<1x4x3x3xf32>
  %6 = weft.matmul %4, %5
      : tensor<1x4x3x3xf32>, tensor<1x4x3x3xf32> -> tensor<1x4x3x3xf32>
  return %6 : tensor<1x4x3x3xf32>
}

// CHECK-LABEL: @attention
func.func @attention(%q: tensor<2x4x8xf16>, %k: tensor<2x6x8xf16>, %v: tensor<2x6x3xf16>, %s: tensor<f16>, %b: tensor<2x4x6xf32>) -> tensor<2x4x3xf16> {
  // CHECK: weft.attention %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x4x8xf16>, tensor<2x6x8xf16>, tensor<2x6x3xf16>, tensor<f16>, tensor<2x4x6xf32>) -> tensor<2x4x3xf16>
  %y = weft.attention %q, %k, %v, %s, %b : (tensor<2x4x8xf16>, tensor<2x6x8xf16>, tensor<2x6x3xf16>, tensor<f16>, tensor<2x4x6xf32>) -> tensor<2x4x3xf16>
  return %y : tensor<2x4x3xf16>
}

// CHECK-LABEL: @groups
func.func @groups(%x: tensor<4xf32>, %s: f32) -> (tensor<4xf32>, tensor<f32>) {
  // CHECK: weft.group(%[[A:.*]] = %{{.*}}, %[[S:.*]] = %{{.*}}) schedule(<loop>) : tensor<4xf32>, f32 -> tensor<4xf32>
  %0 = weft.group(%a = %x, %b = %s) schedule(<loop>) : tensor<4xf32>, f32 -> tensor<4xf32> {
    // CHECK-NEXT: weft.splat %[[S]]
    %1 = weft.splat %b : f32 -> tensor<4xf32>
    %2 = weft.mul %a, %1 : tensor<4xf32>
    // CHECK: weft.yield
    weft.yield %2 : tensor<4xf32>
  }
  // CHECK: schedule(<row>)
  %3 = weft.group(%a = %0) schedule(<row>) : tensor<4xf32> -> tensor<f32> {
    %1 = weft.sum %a over [0] : tensor<4xf32> -> tensor<f32>
    weft.yield %1 : tensor<f32>
  }
  return %0, %3 : tensor<4xf32>, tensor<f32>
}
