// How a stage of a residual network begins: with a shortcut of every second pixel.
func.func @main(
    %x: tensor<32x128x28x28xf16>, %z: tensor<32x256x56x56xf16>,
    %v: tensor<512x128x1x1xf16> {weft.parameter},
    %w: tensor<512x256x1x1xf16> {weft.parameter},
    %b: tensor<512xf16> {weft.parameter})
    -> tensor<32x512x28x28xf16> {
  %0 = weft.conv %x, %v, %b stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1]
      groups 1 : tensor<32x128x28x28xf16>, tensor<512x128x1x1xf16>, tensor<512xf16>
      -> tensor<32x512x28x28xf16>
  %1 = weft.conv %z, %w stride [2, 2] padding [0, 0, 0, 0] dilation [1, 1]
      groups 1 : tensor<32x256x56x56xf16>, tensor<512x256x1x1xf16>
      -> tensor<32x512x28x28xf16>
  %2 = weft.add %0, %1 : tensor<32x512x28x28xf16>
  %y = weft.relu %2 : tensor<32x512x28x28xf16>
  return %y : tensor<32x512x28x28xf16>
}
