// numbers.mlir as a program recorded it: with the numbers that it had.
func.func @main(%a: i1 {weft.value = true}, %b: i4 {weft.value = -8 : i4},
                %c: ui8 {weft.value = 255 : ui8},
                %d: bf16 {weft.value = 1.0e3 : bf16})
    -> (tensor<1xi1>, tensor<1xi4>, tensor<1xui8>, tensor<1xbf16>) {
  %0 = weft.splat %a : i1 -> tensor<1xi1>
  %1 = weft.splat %b : i4 -> tensor<1xi4>
  %2 = weft.splat %c : ui8 -> tensor<1xui8>
  %3 = weft.splat %d : bf16 -> tensor<1xbf16>
  return %0, %1, %2, %3
      : tensor<1xi1>, tensor<1xi4>, tensor<1xui8>, tensor<1xbf16>
}
