// RUN: weft-opt %s -weft-assign-layout -canonicalize -split-input-file | FileCheck %s
// RUN: weft-opt %s -weft-assign-layout=tf32 -canonicalize -split-input-file | FileCheck %s --check-prefix=TF32

// Data and weights are brought into the new form, the work on the result
// follows, and the elements are moved back once.
// CHECK-LABEL: @conv_and_what_follows
// CHECK-SAME: (%[[X:.*]]: tensor<2x8x5x6xf16>, %[[W:.*]]: tensor<16x8x3x3xf16>, %[[R:.*]]: tensor<2x16x5x6xf16>)
// CHECK-DAG: %[[XT:.*]] = weft.transpose %[[X]] [0, 2, 3, 1]
// CHECK-DAG: %[[XL:.*]] = weft.contiguous %[[XT]] : tensor<2x5x6x8xf16>
// CHECK-DAG: %[[WT:.*]] = weft.transpose %[[W]] [0, 2, 3, 1]
// CHECK-DAG: %[[WL:.*]] = weft.contiguous %[[WT]] : tensor<16x3x3x8xf16>
// CHECK: %[[C:.*]] = weft.conv %[[XL]], %[[WL]] stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1 channels_last
// CHECK: %[[RT:.*]] = weft.transpose %[[R]] [0, 2, 3, 1]
// CHECK: %[[A:.*]] = weft.add %[[C]], %[[RT]] : tensor<2x5x6x16xf16>
// CHECK: %[[Y:.*]] = weft.relu %[[A]]
// CHECK: %[[YF:.*]] = weft.transpose %[[Y]] [0, 3, 1, 2]
// CHECK: return %[[YF]]
func.func @conv_and_what_follows(%x: tensor<2x8x5x6xf16>, %w: tensor<16x8x3x3xf16>,
                                 %r: tensor<2x16x5x6xf16>) -> tensor<2x16x5x6xf16> {
  %c = weft.conv %x, %w stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1
      : tensor<2x8x5x6xf16>, tensor<16x8x3x3xf16> -> tensor<2x16x5x6xf16>
  %a = weft.add %c, %r : tensor<2x16x5x6xf16>
  %y = weft.relu %a : tensor<2x16x5x6xf16>
  return %y : tensor<2x16x5x6xf16>
}

// -----

// Nothing is moved between two convolutions, nor around the pooling; weights
// without taps keep their memory. The mean has no order of pixels.
// CHECK-LABEL: @chain
// CHECK: weft.transpose
// CHECK: weft.contiguous
// CHECK-NOT: weft.transpose
// CHECK: weft.reshape %{{.*}} : tensor<16x8x1x1xbf16> -> tensor<16x1x1x8xbf16>
// CHECK: %[[A:.*]] = weft.conv {{.*}} channels_last
// CHECK: %[[P:.*]] = weft.maxpool %[[A]] kernel [2, 2] stride [2, 2] padding [0, 0, 0, 0] channels_last : tensor<2x4x6x16xbf16> -> tensor<2x2x3x16xbf16>
// CHECK: %[[B:.*]] = weft.conv %[[P]], {{.*}} channels_last
// CHECK: %[[S:.*]] = weft.sum %[[B]] over [1, 2] : tensor<2x2x3x4xbf16> -> tensor<2x4xbf16>
// CHECK-NOT: weft.transpose
// CHECK: return %[[S]]
func.func @chain(%x: tensor<2x8x4x6xbf16>, %w: tensor<16x8x1x1xbf16>, %v: tensor<4x16x1x1xbf16>)
    -> tensor<2x4xbf16> {
  %a = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<2x8x4x6xbf16>, tensor<16x8x1x1xbf16> -> tensor<2x16x4x6xbf16>
  %p = weft.maxpool %a kernel [2, 2] stride [2, 2] padding [0, 0, 0, 0]
      : tensor<2x16x4x6xbf16> -> tensor<2x16x2x3xbf16>
  %b = weft.conv %p, %v stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<2x16x2x3xbf16>, tensor<4x16x1x1xbf16> -> tensor<2x4x2x3xbf16>
  %s = weft.sum %b over [2, 3] : tensor<2x4x2x3xbf16> -> tensor<2x4xbf16>
  return %s : tensor<2x4xbf16>
}

// -----

// What an argument has channels last in memory is read as it lies there.
// CHECK-LABEL: @argument_channels_last
// CHECK-SAME: (%[[X:.*]]: tensor<2x5x6x8xf16>, %[[W:.*]]: tensor
// CHECK-NOT: weft.contiguous
// CHECK: %[[Y:.*]] = weft.conv %[[X]], {{.*}} channels_last
// CHECK-NEXT: return %[[Y]]
func.func @argument_channels_last(%x: tensor<2x5x6x8xf16>, %w: tensor<16x8x1x1xf16>)
    -> tensor<2x5x6x16xf16> {
  %first = weft.transpose %x [0, 3, 1, 2] : tensor<2x5x6x8xf16> -> tensor<2x8x5x6xf16>
  %c = weft.conv %first, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<2x8x5x6xf16>, tensor<16x8x1x1xf16> -> tensor<2x16x5x6xf16>
  %last = weft.transpose %c [0, 2, 3, 1] : tensor<2x16x5x6xf16> -> tensor<2x5x6x16xf16>
  return %last : tensor<2x5x6x16xf16>
}

// -----

// Resizing follows, as pooling does.
// CHECK-LABEL: @resampled
// CHECK: %[[C:.*]] = weft.conv {{.*}} channels_last
// CHECK-NEXT: %[[R:.*]] = weft.resample %[[C]] from [0, 0, -1, 0] by [1, 1, 2, 1] over [1, 2, 4, 1] : tensor<2x5x6x16xf16> -> tensor<2x10x12x16xf16>
// CHECK-NEXT: %[[L:.*]] = weft.transpose %[[R]] [0, 3, 1, 2]
// CHECK-NEXT: return %[[L]]
func.func @resampled(%x: tensor<2x8x5x6xf16>, %w: tensor<16x8x1x1xf16>)
    -> tensor<2x16x10x12xf16> {
  %c = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<2x8x5x6xf16>, tensor<16x8x1x1xf16> -> tensor<2x16x5x6xf16>
  %r = weft.resample %c from [0, 0, 0, -1] by [1, 1, 1, 2] over [1, 1, 2, 4]
      : tensor<2x16x5x6xf16> -> tensor<2x16x10x12xf16>
  return %r : tensor<2x16x10x12xf16>
}

// -----

// Three channels become four, in the data and in the weights.
// CHECK-LABEL: @padded_channels
// CHECK-DAG: %[[X:.*]] = weft.concatenate %{{.*}}, %{{.*}} along 3 : tensor<1x8x8x3xf16>, tensor<1x8x8x1xf16> -> tensor<1x8x8x4xf16>
// CHECK-DAG: %[[XL:.*]] = weft.contiguous %[[X]]
// CHECK-DAG: %[[W:.*]] = weft.concatenate %{{.*}}, %{{.*}} along 3 : tensor<5x3x3x3xf16>, tensor<5x3x3x1xf16> -> tensor<5x3x3x4xf16>
// CHECK-DAG: %[[WL:.*]] = weft.contiguous %[[W]]
// CHECK: weft.conv %[[XL]], %[[WL]]
func.func @padded_channels(%x: tensor<1x3x8x8xf16>, %w: tensor<5x3x3x3xf16>) -> tensor<1x5x6x6xf16> {
  %y = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<1x3x8x8xf16>, tensor<5x3x3x3xf16> -> tensor<1x5x6x6xf16>
  return %y : tensor<1x5x6x6xf16>
}

// -----

// Groups: no channels are added, and neighbouring outputs read neighbouring
// weights.
// CHECK-LABEL: @groups
// CHECK: %[[T:.*]] = weft.transpose %{{.*}} [2, 1, 0] : tensor<6x1x3xf16> -> tensor<3x1x6xf16>
// CHECK: %[[M:.*]] = weft.contiguous %[[T]]
// CHECK: %[[W:.*]] = weft.transpose %[[M]] [2, 0, 1] : tensor<3x1x6xf16> -> tensor<6x3x1xf16>
// CHECK: weft.conv %{{.*}}, %[[W]] stride [1] padding [1, 1] dilation [1] groups 6 channels_last
func.func @groups(%x: tensor<1x6x8xf16>, %w: tensor<6x1x3xf16>) -> tensor<1x6x8xf16> {
  %y = weft.conv %x, %w stride [1] padding [1, 1] dilation [1] groups 6
      : tensor<1x6x8xf16>, tensor<6x1x3xf16> -> tensor<1x6x8xf16>
  return %y : tensor<1x6x8xf16>
}

// -----

// Views of results follow; a product does not read through them, nor through a
// cast.
// CHECK-LABEL: @views
// CHECK: %[[A:.*]] = weft.conv
// CHECK: %[[J:.*]] = weft.concatenate %[[A]], %{{.*}} along 3
// CHECK: %[[JC:.*]] = weft.contiguous %[[J]]
// CHECK: %[[B:.*]] = weft.conv %[[JC]]
// CHECK: %[[S:.*]] = weft.slice %[[B]] from [0, 1, 0, 0] by [1, 2, 1, 1] : tensor<1x4x4x8xf16> -> tensor<1x2x4x8xf16>
// CHECK: weft.transpose %[[S]] [0, 3, 1, 2]
func.func @views(%x: tensor<1x8x4x4xf16>, %w: tensor<8x8x1x1xf16>, %v: tensor<8x16x1x1xf16>)
    -> tensor<1x8x2x4xf16> {
  %a = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<1x8x4x4xf16>, tensor<8x8x1x1xf16> -> tensor<1x8x4x4xf16>
  %j = weft.concatenate %a, %x along 1 : tensor<1x8x4x4xf16>, tensor<1x8x4x4xf16> -> tensor<1x16x4x4xf16>
  %b = weft.conv %j, %v stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<1x16x4x4xf16>, tensor<8x16x1x1xf16> -> tensor<1x8x4x4xf16>
  %s = weft.slice %b from [0, 0, 1, 0] by [1, 1, 2, 1] : tensor<1x8x4x4xf16> -> tensor<1x8x2x4xf16>
  return %s : tensor<1x8x2x4xf16>
}

// -----

// CHECK-LABEL: @casts_before_products
// CHECK: %[[A:.*]] = weft.cast
// CHECK: %[[B:.*]] = weft.contiguous %[[A]]
// CHECK: weft.matmul %[[B]], %{{.*}}
func.func @casts_before_products(%x: tensor<4x8xf32>, %w: tensor<8x4xf16>) -> tensor<4x4xf16> {
  %h = weft.cast %x : tensor<4x8xf32> -> tensor<4x8xf16>
  %y = weft.matmul %h, %w : tensor<4x8xf16>, tensor<8x4xf16> -> tensor<4x4xf16>
  return %y : tensor<4x4xf16>
}

// -----

// The sum over one axis of pixels leaves two in another order.
// CHECK-LABEL: @sum_over_rows
// CHECK: %[[S:.*]] = weft.sum %{{.*}} over [1] : tensor<2x3x4x8xf16> -> tensor<2x4x8xf16>
// CHECK: %[[T:.*]] = weft.transpose %[[S]] [0, 2, 1]
// CHECK: return %[[T]]
func.func @sum_over_rows(%x: tensor<2x8x3x4xf16>, %w: tensor<8x8x1x1xf16>) -> tensor<2x8x4xf16> {
  %a = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<2x8x3x4xf16>, tensor<8x8x1x1xf16> -> tensor<2x8x3x4xf16>
  %s = weft.sum %a over [2] : tensor<2x8x3x4xf16> -> tensor<2x8x4xf16>
  return %s : tensor<2x8x4xf16>
}

// -----

// CHECK-LABEL: @no_change_for_f32
// CHECK-NOT: weft.contiguous
// CHECK-NOT: channels_last
func.func @no_change_for_f32(%x: tensor<1x8x4x4xf32>, %w: tensor<8x8x1x1xf32>) -> tensor<1x8x4x4xf32> {
  %a = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<1x8x4x4xf32>, tensor<8x8x1x1xf32> -> tensor<1x8x4x4xf32>
  return %a : tensor<1x8x4x4xf32>
}

// -----

// CHECK-LABEL: @no_change_without_conv
// CHECK-NOT: weft.contiguous
// CHECK-NOT: channels_last
func.func @no_change_without_conv(%x: tensor<1x8x4x4xf16>) -> tensor<1x8x2x2xf16> {
  %r = weft.relu %x : tensor<1x8x4x4xf16>
  %p = weft.maxpool %r kernel [2, 2] stride [2, 2] padding [0, 0, 0, 0]
      : tensor<1x8x4x4xf16> -> tensor<1x8x2x2xf16>
  return %p : tensor<1x8x2x2xf16>
}

// -----

// Under a stride of 2, two neighbouring pixels of 4 channels are one of 8: the 7
// taps and a zero in front of them become 4 taps, in steps of 1.
// CHECK-LABEL: @pairs_of_pixels
// CHECK-DAG: %[[X:.*]] = weft.reshape %{{.*}} : tensor<1x16x16x4xf16> -> tensor<1x16x8x8xf16>
// CHECK-DAG: %[[XL:.*]] = weft.contiguous %[[X]]
// CHECK-DAG: weft.concatenate %{{.*}}, %{{.*}} along 2 : tensor<5x7x1x4xf16>, tensor<5x7x7x4xf16> -> tensor<5x7x8x4xf16>
// CHECK-DAG: %[[W:.*]] = weft.reshape %{{.*}} : tensor<5x7x8x4xf16> -> tensor<5x7x4x8xf16>
// CHECK-DAG: %[[WL:.*]] = weft.contiguous %[[W]]
// CHECK: weft.conv %[[XL]], %[[WL]] stride [2, 1] padding [3, 3, 2, 1] dilation [1, 1] groups 1 channels_last : tensor<1x16x8x8xf16>, tensor<5x7x4x8xf16> -> tensor<1x8x8x5xf16>
func.func @pairs_of_pixels(%x: tensor<1x3x16x16xf16>, %w: tensor<5x3x7x7xf16>) -> tensor<1x5x8x8xf16> {
  %y = weft.conv %x, %w stride [2, 2] padding [3, 3, 3, 3] dilation [1, 1] groups 1
      : tensor<1x3x16x16xf16>, tensor<5x3x7x7xf16> -> tensor<1x5x8x8xf16>
  return %y : tensor<1x5x8x8xf16>
}

// -----

// An odd width gets a column of zeros.
// CHECK-LABEL: @pairs_of_odd_widths
// CHECK-DAG: weft.concatenate %{{.*}}, %{{.*}} along 2 : tensor<1x16x15x4xf16>, tensor<1x16x1x4xf16> -> tensor<1x16x16x4xf16>
// CHECK: weft.conv {{.*}} stride [2, 1] padding [3, 3, 2, 1] {{.*}} : tensor<1x16x8x8xf16>, tensor<5x7x4x8xf16>
func.func @pairs_of_odd_widths(%x: tensor<1x3x16x15xf16>, %w: tensor<5x3x7x7xf16>) -> tensor<1x5x8x8xf16> {
  %y = weft.conv %x, %w stride [2, 2] padding [3, 3, 3, 3] dilation [1, 1] groups 1
      : tensor<1x3x16x15xf16>, tensor<5x3x7x7xf16> -> tensor<1x5x8x8xf16>
  return %y : tensor<1x5x8x8xf16>
}

// -----

// A window of an even size gets no taps: a column of zeros in front of the data
// lets it begin with a pair.
// CHECK-LABEL: @pairs_of_even_windows
// CHECK-DAG: weft.concatenate %{{.*}}, %{{.*}}, %{{.*}} along 2 : tensor<1x16x1x4xf16>, tensor<1x16x16x4xf16>, tensor<1x16x1x4xf16> -> tensor<1x16x18x4xf16>
// CHECK-DAG: weft.reshape %{{.*}} : tensor<5x4x4x4xf16> -> tensor<5x4x2x8xf16>
// CHECK: weft.conv {{.*}} stride [2, 1] padding [1, 1, 0, 0] {{.*}} : tensor<1x16x9x8xf16>, tensor<5x4x2x8xf16> -> tensor<1x8x8x5xf16>
func.func @pairs_of_even_windows(%x: tensor<1x3x16x16xf16>, %w: tensor<5x3x4x4xf16>) -> tensor<1x5x8x8xf16> {
  %y = weft.conv %x, %w stride [2, 2] padding [1, 1, 1, 1] dilation [1, 1] groups 1
      : tensor<1x3x16x16xf16>, tensor<5x3x4x4xf16> -> tensor<1x5x8x8xf16>
  return %y : tensor<1x5x8x8xf16>
}

// -----

// CHECK-LABEL: @no_pairs_of_small_windows
// CHECK: weft.conv {{.*}} stride [2, 2] padding [0, 0, 0, 0] {{.*}} : tensor<1x16x16x4xf16>
func.func @no_pairs_of_small_windows(%x: tensor<1x3x16x16xf16>, %w: tensor<5x3x2x2xf16>) -> tensor<1x5x8x8xf16> {
  %y = weft.conv %x, %w stride [2, 2] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<1x3x16x16xf16>, tensor<5x3x2x2xf16> -> tensor<1x5x8x8xf16>
  return %y : tensor<1x5x8x8xf16>
}

// -----

// Keys and values are read for every tile of queries, the query once.
// CHECK-LABEL: @attention_of_computed_operands
// CHECK-DAG: %[[K:.*]] = weft.contiguous %{{.*}} : tensor<20x16xf16>
// CHECK-DAG: %[[V:.*]] = weft.contiguous %{{.*}} : tensor<20x16xf16>
// CHECK-DAG: %[[Q:.*]] = weft.mul %arg0, %{{.*}} : tensor<16x16xf16>
// CHECK: weft.attention %[[Q]], %[[K]], %[[V]], %arg3
func.func @attention_of_computed_operands(%q: tensor<16x16xf16>, %k: tensor<20x16xf16>, %v: tensor<20x16xf32>, %s: tensor<f16>, %n: f16) -> tensor<16x16xf16> {
  %m = weft.splat %n : f16 -> tensor<16x16xf16>
  %c = weft.splat %n : f16 -> tensor<20x16xf16>
  %0 = weft.mul %q, %m : tensor<16x16xf16>
  %1 = weft.mul %k, %c : tensor<20x16xf16>
  %2 = weft.cast %v : tensor<20x16xf32> -> tensor<20x16xf16>
  %y = weft.attention %0, %1, %2, %s : (tensor<16x16xf16>, tensor<20x16xf16>, tensor<20x16xf16>, tensor<f16>) -> tensor<16x16xf16>
  return %y : tensor<16x16xf16>
}

// -----

// Tensor cores multiply float32 where TF32 is asked for.
// CHECK-LABEL: @single_precision
// CHECK-NOT: channels_last
// CHECK: return
// TF32-LABEL: @single_precision
// TF32: weft.conv %{{.*}} channels_last : tensor<2x5x6x8xf32>, tensor<16x3x3x8xf32> -> tensor<2x5x6x16xf32>
// TF32: %[[X:.*]] = weft.contiguous %{{.*}} : tensor<17x19xf32>
// TF32: weft.matmul %[[X]],
// TF32: return
func.func @single_precision(%x: tensor<2x8x5x6xf32>, %w: tensor<16x8x3x3xf32>, %z: tensor<17x19xf32>, %v: tensor<19x16xf32>) -> (tensor<2x16x5x6xf32>, tensor<17x16xf32>) {
  %c = weft.conv %x, %w stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1
      : tensor<2x8x5x6xf32>, tensor<16x8x3x3xf32> -> tensor<2x16x5x6xf32>
  %n = weft.neg %z : tensor<17x19xf32>
  %m = weft.matmul %n, %v : tensor<17x19xf32>, tensor<19x16xf32> -> tensor<17x16xf32>
  return %c, %m : tensor<2x16x5x6xf32>, tensor<17x16xf32>
}

// -----

// What tensor cores would not take of float32 stays as it is: few columns, few
// rows. Groups follow where their data do.
// TF32-LABEL: @single_precision_apart
// TF32: weft.conv %arg0, %arg1 stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 96 : tensor<2x96x5x6xf32>
// TF32: weft.conv %arg0, %arg2 stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 : tensor<2x96x5x6xf32>
// TF32-NOT: weft.contiguous
// TF32: weft.matmul
// TF32: return
func.func @single_precision_apart(%x: tensor<2x96x5x6xf32>, %w: tensor<96x1x3x3xf32>, %v: tensor<8x96x1x1xf32>, %z: tensor<8x32xf32>, %u: tensor<32x32xf32>) -> (tensor<2x96x5x6xf32>, tensor<2x8x5x6xf32>, tensor<8x32xf32>) {
  %a = weft.conv %x, %w stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 96
      : tensor<2x96x5x6xf32>, tensor<96x1x3x3xf32> -> tensor<2x96x5x6xf32>
  %b = weft.conv %x, %v stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<2x96x5x6xf32>, tensor<8x96x1x1xf32> -> tensor<2x8x5x6xf32>
  %n = weft.neg %z : tensor<8x32xf32>
  %c = weft.matmul %n, %u : tensor<8x32xf32>, tensor<32x32xf32> -> tensor<8x32xf32>
  return %a, %b, %c : tensor<2x96x5x6xf32>, tensor<2x8x5x6xf32>, tensor<8x32xf32>
}

// -----

// TF32-LABEL: @single_precision_together
// TF32: weft.conv %{{.*}} groups 1 channels_last
// TF32: weft.conv %{{.*}} groups 96 channels_last
// TF32: return
func.func @single_precision_together(%x: tensor<2x16x5x6xf32>, %v: tensor<96x16x1x1xf32>, %w: tensor<96x1x3x3xf32>) -> tensor<2x96x5x6xf32> {
  %a = weft.conv %x, %v stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<2x16x5x6xf32>, tensor<96x16x1x1xf32> -> tensor<2x96x5x6xf32>
  %b = weft.conv %a, %w stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 96
      : tensor<2x96x5x6xf32>, tensor<96x1x3x3xf32> -> tensor<2x96x5x6xf32>
  return %b : tensor<2x96x5x6xf32>
}
