// RUN: weft-opt %s -weft-plan-memory -split-input-file -allow-unregistered-dialect | FileCheck %s

// A value lives until its last reader; then its place is used again. The result
// of the function lies elsewhere.
// CHECK-LABEL: @reuse
// CHECK-SAME: weft.arena_bytes = 2560
// CHECK: weft.offsets = array<i64: 0>
// CHECK: weft.offsets = array<i64: 1280>
// CHECK: weft.offsets = array<i64: 0>
// CHECK: weft.offsets = array<i64: -1>
func.func @reuse(%x: tensor<260xf32>, %p: tensor<260x260xf32>) -> tensor<260xf32> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<260xf32> -> tensor<260xf32> {
    %r = weft.relu %a : tensor<260xf32>
    weft.yield %r : tensor<260xf32>
  }
  %1 = weft.group(%a = %0, %b = %p) schedule(<row>) : tensor<260xf32>, tensor<260x260xf32> -> tensor<260xf32> {
    %s = weft.broadcast %a : tensor<260xf32> -> tensor<260x260xf32>
    %t = weft.mul %s, %b : tensor<260x260xf32>
    %r = weft.sum %t over [1] : tensor<260x260xf32> -> tensor<260xf32>
    weft.yield %r : tensor<260xf32>
  }
  %2 = weft.group(%a = %1, %b = %p) schedule(<row>) : tensor<260xf32>, tensor<260x260xf32> -> tensor<260xf32> {
    %s = weft.broadcast %a : tensor<260xf32> -> tensor<260x260xf32>
    %t = weft.mul %s, %b : tensor<260x260xf32>
    %r = weft.sum %t over [1] : tensor<260x260xf32> -> tensor<260xf32>
    weft.yield %r : tensor<260xf32>
  }
  %3 = weft.group(%a = %2) schedule(<loop>) : tensor<260xf32> -> tensor<260xf32> {
    %r = weft.relu %a : tensor<260xf32>
    weft.yield %r : tensor<260xf32>
  }
  return %3 : tensor<260xf32>
}

// -----

// The second group writes where it reads.
// CHECK-LABEL: @in_place
// CHECK-SAME: weft.arena_bytes = 256
// CHECK-NOT: weft.in_place
// CHECK: weft.offsets = array<i64: 0>
// CHECK: weft.in_place = array<i64: 0>, weft.offsets = array<i64: 0>
// CHECK-NOT: weft.in_place
// CHECK: weft.offsets = array<i64: -1>
func.func @in_place(%x: tensor<4xf32>) -> tensor<4xi32> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<4xf32> -> tensor<4xf32> {
    %r = weft.exp %a : tensor<4xf32>
    weft.yield %r : tensor<4xf32>
  }
  %1 = weft.group(%a = %0) schedule(<loop>) : tensor<4xf32> -> tensor<4xi32> {
    %r = weft.cast %a : tensor<4xf32> -> tensor<4xi32>
    weft.yield %r : tensor<4xi32>
  }
  %2 = weft.group(%a = %1) schedule(<loop>) : tensor<4xi32> -> tensor<4xi32> {
    %r = weft.neg %a : tensor<4xi32>
    weft.yield %r : tensor<4xi32>
  }
  return %2 : tensor<4xi32>
}

// -----

// Reversed, element 0 would be overwritten before element 3 reads it.
// CHECK-LABEL: @no_in_place_through_a_view
// CHECK: weft.offsets = array<i64: 0>
// CHECK: weft.offsets = array<i64: 256>
func.func @no_in_place_through_a_view(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<4xf32> -> tensor<4xf32> {
    %r = weft.exp %a : tensor<4xf32>
    weft.yield %r : tensor<4xf32>
  }
  %1 = weft.group(%a = %0) schedule(<loop>) : tensor<4xf32> -> tensor<4xf32> {
    %s = weft.slice %a from [3] by [-1] : tensor<4xf32> -> tensor<4xf32>
    %r = weft.add %a, %s : tensor<4xf32>
    weft.yield %r : tensor<4xf32>
  }
  %2 = weft.group(%a = %1) schedule(<loop>) : tensor<4xf32> -> tensor<4xf32> {
    %r = weft.neg %a : tensor<4xf32>
    weft.yield %r : tensor<4xf32>
  }
  return %2 : tensor<4xf32>
}

// -----

// The operand is read again later.
// CHECK-LABEL: @no_in_place_before_the_last_use
// CHECK: weft.offsets = array<i64: 0>
// CHECK: weft.offsets = array<i64: 256>
func.func @no_in_place_before_the_last_use(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<4xf32> -> tensor<4xf32> {
    %r = weft.exp %a : tensor<4xf32>
    weft.yield %r : tensor<4xf32>
  }
  %1 = weft.group(%a = %0) schedule(<loop>) : tensor<4xf32> -> tensor<4xf32> {
    %r = weft.neg %a : tensor<4xf32>
    weft.yield %r : tensor<4xf32>
  }
  %2 = weft.group(%a = %0, %b = %1) schedule(<loop>) : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32> {
    %r = weft.add %a, %b : tensor<4xf32>
    weft.yield %r : tensor<4xf32>
  }
  return %2 : tensor<4xf32>
}

// -----

// Element 0 of the f16 result would lie over half of element 0 of the f32 operand.
// CHECK-LABEL: @no_in_place_of_other_sizes
// CHECK: weft.offsets = array<i64: 0>
// CHECK: weft.offsets = array<i64: 256>
func.func @no_in_place_of_other_sizes(%x: tensor<4xf32>) -> tensor<4xf16> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<4xf32> -> tensor<4xf32> {
    %r = weft.exp %a : tensor<4xf32>
    weft.yield %r : tensor<4xf32>
  }
  %1 = weft.group(%a = %0) schedule(<loop>) : tensor<4xf32> -> tensor<4xf16> {
    %r = weft.cast %a : tensor<4xf32> -> tensor<4xf16>
    weft.yield %r : tensor<4xf16>
  }
  %2 = weft.group(%a = %1) schedule(<loop>) : tensor<4xf16> -> tensor<4xf16> {
    %r = weft.neg %a : tensor<4xf16>
    weft.yield %r : tensor<4xf16>
  }
  return %2 : tensor<4xf16>
}

// -----

// Types below 8 bits take a byte.
// CHECK-LABEL: @bytes
// CHECK-SAME: weft.arena_bytes = 512
func.func @bytes(%x: tensor<257xi1>) -> tensor<257xi1> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<257xi1> -> tensor<257xi1> {
    %r = weft.logical_not %a : tensor<257xi1>
    weft.yield %r : tensor<257xi1>
  }
  %1 = weft.group(%a = %0) schedule(<loop>) : tensor<257xi1> -> tensor<257xi1> {
    %r = weft.logical_not %a : tensor<257xi1>
    weft.yield %r : tensor<257xi1>
  }
  return %1 : tensor<257xi1>
}

// -----

// One of two results takes the operand's place, the other needs its own.
// CHECK-LABEL: @no_two_results_in_one_place
// CHECK: weft.offsets = array<i64: 0>
// CHECK: weft.offsets = array<i64: 0, 256>
// CHECK: weft.offsets = array<i64: -1>
func.func @no_two_results_in_one_place(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<4xf32> -> tensor<4xf32> {
    %r = weft.exp %a : tensor<4xf32>
    weft.yield %r : tensor<4xf32>
  }
  %1:2 = weft.group(%a = %0) schedule(<loop>) : tensor<4xf32> -> tensor<4xf32>, tensor<4xf32> {
    %r = weft.neg %a : tensor<4xf32>
    %s = weft.abs %a : tensor<4xf32>
    weft.yield %r, %s : tensor<4xf32>, tensor<4xf32>
  }
  %2 = weft.group(%a = %1#0, %b = %1#1) schedule(<loop>) : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32> {
    %r = weft.add %a, %b : tensor<4xf32>
    weft.yield %r : tensor<4xf32>
  }
  return %2 : tensor<4xf32>
}

// -----

// What an op of another dialect reads within its region stays for ever.
// CHECK-LABEL: @read_in_a_region
// CHECK: weft.group{{.*}}weft.offsets = array<i64: -1>
func.func @read_in_a_region(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = weft.group(%a = %x) schedule(<loop>) : tensor<4xf32> -> tensor<4xf32> {
    %c = weft.exp %a : tensor<4xf32>
    weft.yield %c : tensor<4xf32>
  }
  %z = "test.region"() ({
    %w = weft.group(%a = %y) schedule(<loop>) : tensor<4xf32> -> tensor<4xf32> {
      %c = weft.exp %a : tensor<4xf32>
      weft.yield %c : tensor<4xf32>
    }
    "test.yield"(%w) : (tensor<4xf32>) -> ()
  }) : () -> tensor<4xf32>
  return %z : tensor<4xf32>
}

// -----

// A convolution reads its residual where it writes: three values in the place of
// two. The weights are a parameter, %x is the caller's.
// CHECK-LABEL: @residual_of_a_convolution
// CHECK-SAME: weft.arena_bytes = 512
// CHECK: weft.offsets = array<i64: 0>
// CHECK: weft.offsets = array<i64: 256>
// CHECK: weft.in_place = array<i64: 2>, weft.offsets = array<i64: 0>
// CHECK: weft.offsets = array<i64: -1>
func.func @residual_of_a_convolution(%x: tensor<1x2x2x8xf32>, %w: tensor<8x1x1x8xf32>) -> tensor<1x2x2x8xf32> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<1x2x2x8xf32> -> tensor<1x2x2x8xf32> {
    %r = weft.exp %a : tensor<1x2x2x8xf32>
    weft.yield %r : tensor<1x2x2x8xf32>
  }
  %1 = weft.group(%a = %0) schedule(<loop>) : tensor<1x2x2x8xf32> -> tensor<1x2x2x8xf32> {
    %r = weft.relu %a : tensor<1x2x2x8xf32>
    weft.yield %r : tensor<1x2x2x8xf32>
  }
  %2 = weft.group(%a = %1, %b = %w, %c = %0) schedule(<window>) : tensor<1x2x2x8xf32>, tensor<8x1x1x8xf32>, tensor<1x2x2x8xf32> -> tensor<1x2x2x8xf32> {
    %y = weft.conv %a, %b stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<1x2x2x8xf32>, tensor<8x1x1x8xf32> -> tensor<1x2x2x8xf32>
    %s = weft.add %y, %c : tensor<1x2x2x8xf32>
    %r = weft.relu %s : tensor<1x2x2x8xf32>
    weft.yield %r : tensor<1x2x2x8xf32>
  }
  %3 = weft.group(%a = %2) schedule(<loop>) : tensor<1x2x2x8xf32> -> tensor<1x2x2x8xf32> {
    %r = weft.neg %a : tensor<1x2x2x8xf32>
    weft.yield %r : tensor<1x2x2x8xf32>
  }
  return %3 : tensor<1x2x2x8xf32>
}

// -----

// What a product multiplies is read for other elements too, also where it is the
// residual as well.
// CHECK-LABEL: @no_in_place_of_what_a_product_reads
// CHECK: weft.offsets = array<i64: 0>
// CHECK-NOT: weft.in_place
// CHECK: weft.offsets = array<i64: 256>
// CHECK-NOT: weft.in_place
// CHECK: weft.offsets = array<i64: -1>
func.func @no_in_place_of_what_a_product_reads(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<8x8xf32> -> tensor<8x8xf32> {
    %r = weft.exp %a : tensor<8x8xf32>
    weft.yield %r : tensor<8x8xf32>
  }
  %1 = weft.group(%a = %0, %b = %w) schedule(<gemm>) : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32> {
    %y = weft.matmul %a, %b : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    %r = weft.add %y, %a : tensor<8x8xf32>
    weft.yield %r : tensor<8x8xf32>
  }
  %2 = weft.group(%a = %1) schedule(<loop>) : tensor<8x8xf32> -> tensor<8x8xf32> {
    %r = weft.neg %a : tensor<8x8xf32>
    weft.yield %r : tensor<8x8xf32>
  }
  return %2 : tensor<8x8xf32>
}

// -----

// A residual in another shape lies in memory like the result; transposed, it does
// not.
// CHECK-LABEL: @reshaped_and_transposed
// CHECK: weft.offsets = array<i64: 0>
// CHECK: weft.offsets = array<i64: 256>
// CHECK: weft.in_place = array<i64: 2>, weft.offsets = array<i64: 256>
// CHECK-NOT: weft.in_place
// CHECK: weft.offsets = array<i64: 0>
// CHECK: weft.offsets = array<i64: -1>
func.func @reshaped_and_transposed(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<8x8xf32> -> tensor<8x8xf32> {
    %r = weft.exp %a : tensor<8x8xf32>
    weft.yield %r : tensor<8x8xf32>
  }
  %1 = weft.group(%a = %0) schedule(<loop>) : tensor<8x8xf32> -> tensor<2x4x8xf32> {
    %s = weft.neg %a : tensor<8x8xf32>
    %r = weft.reshape %s : tensor<8x8xf32> -> tensor<2x4x8xf32>
    weft.yield %r : tensor<2x4x8xf32>
  }
  %2 = weft.group(%a = %0, %b = %w, %c = %1) schedule(<gemm>) : tensor<8x8xf32>, tensor<8x8xf32>, tensor<2x4x8xf32> -> tensor<2x4x8xf32> {
    %y = weft.matmul %a, %b : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    %s = weft.reshape %y : tensor<8x8xf32> -> tensor<2x4x8xf32>
    %r = weft.add %s, %c : tensor<2x4x8xf32>
    weft.yield %r : tensor<2x4x8xf32>
  }
  %3 = weft.group(%a = %w, %b = %w, %c = %2) schedule(<gemm>) : tensor<8x8xf32>, tensor<8x8xf32>, tensor<2x4x8xf32> -> tensor<8x8xf32> {
    %y = weft.matmul %a, %b : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    %r = weft.reshape %c : tensor<2x4x8xf32> -> tensor<8x8xf32>
    %t = weft.transpose %r [1, 0] : tensor<8x8xf32> -> tensor<8x8xf32>
    %s = weft.add %y, %t : tensor<8x8xf32>
    weft.yield %s : tensor<8x8xf32>
  }
  %4 = weft.group(%a = %3) schedule(<loop>) : tensor<8x8xf32> -> tensor<8x8xf32> {
    %r = weft.neg %a : tensor<8x8xf32>
    weft.yield %r : tensor<8x8xf32>
  }
  return %4 : tensor<8x8xf32>
}

// -----

// All of a row has been read when the first of its elements is written.
// CHECK-LABEL: @rows
// CHECK: weft.offsets = array<i64: 0>
// CHECK: weft.in_place = array<i64: 0, -1>, weft.offsets = array<i64: 0, 256>
// CHECK-NOT: weft.in_place
// CHECK: weft.offsets = array<i64: -1>
func.func @rows(%x: tensor<4x16xf32>) -> tensor<4x16xf32> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<4x16xf32> -> tensor<4x16xf32> {
    %r = weft.neg %a : tensor<4x16xf32>
    weft.yield %r : tensor<4x16xf32>
  }
  %1:2 = weft.group(%a = %0) schedule(<row>) : tensor<4x16xf32> -> tensor<4x16xf32>, tensor<4xf32> {
    %m = weft.max %a over [1] : tensor<4x16xf32> -> tensor<4xf32>
    %n = weft.reshape %m : tensor<4xf32> -> tensor<4x1xf32>
    %b = weft.broadcast %n : tensor<4x1xf32> -> tensor<4x16xf32>
    %r = weft.sub %a, %b : tensor<4x16xf32>
    weft.yield %r, %m : tensor<4x16xf32>, tensor<4xf32>
  }
  %2 = weft.group(%a = %1#0, %b = %1#1) schedule(<loop>) : tensor<4x16xf32>, tensor<4xf32> -> tensor<4x16xf32> {
    %n = weft.reshape %b : tensor<4xf32> -> tensor<4x1xf32>
    %c = weft.broadcast %n : tensor<4x1xf32> -> tensor<4x16xf32>
    %r = weft.add %a, %c : tensor<4x16xf32>
    weft.yield %r : tensor<4x16xf32>
  }
  return %2 : tensor<4x16xf32>
}

// -----

// Rows of one element: the result of the row is stored before the point's, which
// reads the same element.
// CHECK-LABEL: @rows_of_one
// CHECK: weft.offsets = array<i64: 0>
// CHECK-NOT: weft.in_place
// CHECK: weft.offsets = array<i64: 256, 512>
func.func @rows_of_one(%x: tensor<4x1xf32>) -> tensor<4x1xf32> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<4x1xf32> -> tensor<4x1xf32> {
    %r = weft.neg %a : tensor<4x1xf32>
    weft.yield %r : tensor<4x1xf32>
  }
  %1:2 = weft.group(%a = %0) schedule(<column>) : tensor<4x1xf32> -> tensor<4xf32>, tensor<4x1xf32> {
    %m = weft.sum %a over [1] : tensor<4x1xf32> -> tensor<4xf32>
    %n = weft.exp %m : tensor<4xf32>
    %r = weft.exp %a : tensor<4x1xf32>
    weft.yield %n, %r : tensor<4xf32>, tensor<4x1xf32>
  }
  %2 = weft.group(%a = %1#0, %b = %1#1) schedule(<loop>) : tensor<4xf32>, tensor<4x1xf32> -> tensor<4x1xf32> {
    %n = weft.reshape %a : tensor<4xf32> -> tensor<4x1xf32>
    %r = weft.add %b, %n : tensor<4x1xf32>
    weft.yield %r : tensor<4x1xf32>
  }
  return %2 : tensor<4x1xf32>
}

// -----

// An input of the caller is never overwritten, nor is a result that is returned.
// CHECK-LABEL: @not_the_callers
// CHECK-NOT: weft.in_place
func.func @not_the_callers(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<4xf32> -> tensor<4xf32> {
    %r = weft.neg %a : tensor<4xf32>
    weft.yield %r : tensor<4xf32>
  }
  %1 = weft.group(%a = %0) schedule(<loop>) : tensor<4xf32> -> tensor<4xf32> {
    %r = weft.exp %a : tensor<4xf32>
    weft.yield %r : tensor<4xf32>
  }
  %2 = weft.group(%a = %1) schedule(<loop>) : tensor<4xf32> -> tensor<4xf32> {
    %r = weft.neg %a : tensor<4xf32>
    weft.yield %r : tensor<4xf32>
  }
  return %0, %2 : tensor<4xf32>, tensor<4xf32>
}

// -----

// What is shown in another order may be stored in that order.
// CHECK-LABEL: @not_over_the_operand_of_another_result
// CHECK: weft.in_place = array<i64: -1, 1>
func.func @not_over_the_operand_of_another_result(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<8x8xf32> -> tensor<8x8xf32> {
    %r = weft.neg %a : tensor<8x8xf32>
    weft.yield %r : tensor<8x8xf32>
  }
  %1:2 = weft.group(%a = %x, %b = %0) schedule(<loop>) : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>, tensor<8x8xf32> {
    %t = weft.transpose %a [1, 0] : tensor<8x8xf32> -> tensor<8x8xf32>
    %r = weft.exp %b : tensor<8x8xf32>
    weft.yield %t, %r : tensor<8x8xf32>, tensor<8x8xf32>
  }
  %2 = weft.group(%a = %1#0, %b = %1#1) schedule(<loop>) : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32> {
    %r = weft.sub %a, %b : tensor<8x8xf32>
    weft.yield %r : tensor<8x8xf32>
  }
  return %2 : tensor<8x8xf32>
}

// -----

// A window has its neighbours too: none may be replaced before all have read it.
// CHECK-LABEL: @no_in_place_under_a_window
// CHECK: weft.offsets = array<i64: 0>
// CHECK-NOT: weft.in_place
// CHECK: weft.offsets = array<i64: 256>
func.func @no_in_place_under_a_window(%x: tensor<1x4x4x1xf32>, %w: tensor<1x3x3x1xf32>) -> tensor<1x4x4x1xf32> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<1x4x4x1xf32> -> tensor<1x4x4x1xf32> {
    %r = weft.exp %a : tensor<1x4x4x1xf32>
    weft.yield %r : tensor<1x4x4x1xf32>
  }
  %1 = weft.group(%a = %0, %b = %w) schedule(<window>) : tensor<1x4x4x1xf32>, tensor<1x3x3x1xf32> -> tensor<1x4x4x1xf32> {
    %c = weft.conv %a, %b stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1 channels_last : tensor<1x4x4x1xf32>, tensor<1x3x3x1xf32> -> tensor<1x4x4x1xf32>
    weft.yield %c : tensor<1x4x4x1xf32>
  }
  %2 = weft.group(%a = %1) schedule(<loop>) : tensor<1x4x4x1xf32> -> tensor<1x4x4x1xf32> {
    %r = weft.neg %a : tensor<1x4x4x1xf32>
    weft.yield %r : tensor<1x4x4x1xf32>
  }
  return %2 : tensor<1x4x4x1xf32>
}

// -----

// Heads are stored beside each other, the residual is read head by head.
// CHECK-LABEL: @no_in_place_in_another_order
// CHECK: weft.offsets = array<i64: 0>
// CHECK-NOT: weft.in_place
// CHECK: weft.offsets = array<i64: 512>
func.func @no_in_place_in_another_order(%x: tensor<2x8x8xf32>) -> tensor<8x2x8xf32> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<2x8x8xf32> -> tensor<2x8x8xf32> {
    %r = weft.exp %a : tensor<2x8x8xf32>
    weft.yield %r : tensor<2x8x8xf32>
  }
  %1 = weft.group(%q = %x, %r = %0) schedule(<attention>) : tensor<2x8x8xf32>, tensor<2x8x8xf32> -> tensor<8x2x8xf32> {
    %s = weft.constant dense<1.0> : tensor<f32>
    %y = weft.attention %q, %q, %q, %s : (tensor<2x8x8xf32>, tensor<2x8x8xf32>, tensor<2x8x8xf32>, tensor<f32>) -> tensor<2x8x8xf32>
    %z = weft.add %y, %r : tensor<2x8x8xf32>
    %t = weft.transpose %z [1, 0, 2] : tensor<2x8x8xf32> -> tensor<8x2x8xf32>
    weft.yield %t : tensor<8x2x8xf32>
  }
  %2 = weft.group(%a = %1) schedule(<loop>) : tensor<8x2x8xf32> -> tensor<8x2x8xf32> {
    %r = weft.neg %a : tensor<8x2x8xf32>
    weft.yield %r : tensor<8x2x8xf32>
  }
  return %2 : tensor<8x2x8xf32>
}

// -----

// The second of two products reads the sum from where it is kept on the way.
// CHECK-LABEL: @residual_of_a_pair
// CHECK: weft.offsets = array<i64: 0>
// CHECK: weft.in_place = array<i64: 2, -1>, weft.offsets = array<i64: 0, 256>
// CHECK: weft.offsets = array<i64: -1>
func.func @residual_of_a_pair(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<8x8xf32> -> tensor<8x8xf32> {
    %r = weft.neg %a : tensor<8x8xf32>
    weft.yield %r : tensor<8x8xf32>
  }
  %1:2 = weft.group(%a = %x, %b = %w, %c = %0) schedule(<pair>) : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>, tensor<8x8xf32> {
    %m = weft.matmul %a, %b : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    %s = weft.add %m, %c : tensor<8x8xf32>
    %z = weft.matmul %s, %b : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    weft.yield %s, %z : tensor<8x8xf32>, tensor<8x8xf32>
  }
  %2 = weft.group(%a = %1#0, %b = %1#1) schedule(<loop>) : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32> {
    %r = weft.add %a, %b : tensor<8x8xf32>
    weft.yield %r : tensor<8x8xf32>
  }
  return %2 : tensor<8x8xf32>
}

// -----

// Not over what the first product reads, nor the second result over what the
// second product was computed from.
// CHECK-LABEL: @no_place_in_a_pair
// CHECK: weft.offsets = array<i64: 0>
// CHECK-NOT: weft.in_place
// CHECK: weft.offsets = array<i64: 256, 512>
func.func @no_place_in_a_pair(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<8x8xf32> -> tensor<8x8xf32> {
    %r = weft.neg %a : tensor<8x8xf32>
    weft.yield %r : tensor<8x8xf32>
  }
  %1:2 = weft.group(%a = %0, %b = %w) schedule(<pair>) : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>, tensor<8x8xf32> {
    %m = weft.matmul %a, %b : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    %s = weft.add %m, %a : tensor<8x8xf32>
    %z = weft.matmul %s, %b : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    weft.yield %s, %z : tensor<8x8xf32>, tensor<8x8xf32>
  }
  %2 = weft.group(%a = %1#0, %b = %1#1) schedule(<loop>) : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32> {
    %r = weft.add %a, %b : tensor<8x8xf32>
    weft.yield %r : tensor<8x8xf32>
  }
  return %2 : tensor<8x8xf32>
}

// -----

// What is read again behind the second product, once the first result is stored.
// CHECK-LABEL: @no_place_of_what_both_add
// CHECK: weft.offsets = array<i64: 0>
// CHECK-NOT: weft.in_place = array<i64: 2
// CHECK: weft.offsets = array<i64: 256, 512>
func.func @no_place_of_what_both_add(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<8x8xf32> -> tensor<8x8xf32> {
    %r = weft.neg %a : tensor<8x8xf32>
    weft.yield %r : tensor<8x8xf32>
  }
  %1:2 = weft.group(%a = %x, %b = %w, %c = %0) schedule(<pair>) : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>, tensor<8x8xf32> {
    %m = weft.matmul %a, %b : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    %s = weft.add %m, %c : tensor<8x8xf32>
    %z = weft.matmul %s, %b : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    %t = weft.add %z, %c : tensor<8x8xf32>
    weft.yield %s, %t : tensor<8x8xf32>, tensor<8x8xf32>
  }
  %2 = weft.group(%a = %1#0, %b = %1#1) schedule(<loop>) : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32> {
    %r = weft.add %a, %b : tensor<8x8xf32>
    weft.yield %r : tensor<8x8xf32>
  }
  return %2 : tensor<8x8xf32>
}
