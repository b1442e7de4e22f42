// A convolution, a batch norm and a relu that ends at a number: one kernel. The
// batch norm becomes part of the weights, in @prepare.
//
//   weft run docs/examples/conv_bn_relu.mlir --input limit=6 --time
//   weft dump docs/examples/conv_bn_relu.mlir --stage=fused
//
// A number is an argument like any other; a new value compiles nothing. What
// `weft.parameter` and `weft.name` do stands in bn_relu.mlir.
func.func @main(
    %x: tensor<1x3x32x32xf32> {weft.name = "x"},
    %limit: f32 {weft.name = "limit"},
    %w: tensor<16x3x3x3xf32> {weft.name = "conv.weight", weft.parameter},
    %gamma: tensor<16xf32> {weft.name = "bn.weight", weft.parameter},
    %beta: tensor<16xf32> {weft.name = "bn.bias", weft.parameter},
    %mean: tensor<16xf32> {weft.name = "bn.running_mean", weft.parameter},
    %var: tensor<16xf32> {weft.name = "bn.running_var", weft.parameter})
    -> (tensor<1x16x32x32xf32> {weft.name = "y"}) {
  %0 = weft.conv %x, %w stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1]
      groups 1 : tensor<1x3x32x32xf32>, tensor<16x3x3x3xf32>
      -> tensor<1x16x32x32xf32>
  %1 = weft.batch_norm %0, %gamma, %beta, %mean, %var eps 1.0e-05
      : tensor<1x16x32x32xf32>, tensor<16xf32>, tensor<16xf32>,
        tensor<16xf32>, tensor<16xf32>
  %2 = weft.relu %1 : tensor<1x16x32x32xf32>
  %most = weft.splat %limit : f32 -> tensor<1x16x32x32xf32>
  %y = weft.minimum %2, %most : tensor<1x16x32x32xf32>
  return %y : tensor<1x16x32x32xf32>
}
