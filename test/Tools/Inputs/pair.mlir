// The end of a bottleneck, and what the next begins with.
func.func @main(
    %x: tensor<32x64x56x56xf16>, %residual: tensor<32x256x56x56xf16>,
    %w: tensor<256x64x1x1xf16> {weft.parameter},
    %b: tensor<256xf16> {weft.parameter},
    %v: tensor<64x256x1x1xf16> {weft.parameter})
    -> (tensor<32x256x56x56xf16>, tensor<32x64x56x56xf16>) {
  %0 = weft.conv %x, %w, %b stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1]
      groups 1 : tensor<32x64x56x56xf16>, tensor<256x64x1x1xf16>, tensor<256xf16>
      -> tensor<32x256x56x56xf16>
  %1 = weft.add %0, %residual : tensor<32x256x56x56xf16>
  %y = weft.relu %1 : tensor<32x256x56x56xf16>
  %2 = weft.conv %y, %v stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1]
      groups 1 : tensor<32x256x56x56xf16>, tensor<64x256x1x1xf16>
      -> tensor<32x64x56x56xf16>
  %z = weft.relu %2 : tensor<32x64x56x56xf16>
  return %y, %z : tensor<32x256x56x56xf16>, tensor<32x64x56x56xf16>
}
