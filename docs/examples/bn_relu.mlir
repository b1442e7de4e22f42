// A batch norm and a relu in the dialect.
//
//   weft run docs/examples/bn_relu.mlir --input x.npy --output y.npy
//   weft dump docs/examples/bn_relu.mlir --stage=folded
//
// Arguments marked `weft.parameter` keep their values from run to run: what is
// computed from them alone (here the scale and the shift of the batch norm)
// moves to @prepare, which runs once for a set of weights. `weft.name` is how
// the command line calls an argument, `--input gamma=gamma.npy`.
func.func @main(
    %x: tensor<2x3x4x4xf32> {weft.name = "x"},
    %gamma: tensor<3xf32> {weft.name = "gamma", weft.parameter},
    %beta: tensor<3xf32> {weft.name = "beta", weft.parameter},
    %mean: tensor<3xf32> {weft.name = "mean", weft.parameter},
    %var: tensor<3xf32> {weft.name = "var", weft.parameter})
    -> (tensor<2x3x4x4xf32> {weft.name = "y"}) {
  %0 = weft.batch_norm %x, %gamma, %beta, %mean, %var eps 1.0e-05
      : tensor<2x3x4x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>,
        tensor<3xf32>
  %y = weft.relu %0 : tensor<2x3x4x4xf32>
  return %y : tensor<2x3x4x4xf32>
}
