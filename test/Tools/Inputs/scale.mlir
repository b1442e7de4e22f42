// relu(x * factor), and x as it is.
func.func @main(%x: tensor<2x2xf32> {weft.name = "x"},
                %factor: f32 {weft.name = "factor"})
    -> (tensor<2x2xf32> {weft.name = "y"}, tensor<2x2xf32>) {
  %0 = weft.splat %factor : f32 -> tensor<2x2xf32>
  %1 = weft.mul %x, %0 : tensor<2x2xf32>
  %2 = weft.relu %1 : tensor<2x2xf32>
  return %2, %x : tensor<2x2xf32>, tensor<2x2xf32>
}
