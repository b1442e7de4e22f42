// 24 output channels: padded to 32 where vectors have 16 elements, not where
// they have 8.
func.func @main(%x: tensor<1x64x64x64xf32>, %w: tensor<24x64x3x3xf32> {weft.parameter}) -> tensor<1x24x64x64xf32> {
  %y = weft.conv %x, %w stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1
      : tensor<1x64x64x64xf32>, tensor<24x64x3x3xf32> -> tensor<1x24x64x64xf32>
  return %y : tensor<1x24x64x64xf32>
}
