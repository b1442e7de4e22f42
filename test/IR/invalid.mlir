// One case for every rule of the verifiers.
// RUN: weft-opt %s -split-input-file -allow-unregistered-dialect -verify-diagnostics

// add: operands of one type
func.func @case(%x: tensor<2xf32>, %y: tensor<2xf16>) {
  // expected-error @below {{'weft.add' op requires the same type for all operands and results}}
  %0 = "weft.add"(%x, %y) : (tensor<2xf32>, tensor<2xf16>) -> tensor<2xf32>
  return
}

// -----

// add: operands of one shape
func.func @case(%x: tensor<2xf32>, %y: tensor<3xf32>) {
  // expected-error @below {{'weft.add' op all non-scalar operands/results must have the same shape and base type}}
  %0 = "weft.add"(%x, %y) : (tensor<2xf32>, tensor<3xf32>) -> tensor<2xf32>
  return
}

// -----

// exp: floating-point types only
func.func @case(%x: tensor<2xi32>) {
  // expected-error @below {{'weft.exp' op operand #0 must be statically shaped tensor of 64-bit float or 32-bit float or 16-bit float or bfloat16 type or f8E4M3FN type values, but got 'tensor<2xi32>'}}
  %0 = weft.exp %x : tensor<2xi32>
  return
}

// -----

// less: operands of one type
func.func @case(%x: tensor<2xf32>, %y: tensor<2xf16>) {
  // expected-error @below {{'weft.less' op requires all operands to have the same type}}
  %0 = "weft.less"(%x, %y) : (tensor<2xf32>, tensor<2xf16>) -> tensor<2xi1>
  return
}

// -----

// element types of the dialect only
func.func @case(%x: tensor<2xi16>) {
  // expected-error @below {{'weft.neg' op operand #0 must be statically shaped tensor of 64-bit float or 32-bit float or 16-bit float or bfloat16 type or f8E4M3FN type or 64-bit signless integer or 32-bit signless integer or 8-bit signless integer or 4-bit signless integer or 8-bit unsigned integer values, but got 'tensor<2xi16>'}}
  %0 = weft.neg %x : tensor<2xi16>
  return
}

// -----

// static shapes only
func.func @case(%x: tensor<?xf32>) {
  // expected-error @below {{'weft.neg' op operand #0 must be statically shaped tensor of 64-bit float or 32-bit float or 16-bit float or bfloat16 type or f8E4M3FN type or 64-bit signless integer or 32-bit signless integer or 8-bit signless integer or 4-bit signless integer or 8-bit unsigned integer values, but got 'tensor<?xf32>'}}
  %0 = weft.neg %x : tensor<?xf32>
  return
}

// -----

// constant: value and result of one type
func.func @case() {
  // expected-error @below {{'weft.constant' op failed to verify that all of {value, result} have same type}}
  %0 = "weft.constant"() {value = dense<1.0> : tensor<2xf32>} : () -> tensor<3xf32>
  return
}

// -----

// constant: a list of elements
func.func @case() {
  // expected-error @below {{'weft.constant' op failed to verify that all of {value, result} have same type}}
  %0 = "weft.constant"() {value = 1.0 : f32} : () -> tensor<f32>
  return
}

// -----

// splat: type of the scalar
func.func @case(%s: f16) {
  // expected-error @below {{splat: result has another type: scalar 'f16', result 'f32'}}
  %0 = weft.splat %s : f16 -> tensor<2xf32>
  return
}

// -----

// iota: axis
func.func @case() {
  // expected-error @below {{iota: axis out of range: axis 1, rank 1}}
  %0 = weft.iota 1 : tensor<2xi32>
  return
}

// -----

// iota: negative axis
func.func @case() {
  // expected-error @below {{iota: axis is negative: -1}}
  %0 = weft.iota -1 : tensor<2xi32>
  return
}

// -----

// concatenate: negative axis
func.func @case(%x: tensor<2x3xf32>) {
  // expected-error @below {{concatenate: axis is negative: -1}}
  %0 = weft.concatenate %x, %x along -1 : tensor<2x3xf32>, tensor<2x3xf32> -> tensor<2x6xf32>
  return
}

// -----

// where: condition is bool
func.func @case(%c: tensor<2xi32>, %x: tensor<2xf32>) {
  // expected-error @below {{'weft.where' op operand #0 must be statically shaped tensor of 1-bit signless integer values, but got 'tensor<2xi32>'}}
  %0 = weft.where %c, %x, %x : tensor<2xi32>, tensor<2xf32>
  return
}

// -----

// where: branches of one type
func.func @case(%c: tensor<2xi1>, %x: tensor<2xf32>, %y: tensor<3xf32>) {
  // expected-error @below {{'weft.where' op failed to verify that all of {x, y, result} have same type}}
  %0 = "weft.where"(%c, %x, %y) : (tensor<2xi1>, tensor<2xf32>, tensor<3xf32>) -> tensor<2xf32>
  return
}

// -----

// cast: shape stays
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{'weft.cast' op requires the same shape for all operands and results}}
  %0 = weft.cast %x : tensor<2xf32> -> tensor<3xi32>
  return
}

// -----

// broadcast: sizes
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{expand: shape does not broadcast to sizes: sizes [4, 3], shape [2]}}
  %0 = weft.broadcast %x : tensor<2xf32> -> tensor<4x3xf32>
  return
}

// -----

// broadcast: type stays
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{broadcast: result has another type: rule 'f32', written 'f16'}}
  %0 = weft.broadcast %x : tensor<2xf32> -> tensor<4x2xf16>
  return
}

// -----

// reshape: number of elements
func.func @case(%x: tensor<2x3xf32>) {
  // expected-error @below {{reshape: element counts differ: shape [2, 3], sizes [5]}}
  %0 = weft.reshape %x : tensor<2x3xf32> -> tensor<5xf32>
  return
}

// -----

// transpose: permutation
func.func @case(%x: tensor<2x3xf32>) {
  // expected-error @below {{transpose: duplicate axis: permutation [0, 0], shape [2, 3]}}
  %0 = weft.transpose %x [0, 0] : tensor<2x3xf32> -> tensor<2x2xf32>
  return
}

// -----

// transpose: result shape
func.func @case(%x: tensor<2x3xf32>) {
  // expected-error @below {{transpose: result has another shape: rule [3, 2], written [2, 3]}}
  %0 = weft.transpose %x [1, 0] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

// slice: elements inside
func.func @case(%x: tensor<4xf32>) {
  // expected-error @below {{slice: elements outside the tensor: start 2, step 1, size 3 of dim 0, shape [4]}}
  %0 = weft.slice %x from [2] by [1] : tensor<4xf32> -> tensor<3xf32>
  return
}

// -----

// slice: one start and step a dim
func.func @case(%x: tensor<4xf32>) {
  // expected-error @below {{slice: not one start, step and size a dim: 2 starts, 2 steps, 1 sizes, shape [4]}}
  %0 = weft.slice %x from [0, 0] by [1, 1] : tensor<4xf32> -> tensor<3xf32>
  return
}

// -----

// concatenate: other sizes equal
func.func @case(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) {
  // expected-error @below {{concatenate: sizes differ outside the axis: [2, 3] and [2, 4], axis 0}}
  %0 = weft.concatenate %x, %y along 0 : tensor<2x3xf32>, tensor<2x4xf32> -> tensor<4x3xf32>
  return
}

// -----

// concatenate: one type
func.func @case(%x: tensor<2xf32>, %y: tensor<2xf16>) {
  // expected-error @below {{concatenate: operand types differ: 'f32' and 'f16'}}
  %0 = weft.concatenate %x, %y along 0 : tensor<2xf32>, tensor<2xf16> -> tensor<4xf32>
  return
}

// -----

// concatenate: something
func.func @case() {
  // expected-error @below {{concatenate: no inputs}}
  %0 = "weft.concatenate"() {axis = 0 : i64} : () -> tensor<4xf32>
  return
}

// -----

// resample: one of each a dim
func.func @case(%x: tensor<4xf32>) {
  // expected-error @below {{resample: not one start, step, divisor and size a dim: 1 starts, 2 steps, 1 divisors, 1 sizes, shape [4]}}
  %0 = weft.resample %x from [0] by [1, 1] over [1] : tensor<4xf32> -> tensor<4xf32>
  return
}

// -----

// resample: step
func.func @case(%x: tensor<4xf32>) {
  // expected-error @below {{resample: negative step: start 3, step -1, divisor 1, size 4 of dim 0, shape [4]}}
  %0 = weft.resample %x from [3] by [-1] over [1] : tensor<4xf32> -> tensor<4xf32>
  return
}

// -----

// resample: divisor
func.func @case(%x: tensor<4xf32>) {
  // expected-error @below {{resample: divisor below 1: start 0, step 1, divisor 0, size 4 of dim 0, shape [4]}}
  %0 = weft.resample %x from [0] by [1] over [0] : tensor<4xf32> -> tensor<4xf32>
  return
}

// -----

// resample: two before the first
func.func @case(%x: tensor<4xf32>) {
  // expected-error @below {{resample: elements outside the tensor: start -3, step 1, divisor 2, size 4 of dim 0, shape [4]}}
  %0 = weft.resample %x from [-3] by [1] over [2] : tensor<4xf32> -> tensor<4xf32>
  return
}

// -----

// resample: two behind the last
func.func @case(%x: tensor<4xf32>) {
  // expected-error @below {{resample: elements outside the tensor: start 1, step 3, divisor 2, size 4 of dim 0, shape [4]}}
  %0 = weft.resample %x from [1] by [3] over [2] : tensor<4xf32> -> tensor<4xf32>
  return
}

// -----

// resample: nothing to take
func.func @case(%x: tensor<0xf32>) {
  // expected-error @below {{resample: elements outside the tensor: start 0, step 1, divisor 1, size 1 of dim 0, shape [0]}}
  %0 = weft.resample %x from [0] by [1] over [1] : tensor<0xf32> -> tensor<1xf32>
  return
}

// -----

// resample: beyond 62 bits
func.func @case(%x: tensor<4xf32>) {
  // expected-error @below {{resample: too large to count with: start 0, step 0, divisor 9223372036854775807, size 2 of dim 0, shape [4]}}
  %0 = weft.resample %x from [0] by [0] over [9223372036854775807] : tensor<4xf32> -> tensor<2xf32>
  return
}

// -----

// as_strided: rank 1
func.func @case(%x: tensor<2x2xf32>) {
  // expected-error @below {{as_strided: x must have rank 1: got [2, 2]}}
  %0 = weft.as_strided %x offset 0 strides [1] : tensor<2x2xf32> -> tensor<2xf32>
  return
}

// -----

// as_strided: strides
func.func @case(%x: tensor<4xf32>) {
  // expected-error @below {{as_strided: one stride a dimension: got 2 for rank 1}}
  %0 = weft.as_strided %x offset 0 strides [1, 1] : tensor<4xf32> -> tensor<2xf32>
  return
}

// -----

// as_strided: inside
func.func @case(%x: tensor<4xf32>) {
  // expected-error @below {{as_strided: elements outside x: reaches -1 to 1 of 4}}
  %0 = weft.as_strided %x offset 1 strides [-2] : tensor<4xf32> -> tensor<2xf32>
  return
}

// -----

// sum: axes
func.func @case(%x: tensor<2x3xf32>) {
  // expected-error @below {{sum: axes are not ascending dims of the tensor: axes [2], shape [2, 3]}}
  %0 = weft.sum %x over [2] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

// sum: result shape
func.func @case(%x: tensor<2x3xf32>) {
  // expected-error @below {{sum: result has another shape: rule [2], written [3]}}
  %0 = weft.sum %x over [1] : tensor<2x3xf32> -> tensor<3xf32>
  return
}

// -----

// sum: result type
func.func @case(%x: tensor<2x3xf16>) {
  // expected-error @below {{sum: result has another type: rule 'f16', written 'f32'}}
  %0 = weft.sum %x over [1] : tensor<2x3xf16> -> tensor<2xf32>
  return
}

// -----

// max: of nothing
func.func @case(%x: tensor<2x0xf32>) {
  // expected-error @below {{max: no value over an empty axis: axis 1, shape [2, 0]}}
  %0 = weft.max %x over [1] : tensor<2x0xf32> -> tensor<2xf32>
  return
}

// -----

// all: bool only
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{'weft.all' op operand #0 must be statically shaped tensor of 1-bit signless integer values, but got 'tensor<2xf32>'}}
  %0 = weft.all %x over [0] : tensor<2xf32> -> tensor<f32>
  return
}

// -----

// argmax: of nothing
func.func @case(%x: tensor<2x0xf32>) {
  // expected-error @below {{argmax: no value over an empty axis: axis 1, shape [2, 0]}}
  %0 = weft.argmax %x over 1 : tensor<2x0xf32> -> tensor<2xi32>
  return
}

// -----

// argmax: more positions than i32 counts
func.func @case(%x: tensor<3000000000xi8>) {
  // expected-error @below {{argmax: positions do not fit int32: axis 0 has 3000000000 elements, at most 2147483647}}
  %0 = weft.argmax %x over 0 : tensor<3000000000xi8> -> tensor<i32>
  return
}

// -----

// argmax: positions are i32
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{'weft.argmax' op result #0 must be statically shaped tensor of 32-bit signless integer values, but got 'tensor<i64>'}}
  %0 = weft.argmax %x over 0 : tensor<2xf32> -> tensor<i64>
  return
}

// -----

// softmax: axis
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{softmax: axis out of range: axis 1, rank 1}}
  %0 = weft.softmax %x over 1 : tensor<2xf32>
  return
}

// -----

// batch_norm: channels
func.func @case(%x: tensor<2x3xf32>, %p: tensor<3xf32>, %q: tensor<4xf32>) {
  // expected-error @below {{batch_norm: running_mean does not match the channels: running_mean [4], input [2, 3]}}
  %0 = weft.batch_norm %x, %p, %p, %q, %p eps 1.0e-5 : tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xf32>, tensor<3xf32>
  return
}

// -----

// matmul: inner sizes
func.func @case(%x: tensor<4x3xf32>, %y: tensor<5x2xf32>) {
  // expected-error @below {{matmul: inner sizes differ: lhs [4, 3], rhs [5, 2]}}
  %0 = weft.matmul %x, %y : tensor<4x3xf32>, tensor<5x2xf32> -> tensor<4x2xf32>
  return
}

// -----

// matmul: one type
func.func @case(%x: tensor<4x3xf32>, %y: tensor<3x2xf16>) {
  // expected-error @below {{matmul: operand types differ: 'f32' and 'f16'}}
  %0 = weft.matmul %x, %y : tensor<4x3xf32>, tensor<3x2xf16> -> tensor<4x2xf32>
  return
}

// -----

// attention: one type
func.func @case(%q: tensor<4x8xf16>, %k: tensor<6x8xf32>, %v: tensor<6x3xf16>, %s: tensor<f16>) {
  // expected-error @below {{attention: operand types differ: 'f16' and 'f32'}}
  %0 = weft.attention %q, %k, %v, %s : (tensor<4x8xf16>, tensor<6x8xf32>, tensor<6x3xf16>, tensor<f16>) -> tensor<4x3xf16>
  return
}

// -----

// attention: rows
func.func @case(%q: tensor<8xf16>, %k: tensor<8xf16>, %v: tensor<8xf16>, %s: tensor<f16>) {
  // expected-error @below {{attention: query has no rows: [8]}}
  %0 = weft.attention %q, %k, %v, %s : (tensor<8xf16>, tensor<8xf16>, tensor<8xf16>, tensor<f16>) -> tensor<8xf16>
  return
}

// -----

// attention: ranks
func.func @case(%q: tensor<4x8xf16>, %k: tensor<2x6x8xf16>, %v: tensor<6x3xf16>, %s: tensor<f16>) {
  // expected-error @below {{attention: ranks differ: query 2, key 3, value 2}}
  %0 = weft.attention %q, %k, %v, %s : (tensor<4x8xf16>, tensor<2x6x8xf16>, tensor<6x3xf16>, tensor<f16>) -> tensor<4x3xf16>
  return
}

// -----

// attention: depth
func.func @case(%q: tensor<4x8xf16>, %k: tensor<6x9xf16>, %v: tensor<6x3xf16>, %s: tensor<f16>) {
  // expected-error @below {{attention: key has another shape: rule [6, 8], written [6, 9]}}
  %0 = weft.attention %q, %k, %v, %s : (tensor<4x8xf16>, tensor<6x9xf16>, tensor<6x3xf16>, tensor<f16>) -> tensor<4x3xf16>
  return
}

// -----

// attention: batch
func.func @case(%q: tensor<2x4x8xf16>, %k: tensor<3x6x8xf16>, %v: tensor<2x6x3xf16>, %s: tensor<f16>) {
  // expected-error @below {{attention: key has another shape: rule [2, 6, 8], written [3, 6, 8]}}
  %0 = weft.attention %q, %k, %v, %s : (tensor<2x4x8xf16>, tensor<3x6x8xf16>, tensor<2x6x3xf16>, tensor<f16>) -> tensor<2x4x3xf16>
  return
}

// -----

// attention: keys
func.func @case(%q: tensor<4x8xf16>, %k: tensor<6x8xf16>, %v: tensor<7x3xf16>, %s: tensor<f16>) {
  // expected-error @below {{attention: value has another shape: rule [6, 3], written [7, 3]}}
  %0 = weft.attention %q, %k, %v, %s : (tensor<4x8xf16>, tensor<6x8xf16>, tensor<7x3xf16>, tensor<f16>) -> tensor<4x3xf16>
  return
}

// -----

// attention: one scale
func.func @case(%q: tensor<4x8xf16>, %k: tensor<6x8xf16>, %v: tensor<6x3xf16>, %s: tensor<1xf16>) {
  // expected-error @below {{attention: scale has another shape: rule [], written [1]}}
  %0 = weft.attention %q, %k, %v, %s : (tensor<4x8xf16>, tensor<6x8xf16>, tensor<6x3xf16>, tensor<1xf16>) -> tensor<4x3xf16>
  return
}

// -----

// attention: a bias for every score
func.func @case(%q: tensor<4x8xf16>, %k: tensor<6x8xf16>, %v: tensor<6x3xf16>, %s: tensor<f16>, %b: tensor<6xf16>) {
  // expected-error @below {{attention: bias has another shape: rule [4, 6], written [6]}}
  %0 = weft.attention %q, %k, %v, %s, %b : (tensor<4x8xf16>, tensor<6x8xf16>, tensor<6x3xf16>, tensor<f16>, tensor<6xf16>) -> tensor<4x3xf16>
  return
}

// -----

// attention: result
func.func @case(%q: tensor<4x8xf16>, %k: tensor<6x8xf16>, %v: tensor<6x3xf16>, %s: tensor<f16>) {
  // expected-error @below {{attention: result has another shape: rule [4, 3], written [4, 8]}}
  %0 = weft.attention %q, %k, %v, %s : (tensor<4x8xf16>, tensor<6x8xf16>, tensor<6x3xf16>, tensor<f16>) -> tensor<4x8xf16>
  return
}

// -----

func.func @attention_scores_too_large(%q: tensor<9223372036854775807x3xf16>, %k: tensor<4x3xf16>, %v: tensor<4x5xf16>, %s: tensor<f32>) {
  // expected-error @below {{matmul: too many elements: shape [9223372036854775807, 3], limit 576460752303423488}}
  %0 = weft.attention %q, %k, %v, %s : (tensor<9223372036854775807x3xf16>, tensor<4x3xf16>, tensor<4x5xf16>, tensor<f32>) -> tensor<9223372036854775807x5xf16>
  return
}

// -----

// conv: channels
func.func @case(%x: tensor<1x2x4xf32>, %w: tensor<3x3x1xf32>) {
  // expected-error @below {{conv: input channels are not weight channels x groups: input [1, 2, 4], weight [3, 3, 1], groups 1}}
  %0 = weft.conv %x, %w stride [1] padding [0, 0] dilation [1] groups 1 : tensor<1x2x4xf32>, tensor<3x3x1xf32> -> tensor<1x3x4xf32>
  return
}

// -----

// conv: channels, where they are last
func.func @case(%x: tensor<1x4x2xf32>, %w: tensor<3x1x3xf32>) {
  // expected-error @below {{conv: input channels are not weight channels x groups: input [1, 2, 4], weight [3, 3, 1], groups 1}}
  %0 = weft.conv %x, %w stride [1] padding [0, 0] dilation [1] groups 1 channels_last : tensor<1x4x2xf32>, tensor<3x1x3xf32> -> tensor<1x4x3xf32>
  return
}

// -----

// conv: the result's channels are last, too
func.func @case(%x: tensor<1x4x2xf32>, %w: tensor<3x1x2xf32>) {
  // expected-error @below {{conv: result has another shape: rule [1, 4, 3], written [1, 3, 4]}}
  %0 = weft.conv %x, %w stride [1] padding [0, 0] dilation [1] groups 1 channels_last : tensor<1x4x2xf32>, tensor<3x1x2xf32> -> tensor<1x3x4xf32>
  return
}

// -----

// conv: one type
func.func @case(%x: tensor<1x2x4xf32>, %w: tensor<3x2x1xf16>) {
  // expected-error @below {{conv: operand types differ: 'f32' and 'f16'}}
  %0 = weft.conv %x, %w stride [1] padding [0, 0] dilation [1] groups 1 : tensor<1x2x4xf32>, tensor<3x2x1xf16> -> tensor<1x3x4xf32>
  return
}

// -----

// conv: stride
func.func @case(%x: tensor<1x2x4xf32>, %w: tensor<3x2x1xf32>) {
  // expected-error @below {{conv: stride below 1: got [0]}}
  %0 = weft.conv %x, %w stride [0] padding [0, 0] dilation [1] groups 1 : tensor<1x2x4xf32>, tensor<3x2x1xf32> -> tensor<1x3x4xf32>
  return
}

// -----

// conv: bias
func.func @case(%x: tensor<1x2x4xf32>, %w: tensor<3x2x1xf32>, %b: tensor<2xf32>) {
  // expected-error @below {{conv: bias does not match the output channels: bias [2], weight [3, 2, 1]}}
  %0 = weft.conv %x, %w, %b stride [1] padding [0, 0] dilation [1] groups 1 : tensor<1x2x4xf32>, tensor<3x2x1xf32>, tensor<2xf32> -> tensor<1x3x4xf32>
  return
}

// -----

// maxpool: window
func.func @case(%x: tensor<1x2x4xf32>) {
  // expected-error @below {{maxpool: kernel is larger than the padded input: kernel [5] with dilation [1], input [1, 2, 4] with padding [0, 0]}}
  %0 = weft.maxpool %x kernel [5] stride [1] padding [0, 0] : tensor<1x2x4xf32> -> tensor<1x2x1xf32>
  return
}

// -----

// avgpool: padding
func.func @case(%x: tensor<1x2x4xf32>) {
  // expected-error @below {{avgpool: wrong number of paddings: got 1, expected 2 for 1 spatial dims}}
  %0 = weft.avgpool %x kernel [2] stride [1] padding [0] count_include_pad true : tensor<1x2x4xf32> -> tensor<1x2x3xf32>
  return
}

// -----

// group: results
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{group: yielded values and results differ in type}}
  %0 = weft.group(%a = %x) : tensor<2xf32> -> tensor<3xf32> {
    weft.yield %a : tensor<2xf32>
  }
  return
}

// -----

// group: arguments
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{group: arguments and operands differ in type}}
  %0 = "weft.group"(%x) ({
  ^bb0(%a: tensor<3xf32>):
    weft.yield %a : tensor<3xf32>
  }) : (tensor<2xf32>) -> tensor<3xf32>
  return
}

// -----

// group: no group
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{group: holds an op that is not element-wise, a view, a source, a reduction or a window: weft.group}}
  %0 = weft.group(%a = %x) : tensor<2xf32> -> tensor<2xf32> {
    %b = weft.group(%c = %a) : tensor<2xf32> -> tensor<2xf32> {
      weft.yield %c : tensor<2xf32>
    }
    weft.yield %b : tensor<2xf32>
  }
  return
}

// -----

// reduce_precision: TF32 is a part of f32
func.func @case(%x: tensor<2xf16>) {
  // expected-error @below {{reduce_precision: tf32 is of f32: got 'f16'}}
  %y = weft.reduce_precision %x tf32 : tensor<2xf16>
  return
}

// -----

// matmul, conv: weights in TF32 likewise
func.func @case(%x: tensor<2x2xbf16>) {
  // expected-error @below {{matmul: tf32 is of f32: got 'bf16'}}
  %y = weft.matmul %x, %x tf32_weights : tensor<2x2xbf16>, tensor<2x2xbf16> -> tensor<2x2xbf16>
  return
}

// -----

func.func @case(%x: tensor<1x2x2xf16>) {
  // expected-error @below {{conv: tf32 is of f32: got 'f16'}}
  %y = weft.conv %x, %x stride [1] padding [0, 0] dilation [1] groups 1 tf32_weights : tensor<1x2x2xf16>, tensor<1x2x2xf16> -> tensor<1x1x1xf16>
  return
}

// -----

// constant: dense elements, which code generation reads
func.func @case() {
  // expected-error @below {{constant: elements are not dense: sparse<0, 1.000000e+00> : tensor<4xf32>}}
  %0 = weft.constant sparse<[[0]], [1.0]> : tensor<4xf32>
  return
}

// -----

// as_strided: 4 strides of 2^62 wrap to 0
func.func @case(%x: tensor<6xf32>) {
  // expected-error @below {{as_strided: elements outside x: reaches 0 to 9223372036854775807 of 6}}
  %0 = weft.as_strided %x offset 0 strides [4611686018427387904] : tensor<6xf32> -> tensor<5xf32>
  return
}

// -----

// as_strided: sums of strides wrap as well
func.func @case(%x: tensor<6xf32>) {
  // expected-error @below {{as_strided: elements outside x: reaches 0 to 9223372036854775807 of 6}}
  %0 = weft.as_strided %x offset 0 strides [4611686018427387904, 4611686018427387904] : tensor<6xf32> -> tensor<2x2xf32>
  return
}

// -----

// as_strided: downwards
func.func @case(%x: tensor<6xf32>) {
  // expected-error @below {{as_strided: elements outside x: reaches -9223372036854775808 to 0 of 6}}
  %0 = weft.as_strided %x offset 0 strides [-1000000000000] : tensor<6xf32> -> tensor<1099511627776xf32>
  return
}

// -----

// group: types of the operands
func.func @case(%x: vector<4xf32>) {
  // expected-error @below {{'weft.group' op operand #0 must be variadic of a tensor or number of the dialect, but got 'vector<4xf32>'}}
  %0 = weft.group(%a = %x) : vector<4xf32> -> tensor<4xf32> {
    %c = weft.constant dense<0.0> : tensor<4xf32>
    weft.yield %c : tensor<4xf32>
  }
  return
}

// -----

// group: terminator
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{'weft.group' op expects regions to end with 'weft.yield', found 'test.end'}}
  // expected-note @below {{in custom textual format, the absence of terminator implies 'weft.yield'}}
  %0 = "weft.group"(%x) ({
  ^bb0(%a: tensor<2xf32>):
    "test.end"(%a) : (tensor<2xf32>) -> ()
  }) : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

// group: results
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{group: no results}}
  "weft.group"(%x) ({
  ^bb0(%a: tensor<2xf32>):
    "weft.yield"() : () -> ()
  }) : (tensor<2xf32>) -> ()
  return
}

// -----

// group: ops of a kind
func.func @case(%x: tensor<4xf32>) {
  // expected-error @below {{group: holds an op that is not element-wise, a view, a source, a reduction or a window: weft.softmax}}
  %0 = weft.group(%a = %x) : tensor<4xf32> -> tensor<4xf32> {
    %b = weft.softmax %a over 0 : tensor<4xf32>
    weft.yield %b : tensor<4xf32>
  }
  return
}

// -----

// group: constants
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{group: holds a constant with different elements: 'tensor<2xf32>'}}
  %0 = weft.group(%a = %x) : tensor<2xf32> -> tensor<2xf32> {
    %b = weft.constant dense<[1.0, 2.0]> : tensor<2xf32>
    %c = weft.add %a, %b : tensor<2xf32>
    weft.yield %c : tensor<2xf32>
  }
  return
}

// -----

// group: shapes of the results
func.func @case(%x: tensor<4xf32>, %y: tensor<6xf32>) {
  // expected-error @below {{group: a result has elements for neither rows nor points of the loops: result [6], rows 4, points 4}}
  %0:2 = weft.group(%a = %x, %b = %y) : tensor<4xf32>, tensor<6xf32> -> tensor<4xf32>, tensor<6xf32> {
    weft.yield %a, %b : tensor<4xf32>, tensor<6xf32>
  }
  return
}

// -----

// group: shapes of the results around a reduction
func.func @case(%x: tensor<2x3xf32>) {
  // expected-error @below {{group: a result has elements for neither rows nor points of the loops: result [2, 3, 5], rows 2, points 6}}
  %0 = weft.group(%a = %x) : tensor<2x3xf32> -> tensor<2x3x5xf32> {
    %b = weft.sum %a over [1] : tensor<2x3xf32> -> tensor<2xf32>
    %c = weft.reshape %b : tensor<2xf32> -> tensor<2x1x1xf32>
    %d = weft.broadcast %c : tensor<2x1x1xf32> -> tensor<2x3x5xf32>
    weft.yield %d : tensor<2x3x5xf32>
  }
  return
}

// -----

// group: reductions of one shape
func.func @case(%x: tensor<4x4xf32>) {
  // expected-error @below {{group: reduces different shapes: [4, 4] and [4]}}
  %0 = weft.group(%a = %x) : tensor<4x4xf32> -> tensor<f32> {
    %b = weft.sum %a over [1] : tensor<4x4xf32> -> tensor<4xf32>
    %c = weft.sum %b over [0] : tensor<4xf32> -> tensor<f32>
    weft.yield %c : tensor<f32>
  }
  return
}

// -----

// group: reductions over the same axes
func.func @case(%x: tensor<4x4xf32>) {
  // expected-error @below {{group: reduces different axes: [0] and [1]}}
  %0 = weft.group(%a = %x) : tensor<4x4xf32> -> tensor<4xf32> {
    %b = weft.sum %a over [0] : tensor<4x4xf32> -> tensor<4xf32>
    %c = weft.argmax %a over 1 : tensor<4x4xf32> -> tensor<4xi32>
    %d = weft.cast %c : tensor<4xi32> -> tensor<4xf32>
    %e = weft.add %b, %d : tensor<4xf32>
    weft.yield %e : tensor<4xf32>
  }
  return
}

// -----

// group: of the pooling behind a convolution, nothing else is a result
func.func @case(%x: tensor<1x4x8x8xf16>, %w: tensor<4x4x1x1xf16>) {
  // expected-error @below {{group: two ops with loop nests of their own: weft.conv and weft.maxpool}}
  %0:2 = weft.group(%a = %x, %b = %w) : tensor<1x4x8x8xf16>, tensor<4x4x1x1xf16> -> tensor<1x4x8x8xf16>, tensor<1x4x4x4xf16> {
    %c = weft.conv %a, %b stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 : tensor<1x4x8x8xf16>, tensor<4x4x1x1xf16> -> tensor<1x4x8x8xf16>
    %d = weft.maxpool %c kernel [2, 2] stride [2, 2] padding [0, 0, 0, 0] : tensor<1x4x8x8xf16> -> tensor<1x4x4x4xf16>
    weft.yield %c, %d : tensor<1x4x8x8xf16>, tensor<1x4x4x4xf16>
  }
  return
}

// -----

// group: one window
func.func @case(%x: tensor<4x4xf32>) {
  // expected-error @below {{group: two ops with loop nests of their own: weft.matmul and weft.sum}}
  %0 = weft.group(%a = %x) : tensor<4x4xf32> -> tensor<4xf32> {
    %b = weft.matmul %a, %a : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
    %c = weft.sum %b over [1] : tensor<4x4xf32> -> tensor<4xf32>
    weft.yield %c : tensor<4xf32>
  }
  return
}

// -----

// group: the second of two products reads what is not kept
func.func @case(%x: tensor<4x4xf32>) {
  // expected-error @below {{group: two ops with loop nests of their own: weft.matmul and weft.matmul}}
  %0 = weft.group(%a = %x) : tensor<4x4xf32> -> tensor<4x4xf32> {
    %b = weft.matmul %a, %a : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
    %c = weft.matmul %b, %a : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
    weft.yield %c : tensor<4x4xf32>
  }
  return
}

// -----

// group: the second of two products has it as weights
func.func @case(%x: tensor<4x4xf32>) {
  // expected-error @below {{group: two ops with loop nests of their own: weft.matmul and weft.matmul}}
  %0:2 = weft.group(%a = %x) : tensor<4x4xf32> -> tensor<4x4xf32>, tensor<4x4xf32> {
    %b = weft.matmul %a, %a : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
    %c = weft.matmul %a, %b : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
    weft.yield %b, %c : tensor<4x4xf32>, tensor<4x4xf32>
  }
  return
}

// -----

// group: a pair as one product
func.func @case(%x: tensor<4x4xf32>) {
  // expected-error @below {{group: schedule does not fit what the group holds: schedule gemm, holds pair}}
  %0:2 = weft.group(%a = %x) schedule(<gemm>) : tensor<4x4xf32> -> tensor<4x4xf32>, tensor<4x4xf32> {
    %b = weft.matmul %a, %a : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
    %c = weft.matmul %b, %a : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
    weft.yield %b, %c : tensor<4x4xf32>, tensor<4x4xf32>
  }
  return
}

// -----

// group: a loop around a reduction
func.func @case(%x: tensor<4xf32>) {
  // expected-error @below {{group: schedule does not fit what the group holds: schedule loop, holds row}}
  %0 = weft.group(%a = %x) schedule(<loop>) : tensor<4xf32> -> tensor<f32> {
    %b = weft.sum %a over [0] : tensor<4xf32> -> tensor<f32>
    weft.yield %b : tensor<f32>
  }
  return
}

// -----

// group: columns for rows
func.func @case(%x: tensor<4x5x1xf32>) {
  // expected-error @below {{group: schedule does not fit what the group holds: schedule row, holds column}}
  %0 = weft.group(%a = %x) schedule(<row>) : tensor<4x5x1xf32> -> tensor<5xf32> {
    %b = weft.max %a over [0, 2] : tensor<4x5x1xf32> -> tensor<5xf32>
    weft.yield %b : tensor<5xf32>
  }
  return
}

// -----

// group: a matrix product without one
func.func @case(%x: tensor<4xf32>) {
  // expected-error @below {{group: schedule does not fit what the group holds: schedule gemm, holds loop}}
  %0 = weft.group(%a = %x) schedule(<gemm>) : tensor<4xf32> -> tensor<4xf32> {
    %b = weft.relu %a : tensor<4xf32>
    weft.yield %b : tensor<4xf32>
  }
  return
}

// -----

// group: a window that is a matrix product
func.func @case(%x: tensor<1x2x4xf32>) {
  // expected-error @below {{group: schedule does not fit what the group holds: schedule gemm, holds window}}
  %0 = weft.group(%a = %x) schedule(<gemm>) : tensor<1x2x4xf32> -> tensor<1x2x2xf32> {
    %b = weft.maxpool %a kernel [2] stride [2] padding [0, 0] : tensor<1x2x4xf32> -> tensor<1x2x2xf32>
    weft.yield %b : tensor<1x2x2xf32>
  }
  return
}

// -----

// conv: type of the bias
func.func @case(%x: tensor<1x2x4xf32>, %w: tensor<3x2x1xf32>, %b: tensor<3xf64>) {
  // expected-error @below {{conv: bias is not of x's type or f32 for a narrower x: x 'f32', bias 'f64'}}
  %0 = weft.conv %x, %w, %b stride [1] padding [0, 0] dilation [1] groups 1 : tensor<1x2x4xf32>, tensor<3x2x1xf32>, tensor<3xf64> -> tensor<1x3x4xf32>
  return
}

// -----

// conv: a narrower bias
func.func @case(%x: tensor<1x2x4xf64>, %w: tensor<3x2x1xf64>, %b: tensor<3xf32>) {
  // expected-error @below {{conv: bias is not of x's type or f32 for a narrower x: x 'f64', bias 'f32'}}
  %0 = weft.conv %x, %w, %b stride [1] padding [0, 0] dilation [1] groups 1 : tensor<1x2x4xf64>, tensor<3x2x1xf64>, tensor<3xf32> -> tensor<1x3x4xf64>
  return
}

// -----

// batch_norm: types of the parameters
func.func @case(%x: tensor<2x3xf32>, %p: tensor<3xf32>, %q: tensor<3xf64>) {
  // expected-error @below {{batch_norm: running_var is not of x's type or f32 for a narrower x: x 'f32', running_var 'f64'}}
  %0 = weft.batch_norm %x, %p, %p, %p, %q eps 1.0e-5 : tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf64>
  return
}

// -----

// batch_norm: eps
func.func @case(%x: tensor<2x3xf32>, %p: tensor<3xf32>) {
  // expected-error @below {{batch_norm: eps is negative or not finite: got -1.000000e+00}}
  %0 = weft.batch_norm %x, %p, %p, %p, %p eps -1.0 : tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
  return
}

// -----

// weft.offsets: one a result
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{weft.offsets: must be one offset, or -1, a result: got array<i64> for 1 results}}
  %0 = weft.group(%a = %x) attributes {weft.offsets = array<i64>} : tensor<2xf32> -> tensor<2xf32> {
    weft.yield %a : tensor<2xf32>
  }
  return
}

// -----

// weft.offsets: no negative one but -1
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{weft.offsets: must be one offset, or -1, a result: got array<i64: -2> for 1 results}}
  %0 = weft.group(%a = %x) attributes {weft.offsets = array<i64: -2>} : tensor<2xf32> -> tensor<2xf32> {
    weft.yield %a : tensor<2xf32>
  }
  return
}

// -----

// weft.offsets, weft.in_place: of i64
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{weft.offsets: must be an array of i64}}
  %0 = weft.group(%a = %x) attributes {weft.offsets = array<i1: 0>} : tensor<2xf32> -> tensor<2xf32> {
    weft.yield %a : tensor<2xf32>
  }
  return
}

// -----

func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{weft.in_place: must be an array of i64}}
  %0 = weft.group(%a = %x) attributes {weft.in_place = array<i1: 0>} : tensor<2xf32> -> tensor<2xf32> {
    weft.yield %a : tensor<2xf32>
  }
  return
}

// -----

// weft.in_place: one a result
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{weft.in_place: must be one operand, or -1, a result: got array<i64: 0, 0> for 1 results}}
  %0 = weft.group(%a = %x) attributes {weft.in_place = array<i64: 0, 0>} : tensor<2xf32> -> tensor<2xf32> {
    weft.yield %a : tensor<2xf32>
  }
  return
}

// -----

// weft.in_place: an operand of the group
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{weft.in_place: must be one operand, or -1, a result: got array<i64: 1> for 1 results}}
  %0 = weft.group(%a = %x) attributes {weft.in_place = array<i64: 1>} : tensor<2xf32> -> tensor<2xf32> {
    weft.yield %a : tensor<2xf32>
  }
  return
}

// -----

// weft.in_place: not over what is read at other places
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{weft.in_place: result 0 cannot be written over operand 0}}
  %0 = weft.group(%a = %x) attributes {weft.in_place = array<i64: 0>} : tensor<2xf32> -> tensor<2xf32> {
    %r = weft.slice %a from [1] by [-1] : tensor<2xf32> -> tensor<2xf32>
    weft.yield %r : tensor<2xf32>
  }
  return
}

// -----

// weft.in_place: two results over one operand
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{weft.in_place: result 1 cannot be written over operand 0}}
  %0:2 = weft.group(%a = %x) attributes {weft.in_place = array<i64: 0, 0>} : tensor<2xf32> -> tensor<2xf32>, tensor<2xf32> {
    %r = weft.neg %a : tensor<2xf32>
    weft.yield %r, %a : tensor<2xf32>, tensor<2xf32>
  }
  return
}

// -----

// weft.arena_bytes: a size
// expected-error @below {{weft.arena_bytes: must be an i64 of at least 0 and below 9223372036854775807: got -256 : i64}}
func.func @case() attributes {weft.arena_bytes = -256} {
  return
}

// -----

// attributes of the dialect only
func.func @case(%x: tensor<2xf32>) {
  // expected-error @below {{weft.arena_bytes: no attribute of weft.neg}}
  %0 = weft.neg %x {weft.arena_bytes = 0} : tensor<2xf32>
  return
}

// -----

// weft.prepared: a result number
// expected-error @below {{weft.prepared: must be an i64 of at least 0 and below 1: got -1 : i64}}
func.func @case(%x: tensor<2xf32> {weft.prepared = -1}) {
  return
}

// -----

// weft.prepared: an argument for every result number below
// expected-error @below {{weft.prepared: must be an i64 of at least 0 and below 1: got 1 : i64}}
func.func @case(%x: tensor<2xf32> {weft.prepared = 1}) {
  return
}

// -----

// weft.parts: a number, of a function
// expected-error @below {{weft.parts: must be an i64 of at least 0 and below 2147483647: got -2 : i64}}
func.func @case() attributes {weft.parts = -2} {
  return
}

// -----

// weft.part: a mark
// expected-error @below {{weft.part: takes no value: got 1 : i64}}
func.func @case(%x: tensor<2xf32> {weft.part = 1}) {
  return
}

// -----

// weft.part: on a tensor
// expected-error @below {{weft.part: argument is not a tensor: 'f32'}}
func.func @case(%x: f32 {weft.part}) {
  return
}

// -----

// weft.scalar: a number of the program
// expected-error @below {{weft.scalar: must be an i64 of at least 0 and below 1: got 0 : i32}}
func.func @case(%x: f32 {weft.scalar = 0 : i32}) {
  return
}

// -----

// weft.value: of the argument's type
// expected-error @below {{weft.value: must be a number of the argument's type 'f32': got 2 : i32}}
func.func @case(%x: f32 {weft.value = 2 : i32}) {
  return
}

// -----

// weft.value: a number
// expected-error @below {{weft.value: must be a number of the argument's type 'f32': got "2"}}
func.func @case(%x: f32 {weft.value = "2"}) {
  return
}

// -----

// weft.value: on a number
// expected-error @below {{weft.value: argument is not a number: 'tensor<2xf32>'}}
func.func @case(%x: tensor<2xf32> {weft.value = dense<1.0> : tensor<2xf32>}) {
  return
}

// -----

// weft.scalar: on a number
// expected-error @below {{weft.scalar: argument is not a number: 'tensor<2xf32>'}}
func.func @case(%x: tensor<2xf32> {weft.scalar = 0}) {
  return
}

// -----

// weft.input: on a tensor
// expected-error @below {{weft.input: argument is not a tensor: 'f32'}}
func.func @case(%x: f32 {weft.input = 0}) {
  return
}

// -----

// weft.input: an input number
// expected-error @below {{weft.input: must be an i64 of at least 0 and below 2147483647: got 2147483647 : i64}}
func.func @case(%x: tensor<2xf32> {weft.input = 2147483647}) {
  return
}

// -----

// weft.parameter: a mark
// expected-error @below {{weft.parameter: takes no value: got false}}
func.func @case(%x: tensor<2xf32> {weft.parameter = false}) {
  return
}

// -----

// weft.name: a string
// expected-error @below {{weft.name: must be a string: got 1 : i64}}
func.func @case(%x: tensor<2xf32> {weft.name = 1}) {
  return
}

// -----

// arguments: attributes of the dialect only
// expected-error @below {{weft.param: no attribute of an argument}}
func.func @case(%x: tensor<2xf32> {weft.param}) {
  return
}

// -----

// weft.name: a string on results as well
// expected-error @below {{weft.name: must be a string: got unit}}
func.func @case(%x: tensor<2xf32>) -> (tensor<2xf32> {weft.name}) {
  return %x : tensor<2xf32>
}

// -----

// results: names only
// expected-error @below {{weft.parameter: no attribute of a result}}
func.func @case(%x: tensor<2xf32>) -> (tensor<2xf32> {weft.parameter}) {
  return %x : tensor<2xf32>
}
