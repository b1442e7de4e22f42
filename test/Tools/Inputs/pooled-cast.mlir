// With channels last as recorded: the convolution casts its image as it reads it.
func.func @main(%x: tensor<2x33x40x8xf32>, %w: tensor<64x3x3x8xf16> {weft.parameter, weft.name = "w"}) -> tensor<2x16x20x64xf16> {
  %h = weft.cast %x : tensor<2x33x40x8xf32> -> tensor<2x33x40x8xf16>
  %c = weft.conv %h, %w stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1 channels_last : tensor<2x33x40x8xf16>, tensor<64x3x3x8xf16> -> tensor<2x33x40x64xf16>
  %y = weft.maxpool %c kernel [2, 2] stride [2, 2] padding [0, 0, 0, 0] channels_last : tensor<2x33x40x64xf16> -> tensor<2x16x20x64xf16>
  return %y : tensor<2x16x20x64xf16>
}
