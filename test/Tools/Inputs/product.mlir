// 17 million multiply-adds.
func.func @main(%x: tensor<256x256xf32>, %w: tensor<256x256xf32>) -> tensor<256x256xf32> {
  %0 = weft.matmul %x, %w : tensor<256x256xf32>, tensor<256x256xf32> -> tensor<256x256xf32>
  %1 = weft.relu %0 : tensor<256x256xf32>
  return %1 : tensor<256x256xf32>
}
