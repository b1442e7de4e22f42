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
// CHECK: weft.offsets = array<i64: 0>
// CHECK: weft.offsets = array<i64: 0>
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
