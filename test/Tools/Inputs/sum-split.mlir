// Factors of images and of rows keep the loops of a sum apart.
func.func @main(%x: tensor<2x128x6x8xf16>, %z: tensor<2x256x12x16xf16>,
                %w: tensor<64x128x1x1xf16> {weft.parameter, weft.name = "w"}, %r: tensor<2x64x1x1xf16>, %q: tensor<1x64x6x1xf16>,
                %u: tensor<64x256x1x1xf16> {weft.parameter, weft.name = "u"}) -> tensor<2x64x6x8xf16> {
  %1 = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 : tensor<2x128x6x8xf16>, tensor<64x128x1x1xf16> -> tensor<2x64x6x8xf16>
  %2 = weft.conv %z, %u stride [2, 2] padding [0, 0, 0, 0] dilation [1, 1] groups 1 : tensor<2x256x12x16xf16>, tensor<64x256x1x1xf16> -> tensor<2x64x6x8xf16>
  %3 = weft.add %1, %2 : tensor<2x64x6x8xf16>
  %4 = weft.broadcast %r : tensor<2x64x1x1xf16> -> tensor<2x64x6x8xf16>
  %5 = weft.mul %3, %4 : tensor<2x64x6x8xf16>
  %6 = weft.broadcast %q : tensor<1x64x6x1xf16> -> tensor<2x64x6x8xf16>
  %7 = weft.mul %5, %6 : tensor<2x64x6x8xf16>
  return %7 : tensor<2x64x6x8xf16>
}
