// More results than shared memory has places for.
func.func @main(%x: tensor<1x3x32x224xf16>, %w: tensor<64x3x7x7xf16> {weft.parameter, weft.name = "w"})
    -> (tensor<1x64x16x112xf16>, tensor<1x64x16x112xf16>, tensor<1x64x16x112xf16>,
        tensor<1x64x16x112xf16>, tensor<1x64x16x112xf16>, tensor<1x64x16x112xf16>) {
  %c = weft.conv %x, %w stride [2, 2] padding [3, 3, 3, 3] dilation [1, 1] groups 1 : tensor<1x3x32x224xf16>, tensor<64x3x7x7xf16> -> tensor<1x64x16x112xf16>
  %relu = weft.relu %c : tensor<1x64x16x112xf16>
  %neg = weft.neg %c : tensor<1x64x16x112xf16>
  %abs = weft.abs %c : tensor<1x64x16x112xf16>
  %exp = weft.exp %c : tensor<1x64x16x112xf16>
  %tanh = weft.tanh %c : tensor<1x64x16x112xf16>
  %sigmoid = weft.sigmoid %c : tensor<1x64x16x112xf16>
  return %relu, %neg, %abs, %exp, %tanh, %sigmoid : tensor<1x64x16x112xf16>, tensor<1x64x16x112xf16>, tensor<1x64x16x112xf16>,
      tensor<1x64x16x112xf16>, tensor<1x64x16x112xf16>, tensor<1x64x16x112xf16>
}
