// RUN: weft-opt %s -pass-pipeline='builtin.module(func.func(weft-sum-products,canonicalize))' -split-input-file | FileCheck %s

// k runs over the channels of both.
// CHECK-LABEL: @convs
// CHECK-NEXT: %[[X:.*]] = weft.concatenate %arg0, %arg1 along 3 : tensor<2x5x7x64xf16>, tensor<2x5x7x128xf16> -> tensor<2x5x7x192xf16>
// CHECK-NEXT: %[[W:.*]] = weft.concatenate %arg2, %arg3 along 3 : tensor<32x1x1x64xf16>, tensor<32x1x1x128xf16> -> tensor<32x1x1x192xf16>
// CHECK-NEXT: %[[Y:.*]] = weft.conv %[[X]], %[[W]] stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last
// CHECK-NEXT: return %[[Y]]
func.func @convs(%x: tensor<2x5x7x64xf16>, %z: tensor<2x5x7x128xf16>, %v: tensor<32x1x1x64xf16> {weft.parameter}, %w: tensor<32x1x1x128xf16> {weft.parameter}) -> tensor<2x5x7x32xf16> {
  %a = weft.conv %x, %v stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<2x5x7x64xf16>, tensor<32x1x1x64xf16> -> tensor<2x5x7x32xf16>
  %b = weft.conv %z, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<2x5x7x128xf16>, tensor<32x1x1x128xf16> -> tensor<2x5x7x32xf16>
  %y = weft.add %a, %b : tensor<2x5x7x32xf16>
  return %y : tensor<2x5x7x32xf16>
}

// -----

// A stride takes every second pixel, of either. A shift, which may be a bias,
// stands behind the sum, in float32; half of the sum is no larger than one of
// the two.
// CHECK-LABEL: @strides
// CHECK-DAG: %[[Z:.*]] = weft.slice %arg1 from [0, 0, 0, 0] by [1, 2, 3, 1] : tensor<2x9x20x16xbf16> -> tensor<2x5x7x16xbf16>
// CHECK-DAG: %[[X:.*]] = weft.slice %arg0 from [0, 0, 0, 0] by [1, 1, 2, 1] : tensor<2x5x14x8xbf16> -> tensor<2x5x7x8xbf16>
// CHECK-DAG: %[[R:.*]] = weft.concatenate %[[X]], %[[Z]] along 3
// CHECK-DAG: %[[H1:.*]] = weft.constant dense<5.000000e-01> : tensor<4x1x1x8xf32>
// CHECK-DAG: %[[V:.*]] = weft.cast %arg2
// CHECK-DAG: %[[VH:.*]] = weft.mul %[[V]], %[[H1]]
// CHECK-DAG: %[[VN:.*]] = weft.cast %[[VH]] : tensor<4x1x1x8xf32> -> tensor<4x1x1x8xbf16>
// CHECK-DAG: %[[H2:.*]] = weft.constant dense<5.000000e-01> : tensor<4x1x1x16xf32>
// CHECK-DAG: %[[WF:.*]] = weft.cast %arg3
// CHECK-DAG: %[[WH:.*]] = weft.mul %[[WF]], %[[H2]]
// CHECK-DAG: %[[WN:.*]] = weft.cast %[[WH]]
// CHECK-DAG: %[[W:.*]] = weft.concatenate %[[VN]], %[[WN]] along 3
// CHECK-DAG: %[[Y:.*]] = weft.conv %[[R]], %[[W]] stride [1, 1]
// CHECK-DAG: %[[B:.*]] = weft.cast %arg4 : tensor<4xbf16> -> tensor<4xf32>
// CHECK-DAG: %[[C:.*]] = weft.cast %arg5 : tensor<4xbf16> -> tensor<4xf32>
// CHECK-DAG: %[[S:.*]] = weft.add %[[B]], %[[C]] : tensor<4xf32>
// CHECK-DAG: %[[S1:.*]] = weft.reshape %[[S]] : tensor<4xf32> -> tensor<1x1x1x4xf32>
// CHECK-DAG: %[[S2:.*]] = weft.broadcast %[[S1]] : tensor<1x1x1x4xf32> -> tensor<2x5x7x4xf32>
// CHECK-DAG: %[[F:.*]] = weft.cast %[[Y]] : tensor<2x5x7x4xbf16> -> tensor<2x5x7x4xf32>
// CHECK-DAG: %[[T:.*]] = weft.constant dense<2.000000e+00> : tensor<2x5x7x4xf32>
// CHECK-DAG: %[[D:.*]] = weft.mul %[[F]], %[[T]]
// CHECK: %[[A:.*]] = weft.add %[[D]], %[[S2]]
// CHECK: %[[N:.*]] = weft.cast %[[A]] : tensor<2x5x7x4xf32> -> tensor<2x5x7x4xbf16>
// CHECK: return %[[N]]
func.func @strides(%x: tensor<2x5x14x8xbf16>, %z: tensor<2x9x20x16xbf16>, %v: tensor<4x1x1x8xbf16> {weft.parameter}, %w: tensor<4x1x1x16xbf16> {weft.parameter}, %s: tensor<4xbf16> {weft.parameter}, %t: tensor<4xbf16> {weft.parameter}) -> tensor<2x5x7x4xbf16> {
  %a = weft.conv %x, %v, %s stride [1, 2] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<2x5x14x8xbf16>, tensor<4x1x1x8xbf16>, tensor<4xbf16> -> tensor<2x5x7x4xbf16>
  %b = weft.conv %z, %w stride [2, 3] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<2x9x20x16xbf16>, tensor<4x1x1x16xbf16> -> tensor<2x5x7x4xbf16>
  %u = weft.broadcast %t : tensor<4xbf16> -> tensor<2x5x7x4xbf16>
  %c = weft.add %u, %b : tensor<2x5x7x4xbf16>
  %y = weft.add %a, %c : tensor<2x5x7x4xbf16>
  return %y : tensor<2x5x7x4xbf16>
}

// -----

// What batch norms leave. By twice the larger factor the sum is multiplied; the
// weights, by each factor in terms of it. A shift that a factor comes after is
// multiplied, too.
// CHECK-LABEL: @factors
// CHECK-SAME: %[[V:arg2]]: {{.*}}, %[[W:arg3]]: {{.*}}, %[[F:arg4]]: {{.*}}, %[[S:arg5]]: {{.*}}, %[[G:arg6]]: {{.*}}, %[[T:arg7]]:
// CHECK-DAG: %[[FS:.*]] = weft.mul %[[S]], %[[F]] : tensor<4xf32>
// CHECK-DAG: %[[MIN:.*]] = weft.constant dense<1.17549435E-38> : tensor<4xf32>
// CHECK-DAG: %[[AF:.*]] = weft.abs %[[F]]
// CHECK-DAG: %[[M1:.*]] = weft.maximum %[[AF]], %[[MIN]]
// CHECK-DAG: %[[AG:.*]] = weft.abs %[[G]]
// CHECK-DAG: %[[M0:.*]] = weft.maximum %[[M1]], %[[AG]]
// CHECK-DAG: %[[M:.*]] = weft.add %[[M0]], %[[M0]]
// CHECK-DAG: %[[P:.*]] = weft.div %[[F]], %[[M]]
// CHECK-DAG: %[[Q:.*]] = weft.div %[[G]], %[[M]]
// CHECK-DAG: %[[P1:.*]] = weft.reshape %[[P]] : tensor<4xf32> -> tensor<4x1x1x1xf32>
// CHECK-DAG: %[[P2:.*]] = weft.broadcast %[[P1]] : tensor<4x1x1x1xf32> -> tensor<4x1x1x8xf32>
// CHECK-DAG: %[[VF:.*]] = weft.cast %[[V]] : tensor<4x1x1x8xf16> -> tensor<4x1x1x8xf32>
// CHECK-DAG: %[[VP:.*]] = weft.mul %[[VF]], %[[P2]]
// CHECK-DAG: %[[VN:.*]] = weft.cast %[[VP]] : tensor<4x1x1x8xf32> -> tensor<4x1x1x8xf16>
// CHECK-DAG: %[[Q1:.*]] = weft.reshape %[[Q]]
// CHECK-DAG: %[[Q2:.*]] = weft.broadcast %[[Q1]]
// CHECK-DAG: %[[WF:.*]] = weft.cast %[[W]]
// CHECK-DAG: %[[WQ:.*]] = weft.mul %[[WF]], %[[Q2]]
// CHECK-DAG: %[[WN:.*]] = weft.cast %[[WQ]]
// CHECK-DAG: %[[B:.*]] = weft.concatenate %[[VN]], %[[WN]] along 3
// CHECK-DAG: %[[C:.*]] = weft.conv %{{.*}}, %[[B]]
// CHECK-DAG: %[[H:.*]] = weft.add %[[FS]], %[[T]]
// CHECK-DAG: %[[CF:.*]] = weft.cast %[[C]] : tensor<2x5x7x4xf16> -> tensor<2x5x7x4xf32>
// CHECK-DAG: %[[M2:.*]] = weft.reshape %[[M]] : tensor<4xf32> -> tensor<1x1x1x4xf32>
// CHECK-DAG: %[[M3:.*]] = weft.broadcast %[[M2]]
// CHECK-DAG: %[[CM:.*]] = weft.mul %[[CF]], %[[M3]]
// CHECK-DAG: %[[H1:.*]] = weft.reshape %[[H]]
// CHECK-DAG: %[[H2:.*]] = weft.broadcast %[[H1]]
// CHECK: %[[CH:.*]] = weft.add %[[CM]], %[[H2]]
// CHECK: %[[Y:.*]] = weft.cast %[[CH]] : tensor<2x5x7x4xf32> -> tensor<2x5x7x4xf16>
// CHECK: return %[[Y]]
func.func @factors(%x: tensor<2x5x7x8xf16>, %z: tensor<2x5x7x8xf16>, %v: tensor<4x1x1x8xf16> {weft.parameter}, %w: tensor<4x1x1x8xf16> {weft.parameter}, %f: tensor<4xf32> {weft.parameter}, %s: tensor<4xf32> {weft.parameter}, %g: tensor<4xf32> {weft.parameter}, %t: tensor<4xf32> {weft.parameter}) -> tensor<2x5x7x4xf16> {
  %a = weft.conv %x, %v stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<2x5x7x8xf16>, tensor<4x1x1x8xf16> -> tensor<2x5x7x4xf16>
  %a1 = weft.cast %a : tensor<2x5x7x4xf16> -> tensor<2x5x7x4xf32>
  %s1 = weft.reshape %s : tensor<4xf32> -> tensor<1x4x1x1xf32>
  %s2 = weft.broadcast %s1 : tensor<1x4x1x1xf32> -> tensor<2x4x5x7xf32>
  %s3 = weft.transpose %s2 [0, 2, 3, 1] : tensor<2x4x5x7xf32> -> tensor<2x5x7x4xf32>
  %a2 = weft.add %a1, %s3 : tensor<2x5x7x4xf32>
  %f1 = weft.broadcast %f : tensor<4xf32> -> tensor<2x5x7x4xf32>
  %a3 = weft.mul %a2, %f1 : tensor<2x5x7x4xf32>
  %a4 = weft.cast %a3 : tensor<2x5x7x4xf32> -> tensor<2x5x7x4xf16>
  %b = weft.conv %z, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<2x5x7x8xf16>, tensor<4x1x1x8xf16> -> tensor<2x5x7x4xf16>
  %b1 = weft.cast %b : tensor<2x5x7x4xf16> -> tensor<2x5x7x4xf32>
  %g1 = weft.broadcast %g : tensor<4xf32> -> tensor<2x5x7x4xf32>
  %b2 = weft.mul %b1, %g1 : tensor<2x5x7x4xf32>
  %t1 = weft.broadcast %t : tensor<4xf32> -> tensor<2x5x7x4xf32>
  %b3 = weft.add %b2, %t1 : tensor<2x5x7x4xf32>
  %b4 = weft.cast %b3 : tensor<2x5x7x4xf32> -> tensor<2x5x7x4xf16>
  %y = weft.add %a4, %b4 : tensor<2x5x7x4xf16>
  return %y : tensor<2x5x7x4xf16>
}

// -----

// Added in float32, where two numbers that float16 has may make one that it has
// not.
// CHECK-LABEL: @in_float32
// CHECK: %[[M:.*]] = weft.matmul %{{.*}}, %[[W:.*]] : tensor<8x48xf16>, tensor<48x24xf16> -> tensor<8x24xf16>
// CHECK: %[[F:.*]] = weft.cast %[[M]] : tensor<8x24xf16> -> tensor<8x24xf32>
// CHECK: %[[Y:.*]] = weft.mul %[[F]], %{{.*}} : tensor<8x24xf32>
// CHECK: return %[[Y]]
func.func @in_float32(%x: tensor<8x16xf16>, %h: tensor<8x32xf16>, %v: tensor<16x24xf16> {weft.parameter}, %w: tensor<32x24xf16> {weft.parameter}) -> tensor<8x24xf32> {
  %a = weft.matmul %x, %v : tensor<8x16xf16>, tensor<16x24xf16> -> tensor<8x24xf16>
  %b = weft.matmul %h, %w : tensor<8x32xf16>, tensor<32x24xf16> -> tensor<8x24xf16>
  %f = weft.cast %a : tensor<8x24xf16> -> tensor<8x24xf32>
  %g = weft.cast %b : tensor<8x24xf16> -> tensor<8x24xf32>
  %y = weft.add %f, %g : tensor<8x24xf32>
  return %y : tensor<8x24xf32>
}

// -----

// A constant is a factor as any.
// CHECK-LABEL: @constants
// CHECK-DAG: %[[ONE:.*]] = weft.constant dense<1.000000e+00> : tensor<24xf32>
// CHECK-DAG: %[[THREE:.*]] = weft.constant dense<3.000000e+00> : tensor<24xf32>
// CHECK-DAG: weft.div %[[THREE]], %[[M:.*]] : tensor<24xf32>
// CHECK-DAG: weft.div %[[ONE]], %[[M]] : tensor<24xf32>
// CHECK-DAG: weft.matmul %{{.*}} : tensor<8x48xf16>, tensor<48x24xf16> -> tensor<8x24xf16>
// CHECK-NOT: weft.matmul
// CHECK: return
func.func @constants(%x: tensor<8x16xf16>, %h: tensor<8x32xf16>, %v: tensor<16x24xf16> {weft.parameter}, %w: tensor<32x24xf16> {weft.parameter}) -> tensor<8x24xf16> {
  %three = weft.constant dense<3.0> : tensor<8x24xf16>
  %a = weft.matmul %x, %v : tensor<8x16xf16>, tensor<16x24xf16> -> tensor<8x24xf16>
  %b = weft.matmul %h, %w : tensor<8x32xf16>, tensor<32x24xf16> -> tensor<8x24xf16>
  %f = weft.mul %a, %three : tensor<8x24xf16>
  %y = weft.add %f, %b : tensor<8x24xf16>
  return %y : tensor<8x24xf16>
}

// -----

// The gates of a recurrent net; and three products, two at a time. One number
// is added to all columns.
// CHECK-LABEL: @matmuls
// CHECK-DAG: %[[XH:.*]] = weft.concatenate %arg0, %arg1 along 1 : tensor<8x16xf16>, tensor<8x32xf16> -> tensor<8x48xf16>
// CHECK-DAG: %[[R:.*]] = weft.concatenate %[[XH]], %arg2 along 1 : tensor<8x48xf16>, tensor<8x8xf16> -> tensor<8x56xf16>
// CHECK-DAG: %[[TWO:.*]] = weft.constant dense<2.000000e+00> : tensor<24xf32>
// CHECK-DAG: %[[HALF:.*]] = weft.constant dense<5.000000e-01> : tensor<16x24xf32>
// CHECK-DAG: %[[V0:.*]] = weft.cast %arg3
// CHECK-DAG: %[[V1:.*]] = weft.mul %[[V0]], %[[HALF]]
// CHECK-DAG: %[[V:.*]] = weft.cast %[[V1]]
// CHECK-DAG: %[[VW:.*]] = weft.concatenate %[[V]], %{{.*}} along 0 : tensor<16x24xf16>, tensor<32x24xf16> -> tensor<48x24xf16>
// CHECK-DAG: %[[F:.*]] = weft.div %[[TWO]], %[[M:.*]] : tensor<24xf32>
// CHECK-DAG: %[[VWF:.*]] = weft.cast %[[VW]]
// CHECK-DAG: %[[VWS:.*]] = weft.mul %[[VWF]], %{{.*}}
// CHECK-DAG: %[[VWN:.*]] = weft.cast %[[VWS]]
// CHECK-DAG: %[[C:.*]] = weft.concatenate %[[VWN]], %{{.*}} along 0
// CHECK-DAG: %[[P:.*]] = weft.matmul %[[R]], %[[C]]
// CHECK-DAG: %[[N1:.*]] = weft.cast %arg6 : tensor<1xf16> -> tensor<1xf32>
// CHECK-DAG: %[[N2:.*]] = weft.broadcast %[[N1]] : tensor<1xf32> -> tensor<24xf32>
// CHECK-NOT: weft.matmul
// CHECK: return
func.func @matmuls(%x: tensor<8x16xf16>, %h: tensor<8x32xf16>, %c: tensor<8x8xf16>, %v: tensor<16x24xf16> {weft.parameter}, %w: tensor<32x24xf16> {weft.parameter}, %u: tensor<8x24xf16> {weft.parameter}, %n: tensor<1xf16> {weft.parameter}) -> tensor<8x24xf16> {
  %a = weft.matmul %x, %v : tensor<8x16xf16>, tensor<16x24xf16> -> tensor<8x24xf16>
  %b = weft.matmul %h, %w : tensor<8x32xf16>, tensor<32x24xf16> -> tensor<8x24xf16>
  %n1 = weft.broadcast %n : tensor<1xf16> -> tensor<8x24xf16>
  %b1 = weft.add %b, %n1 : tensor<8x24xf16>
  %s = weft.add %a, %b1 : tensor<8x24xf16>
  %d = weft.matmul %c, %u : tensor<8x8xf16>, tensor<8x24xf16> -> tensor<8x24xf16>
  %y = weft.add %s, %d : tensor<8x24xf16>
  return %y : tensor<8x24xf16>
}

// -----

// What has another use is stored anyway: a product, and what follows it.
// CHECK-LABEL: @no_other_use
// CHECK-NOT: weft.concatenate
// CHECK: return
func.func @no_other_use(%x: tensor<8x16xf16>, %h: tensor<8x16xf16>, %v: tensor<16x24xf16> {weft.parameter}, %w: tensor<16x24xf16> {weft.parameter}, %n: tensor<24xf16> {weft.parameter}) -> (tensor<8x24xf16>, tensor<8x24xf16>, tensor<8x24xf16>, tensor<8x24xf16>, tensor<8x24xf16>) {
  %a = weft.matmul %x, %v : tensor<8x16xf16>, tensor<16x24xf16> -> tensor<8x24xf16>
  %b = weft.matmul %h, %w : tensor<8x16xf16>, tensor<16x24xf16> -> tensor<8x24xf16>
  %y = weft.add %a, %b : tensor<8x24xf16>
  %c = weft.matmul %h, %v : tensor<8x16xf16>, tensor<16x24xf16> -> tensor<8x24xf16>
  %d = weft.matmul %x, %w : tensor<8x16xf16>, tensor<16x24xf16> -> tensor<8x24xf16>
  %m = weft.broadcast %n : tensor<24xf16> -> tensor<8x24xf16>
  %e = weft.add %d, %m : tensor<8x24xf16>
  %z = weft.add %c, %e : tensor<8x24xf16>
  %f = weft.matmul %x, %v : tensor<8x16xf16>, tensor<16x24xf16> -> tensor<8x24xf16>
  %g = weft.add %f, %f : tensor<8x24xf16>
  return %y, %a, %z, %e, %g : tensor<8x24xf16>, tensor<8x24xf16>, tensor<8x24xf16>, tensor<8x24xf16>, tensor<8x24xf16>
}

// -----

// Windows that read neighbours or beside the image, groups, channels first.
// CHECK-LABEL: @no_windows
// CHECK-NOT: weft.concatenate
// CHECK: return
func.func @no_windows(%x: tensor<2x5x7x8xf16>, %v: tensor<8x1x1x8xf16> {weft.parameter}, %t: tensor<8x3x3x8xf16> {weft.parameter}, %g: tensor<8x1x1x4xf16> {weft.parameter}, %p: tensor<2x3x5x8xf16>, %f: tensor<2x8x5x7xf16>, %w: tensor<8x8x1x1xf16> {weft.parameter}) -> (tensor<2x5x7x8xf16>, tensor<2x5x7x8xf16>, tensor<2x5x7x8xf16>, tensor<2x8x5x7xf16>) {
  %a = weft.conv %x, %v stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<2x5x7x8xf16>, tensor<8x1x1x8xf16> -> tensor<2x5x7x8xf16>
  %b = weft.conv %x, %t stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1 channels_last : tensor<2x5x7x8xf16>, tensor<8x3x3x8xf16> -> tensor<2x5x7x8xf16>
  %y0 = weft.add %a, %b : tensor<2x5x7x8xf16>
  %c = weft.conv %x, %v stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<2x5x7x8xf16>, tensor<8x1x1x8xf16> -> tensor<2x5x7x8xf16>
  %d = weft.conv %x, %g stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 2 channels_last : tensor<2x5x7x8xf16>, tensor<8x1x1x4xf16> -> tensor<2x5x7x8xf16>
  %y1 = weft.add %c, %d : tensor<2x5x7x8xf16>
  %e = weft.conv %x, %v stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<2x5x7x8xf16>, tensor<8x1x1x8xf16> -> tensor<2x5x7x8xf16>
  %h = weft.conv %p, %v stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1 channels_last : tensor<2x3x5x8xf16>, tensor<8x1x1x8xf16> -> tensor<2x5x7x8xf16>
  %y2 = weft.add %e, %h : tensor<2x5x7x8xf16>
  %i = weft.conv %f, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 : tensor<2x8x5x7xf16>, tensor<8x8x1x1xf16> -> tensor<2x8x5x7xf16>
  %j = weft.conv %f, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 : tensor<2x8x5x7xf16>, tensor<8x8x1x1xf16> -> tensor<2x8x5x7xf16>
  %y3 = weft.add %i, %j : tensor<2x8x5x7xf16>
  return %y0, %y1, %y2, %y3 : tensor<2x5x7x8xf16>, tensor<2x5x7x8xf16>, tensor<2x5x7x8xf16>, tensor<2x8x5x7xf16>
}

// -----

// Of 32 bits; of two types; of weights, and of numbers, that come anew each
// time; numbers that differ from row to row.
// CHECK-LABEL: @no_parameters
// CHECK-NOT: weft.concatenate
// CHECK: return
func.func @no_parameters(%x: tensor<8x16xf16>, %v: tensor<16x24xf16> {weft.parameter}, %w: tensor<16x24xf16>, %n: tensor<24xf16>, %r: tensor<8x1xf16> {weft.parameter}, %f: tensor<8x16xf32>, %u: tensor<16x24xf32> {weft.parameter}) -> (tensor<8x24xf16>, tensor<8x24xf16>, tensor<8x24xf16>, tensor<8x24xf32>, tensor<8x24xf32>) {
  %a = weft.matmul %x, %v : tensor<8x16xf16>, tensor<16x24xf16> -> tensor<8x24xf16>
  %b = weft.matmul %x, %w : tensor<8x16xf16>, tensor<16x24xf16> -> tensor<8x24xf16>
  %y0 = weft.add %a, %b : tensor<8x24xf16>
  %c = weft.matmul %x, %v : tensor<8x16xf16>, tensor<16x24xf16> -> tensor<8x24xf16>
  %d = weft.matmul %x, %v : tensor<8x16xf16>, tensor<16x24xf16> -> tensor<8x24xf16>
  %m = weft.broadcast %n : tensor<24xf16> -> tensor<8x24xf16>
  %e = weft.add %d, %m : tensor<8x24xf16>
  %y1 = weft.add %c, %e : tensor<8x24xf16>
  %g = weft.matmul %x, %v : tensor<8x16xf16>, tensor<16x24xf16> -> tensor<8x24xf16>
  %h = weft.matmul %x, %v : tensor<8x16xf16>, tensor<16x24xf16> -> tensor<8x24xf16>
  %q = weft.broadcast %r : tensor<8x1xf16> -> tensor<8x24xf16>
  %i = weft.mul %h, %q : tensor<8x24xf16>
  %y2 = weft.add %g, %i : tensor<8x24xf16>
  %j = weft.matmul %f, %u : tensor<8x16xf32>, tensor<16x24xf32> -> tensor<8x24xf32>
  %k = weft.matmul %f, %u : tensor<8x16xf32>, tensor<16x24xf32> -> tensor<8x24xf32>
  %y3 = weft.add %j, %k : tensor<8x24xf32>
  %l = weft.matmul %x, %v : tensor<8x16xf16>, tensor<16x24xf16> -> tensor<8x24xf16>
  %o = weft.cast %l : tensor<8x24xf16> -> tensor<8x24xf32>
  %p = weft.matmul %f, %u : tensor<8x16xf32>, tensor<16x24xf32> -> tensor<8x24xf32>
  %y4 = weft.add %o, %p : tensor<8x24xf32>
  return %y0, %y1, %y2, %y3, %y4 : tensor<8x24xf16>, tensor<8x24xf16>, tensor<8x24xf16>, tensor<8x24xf32>, tensor<8x24xf32>
}

// -----

// Several matrices have weights of their own. What else is done to a summand is
// done before the sum.
// CHECK-LABEL: @no_others
// CHECK-NOT: weft.concatenate
// CHECK: return
func.func @no_others(%x: tensor<2x5x8xf16>, %v: tensor<2x8x4xf16> {weft.parameter}, %z: tensor<8x16xf16>, %w: tensor<16x24xf16> {weft.parameter}) -> (tensor<2x5x4xf16>, tensor<8x24xf16>) {
  %a = weft.matmul %x, %v : tensor<2x5x8xf16>, tensor<2x8x4xf16> -> tensor<2x5x4xf16>
  %b = weft.matmul %x, %v : tensor<2x5x8xf16>, tensor<2x8x4xf16> -> tensor<2x5x4xf16>
  %y0 = weft.add %a, %b : tensor<2x5x4xf16>
  %c = weft.matmul %z, %w : tensor<8x16xf16>, tensor<16x24xf16> -> tensor<8x24xf16>
  %d = weft.matmul %z, %w : tensor<8x16xf16>, tensor<16x24xf16> -> tensor<8x24xf16>
  %e = weft.relu %d : tensor<8x24xf16>
  %y1 = weft.add %c, %e : tensor<8x24xf16>
  return %y0, %y1 : tensor<2x5x4xf16>, tensor<8x24xf16>
}
