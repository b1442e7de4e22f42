// An image of three planes, whose lines are multiples of 16 bytes.
func.func @main(%x: tensor<2x3x33x40xf16>, %w: tensor<64x3x7x7xf16> {weft.parameter, weft.name = "w"}, %b: tensor<64xf16> {weft.parameter, weft.name = "b"}) -> tensor<2x64x9x10xf16> {
  %c = weft.conv %x, %w, %b stride [2, 2] padding [3, 3, 3, 3] dilation [1, 1] groups 1 : tensor<2x3x33x40xf16>, tensor<64x3x7x7xf16>, tensor<64xf16> -> tensor<2x64x17x20xf16>
  %r = weft.relu %c : tensor<2x64x17x20xf16>
  %y = weft.maxpool %r kernel [3, 3] stride [2, 2] padding [1, 1, 1, 1] : tensor<2x64x17x20xf16> -> tensor<2x64x9x10xf16>
  return %y : tensor<2x64x9x10xf16>
}
