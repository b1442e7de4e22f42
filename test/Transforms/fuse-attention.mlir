// RUN: weft-opt %s -pass-pipeline='builtin.module(func.func(weft-fuse-attention))' -split-input-file | FileCheck %s

// CHECK-LABEL: @scaled
// CHECK-SAME: (%[[Q:.*]]: tensor<2x40x64xf16>, %[[K:.*]]: tensor<2x50x64xf16>, %[[V:.*]]: tensor<2x50x32xf16>, %[[N:.*]]: f16)
// CHECK-NEXT: %[[S:.*]] = weft.splat %[[N]] : f16 -> tensor<f16>
// CHECK-NEXT: %[[Y:.*]] = weft.attention %[[Q]], %[[K]], %[[V]], %[[S]] : (tensor<2x40x64xf16>, tensor<2x50x64xf16>, tensor<2x50x32xf16>, tensor<f16>) -> tensor<2x40x32xf16>
// CHECK-NEXT: return %[[Y]]
func.func @scaled(%q: tensor<2x40x64xf16>, %k: tensor<2x50x64xf16>, %v: tensor<2x50x32xf16>, %n: f16) -> tensor<2x40x32xf16> {
  %kt = weft.transpose %k [0, 2, 1] : tensor<2x50x64xf16> -> tensor<2x64x50xf16>
  %s = weft.matmul %q, %kt : tensor<2x40x64xf16>, tensor<2x64x50xf16> -> tensor<2x40x50xf16>
  %c = weft.splat %n : f16 -> tensor<2x40x50xf16>
  %m = weft.mul %s, %c : tensor<2x40x50xf16>
  %w = weft.softmax %m over 2 : tensor<2x40x50xf16>
  %y = weft.matmul %w, %v : tensor<2x40x50xf16>, tensor<2x50x32xf16> -> tensor<2x40x32xf16>
  return %y : tensor<2x40x32xf16>
}

// -----

// No scale; keys as the product wants them.
// CHECK-LABEL: @plain
// CHECK-DAG: %[[ONE:.*]] = weft.constant dense<1.000000e+00> : tensor<f32>
// CHECK-DAG: %[[K:.*]] = weft.transpose %arg1 [1, 0] : tensor<16x20xbf16> -> tensor<20x16xbf16>
// CHECK: weft.attention %arg0, %[[K]], %arg2, %[[ONE]] :
func.func @plain(%q: tensor<16x16xbf16>, %kt: tensor<16x20xbf16>, %v: tensor<20x256xbf16>) -> tensor<16x256xbf16> {
  %s = weft.matmul %q, %kt : tensor<16x16xbf16>, tensor<16x20xbf16> -> tensor<16x20xbf16>
  %w = weft.softmax %s over 1 : tensor<16x20xbf16>
  %y = weft.matmul %w, %v : tensor<16x20xbf16>, tensor<20x256xbf16> -> tensor<16x256xbf16>
  return %y : tensor<16x256xbf16>
}

// -----

// Casts to f32 and back, a number on the left, a bias on the left.
// CHECK-LABEL: @casts
// CHECK: %[[S:.*]] = weft.constant dense<1.250000e-01> : tensor<f32>
// CHECK: weft.attention %arg0, %{{.*}}, %arg2, %[[S]], %arg3 : (tensor<16x16xf16>, tensor<20x16xf16>, tensor<20x16xf16>, tensor<f32>, tensor<16x20xf32>) -> tensor<16x16xf16>
// CHECK-NOT: weft.cast
// CHECK: return
func.func @casts(%q: tensor<16x16xf16>, %kt: tensor<16x20xf16>, %v: tensor<20x16xf16>, %b: tensor<16x20xf32>) -> tensor<16x16xf16> {
  %s = weft.matmul %q, %kt : tensor<16x16xf16>, tensor<16x20xf16> -> tensor<16x20xf16>
  %f = weft.cast %s : tensor<16x20xf16> -> tensor<16x20xf32>
  %c = weft.constant dense<0.125> : tensor<16x20xf32>
  %m = weft.mul %c, %f : tensor<16x20xf32>
  %a = weft.add %b, %m : tensor<16x20xf32>
  %w = weft.softmax %a over 1 : tensor<16x20xf32>
  %h = weft.cast %w : tensor<16x20xf32> -> tensor<16x20xf16>
  %y = weft.matmul %h, %v : tensor<16x20xf16>, tensor<20x16xf16> -> tensor<16x16xf16>
  return %y : tensor<16x16xf16>
}

// -----

// CHECK-LABEL: @divided
// CHECK-DAG: %[[ONE:.*]] = weft.constant dense<1.000000e+00> : tensor<f16>
// CHECK-DAG: %[[N:.*]] = weft.splat %arg3 : f16 -> tensor<f16>
// CHECK: %[[S:.*]] = weft.div %[[ONE]], %[[N]] : tensor<f16>
// CHECK: weft.attention %arg0, %{{.*}}, %arg2, %[[S]] :
func.func @divided(%q: tensor<16x16xf16>, %kt: tensor<16x20xf16>, %v: tensor<20x16xf16>, %n: f16) -> tensor<16x16xf16> {
  %s = weft.matmul %q, %kt : tensor<16x16xf16>, tensor<16x20xf16> -> tensor<16x20xf16>
  %c = weft.splat %n : f16 -> tensor<16x20xf16>
  %m = weft.div %s, %c : tensor<16x20xf16>
  %w = weft.softmax %m over 1 : tensor<16x20xf16>
  %y = weft.matmul %w, %v : tensor<16x20xf16>, tensor<20x16xf16> -> tensor<16x16xf16>
  return %y : tensor<16x16xf16>
}

// -----

// CHECK-LABEL: @divided_by_a_constant
// CHECK: %[[S:.*]] = weft.constant dense<2.500000e-01> : tensor<f32>
// CHECK: weft.attention %arg0, %{{.*}}, %arg2, %[[S]] :
func.func @divided_by_a_constant(%q: tensor<16x16xf16>, %kt: tensor<16x20xf16>, %v: tensor<20x16xf16>) -> tensor<16x16xf16> {
  %s = weft.matmul %q, %kt : tensor<16x16xf16>, tensor<16x20xf16> -> tensor<16x20xf16>
  %c = weft.constant dense<4.0> : tensor<16x20xf16>
  %m = weft.div %s, %c : tensor<16x20xf16>
  %w = weft.softmax %m over 1 : tensor<16x20xf16>
  %y = weft.matmul %w, %v : tensor<16x20xf16>, tensor<20x16xf16> -> tensor<16x16xf16>
  return %y : tensor<16x16xf16>
}

// -----

// ---- what stays -------------------------------------------------------------

// float32 has no tensor cores that keep its precision.
// CHECK-LABEL: @single
// CHECK-NOT: weft.attention
// CHECK: return
func.func @single(%q: tensor<16x16xf32>, %kt: tensor<16x20xf32>, %v: tensor<20x16xf32>) -> tensor<16x16xf32> {
  %s = weft.matmul %q, %kt : tensor<16x16xf32>, tensor<16x20xf32> -> tensor<16x20xf32>
  %w = weft.softmax %s over 1 : tensor<16x20xf32>
  %y = weft.matmul %w, %v : tensor<16x20xf32>, tensor<20x16xf32> -> tensor<16x16xf32>
  return %y : tensor<16x16xf32>
}

// -----

// Products in f32 of weights that are narrow before.
// CHECK-LABEL: @wide_scores
// CHECK-NOT: weft.attention
// CHECK: return
func.func @wide_scores(%q: tensor<16x16xf32>, %kt: tensor<16x20xf32>, %v: tensor<20x16xf16>) -> tensor<16x16xf16> {
  %s = weft.matmul %q, %kt : tensor<16x16xf32>, tensor<16x20xf32> -> tensor<16x20xf32>
  %w = weft.softmax %s over 1 : tensor<16x20xf32>
  %h = weft.cast %w : tensor<16x20xf32> -> tensor<16x20xf16>
  %y = weft.matmul %h, %v : tensor<16x20xf16>, tensor<20x16xf16> -> tensor<16x16xf16>
  return %y : tensor<16x16xf16>
}

// -----

// A softmax over the queries.
// CHECK-LABEL: @other_axis
// CHECK-NOT: weft.attention
// CHECK: return
func.func @other_axis(%q: tensor<16x16xf16>, %kt: tensor<16x20xf16>, %v: tensor<20x16xf16>) -> tensor<16x16xf16> {
  %s = weft.matmul %q, %kt : tensor<16x16xf16>, tensor<16x20xf16> -> tensor<16x20xf16>
  %w = weft.softmax %s over 0 : tensor<16x20xf16>
  %y = weft.matmul %w, %v : tensor<16x20xf16>, tensor<20x16xf16> -> tensor<16x16xf16>
  return %y : tensor<16x16xf16>
}

// -----

// CHECK-LABEL: @weights_are_read
// CHECK-NOT: weft.attention
// CHECK: return
func.func @weights_are_read(%q: tensor<16x16xf16>, %kt: tensor<16x20xf16>, %v: tensor<20x16xf16>) -> (tensor<16x16xf16>, tensor<16x20xf16>) {
  %s = weft.matmul %q, %kt : tensor<16x16xf16>, tensor<16x20xf16> -> tensor<16x20xf16>
  %w = weft.softmax %s over 1 : tensor<16x20xf16>
  %y = weft.matmul %w, %v : tensor<16x20xf16>, tensor<20x16xf16> -> tensor<16x16xf16>
  return %y, %w : tensor<16x16xf16>, tensor<16x20xf16>
}

// -----

// CHECK-LABEL: @scores_are_read
// CHECK-NOT: weft.attention
// CHECK: return
func.func @scores_are_read(%q: tensor<16x16xf16>, %kt: tensor<16x20xf16>, %v: tensor<20x16xf16>) -> (tensor<16x16xf16>, tensor<16x20xf16>) {
  %s = weft.matmul %q, %kt : tensor<16x16xf16>, tensor<16x20xf16> -> tensor<16x20xf16>
  %w = weft.softmax %s over 1 : tensor<16x20xf16>
  %y = weft.matmul %w, %v : tensor<16x20xf16>, tensor<20x16xf16> -> tensor<16x16xf16>
  return %y, %s : tensor<16x16xf16>, tensor<16x20xf16>
}

// -----

// A scale for every row is none.
// CHECK-LABEL: @scales
// CHECK-NOT: weft.attention
// CHECK: return
func.func @scales(%q: tensor<16x16xf16>, %kt: tensor<16x20xf16>, %v: tensor<20x16xf16>, %c: tensor<16x20xf16>) -> tensor<16x16xf16> {
  %s = weft.matmul %q, %kt : tensor<16x16xf16>, tensor<16x20xf16> -> tensor<16x20xf16>
  %m = weft.mul %s, %c : tensor<16x20xf16>
  %w = weft.softmax %m over 1 : tensor<16x20xf16>
  %y = weft.matmul %w, %v : tensor<16x20xf16>, tensor<20x16xf16> -> tensor<16x16xf16>
  return %y : tensor<16x16xf16>
}

// -----

// A number over the scores is no scale.
// CHECK-LABEL: @reciprocal
// CHECK-NOT: weft.attention
// CHECK: return
func.func @reciprocal(%q: tensor<16x16xf16>, %kt: tensor<16x20xf16>, %v: tensor<20x16xf16>) -> tensor<16x16xf16> {
  %s = weft.matmul %q, %kt : tensor<16x16xf16>, tensor<16x20xf16> -> tensor<16x20xf16>
  %c = weft.constant dense<4.0> : tensor<16x20xf16>
  %m = weft.div %c, %s : tensor<16x20xf16>
  %w = weft.softmax %m over 1 : tensor<16x20xf16>
  %y = weft.matmul %w, %v : tensor<16x20xf16>, tensor<20x16xf16> -> tensor<16x16xf16>
  return %y : tensor<16x16xf16>
}

// -----

// Rounding to fewer bits is part of the program.
// CHECK-LABEL: @narrower
// CHECK-NOT: weft.attention
// CHECK: return
func.func @narrower(%q: tensor<16x16xf16>, %kt: tensor<16x20xf16>, %v: tensor<20x16xf16>) -> tensor<16x16xf16> {
  %s = weft.matmul %q, %kt : tensor<16x16xf16>, tensor<16x20xf16> -> tensor<16x20xf16>
  %w = weft.softmax %s over 1 : tensor<16x20xf16>
  %n = weft.cast %w : tensor<16x20xf16> -> tensor<16x20xf8E4M3FN>
  %h = weft.cast %n : tensor<16x20xf8E4M3FN> -> tensor<16x20xf16>
  %y = weft.matmul %h, %v : tensor<16x20xf16>, tensor<20x16xf16> -> tensor<16x16xf16>
  return %y : tensor<16x16xf16>
}

// -----

// Few rows, few keys, and widths that no tile has.
// CHECK-LABEL: @sizes
// CHECK-NOT: weft.attention
// CHECK: return
func.func @sizes(%q: tensor<15x16xf16>, %kt: tensor<16x20xf16>, %v: tensor<20x16xf16>,
                 %q1: tensor<16x16xf16>, %kt1: tensor<16x15xf16>, %v1: tensor<15x16xf16>,
                 %q2: tensor<16x24xf16>, %kt2: tensor<24x20xf16>, %v2: tensor<20x272xf16>)
    -> (tensor<15x16xf16>, tensor<16x16xf16>, tensor<16x16xf16>, tensor<16x272xf16>) {
  %s = weft.matmul %q, %kt : tensor<15x16xf16>, tensor<16x20xf16> -> tensor<15x20xf16>
  %w = weft.softmax %s over 1 : tensor<15x20xf16>
  %y = weft.matmul %w, %v : tensor<15x20xf16>, tensor<20x16xf16> -> tensor<15x16xf16>
  %s1 = weft.matmul %q1, %kt1 : tensor<16x16xf16>, tensor<16x15xf16> -> tensor<16x15xf16>
  %w1 = weft.softmax %s1 over 1 : tensor<16x15xf16>
  %y1 = weft.matmul %w1, %v1 : tensor<16x15xf16>, tensor<15x16xf16> -> tensor<16x16xf16>
  %s2 = weft.matmul %q2, %kt2 : tensor<16x24xf16>, tensor<24x20xf16> -> tensor<16x20xf16>
  %w2 = weft.softmax %s2 over 1 : tensor<16x20xf16>
  %y2 = weft.matmul %w2, %v : tensor<16x20xf16>, tensor<20x16xf16> -> tensor<16x16xf16>
  %s3 = weft.matmul %q1, %kt : tensor<16x16xf16>, tensor<16x20xf16> -> tensor<16x20xf16>
  %w3 = weft.softmax %s3 over 1 : tensor<16x20xf16>
  %y3 = weft.matmul %w3, %v2 : tensor<16x20xf16>, tensor<20x272xf16> -> tensor<16x272xf16>
  return %y, %y1, %y2, %y3 : tensor<15x16xf16>, tensor<16x16xf16>, tensor<16x16xf16>, tensor<16x272xf16>
}
