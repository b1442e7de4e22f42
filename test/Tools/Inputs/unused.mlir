// An op that nobody needs.
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weft.exp %x : tensor<4xf32>
  %1 = weft.relu %x : tensor<4xf32>
  return %1 : tensor<4xf32>
}
