func.func @main(%x: tensor<1x8x6x6xf16>, %w: tensor<16x8x3x3xf16> {weft.parameter}) -> tensor<1x16x6x6xf16> {
  %y = weft.conv %x, %w stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1
      : tensor<1x8x6x6xf16>, tensor<16x8x3x3xf16> -> tensor<1x16x6x6xf16>
  return %y : tensor<1x16x6x6xf16>
}
