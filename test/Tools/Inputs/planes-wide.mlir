// The result leaves the kernel as float32.
func.func @main(%x: tensor<2x3x33x40xf16>, %w: tensor<64x3x7x7xf16> {weft.parameter, weft.name = "w"}, %b: tensor<64xf16> {weft.parameter, weft.name = "b"}) -> tensor<2x17x20x64xf32> {
  %c = weft.conv %x, %w, %b stride [2, 2] padding [3, 3, 3, 3] dilation [1, 1] groups 1 : tensor<2x3x33x40xf16>, tensor<64x3x7x7xf16>, tensor<64xf16> -> tensor<2x64x17x20xf16>
  %r = weft.relu %c : tensor<2x64x17x20xf16>
  %f = weft.cast %r : tensor<2x64x17x20xf16> -> tensor<2x64x17x20xf32>
  %t = weft.transpose %f [0, 2, 3, 1] : tensor<2x64x17x20xf32> -> tensor<2x17x20x64xf32>
  return %t : tensor<2x17x20x64xf32>
}
