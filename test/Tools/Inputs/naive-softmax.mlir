// What a program recorded for `e = exp(x * n); y = e / sum(e)`, from
// docs/debugging.md.
module {
  func.func @main(%arg0: tensor<2x4xf32>, %arg1: f32) -> tensor<2x4xf32> {
    %0 = weft.splat %arg1 : f32 -> tensor<2x4xf32>
    %1 = weft.mul %arg0, %0 : tensor<2x4xf32>
    %2 = weft.exp %1 : tensor<2x4xf32>
    %3 = weft.sum %2 over [1] : tensor<2x4xf32> -> tensor<2xf32>
    %4 = weft.reshape %3 : tensor<2xf32> -> tensor<2x1xf32>
    %5 = weft.broadcast %4 : tensor<2x1xf32> -> tensor<2x4xf32>
    %6 = weft.div %2, %5 : tensor<2x4xf32>
    return %6 : tensor<2x4xf32>
  }
}
