// A kernel whose writes are far apart, from docs/debugging.md.
func.func @main(%x: tensor<4096x512xf32>, %w: tensor<4096x512xf32>)
    -> (tensor<512x4096xf32> {weft.name = "y"}) {
  %0 = weft.mul %x, %w : tensor<4096x512xf32>
  %1 = weft.exp %0 : tensor<4096x512xf32>
  %y = weft.transpose %1 [1, 0] : tensor<4096x512xf32> -> tensor<512x4096xf32>
  return %y : tensor<512x4096xf32>
}
