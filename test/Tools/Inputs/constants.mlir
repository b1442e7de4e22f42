// Results that no input reaches, and names that need care.
func.func @main(%x: tensor<3xf32> {weft.name = "the \"x\""},
                %w: tensor<3xf32> {weft.name = "w", weft.parameter})
    -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  %0 = weft.relu %x : tensor<3xf32>
  %1 = weft.iota 0 : tensor<3xf32>
  return %0, %1, %w : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
}
