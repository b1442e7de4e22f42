// More rows than 32 bits count: what a block's number is multiplied by is as
// wide as the row's number.

// RUN: weft dump %s --target=cuda:sm_90a --stage=cuda | FileCheck %s
func.func @main(%x: tensor<5000000000x2xf16>, %y: tensor<2x5000000000xf16>)
    -> (tensor<5000000000xf16>, tensor<5000000000xf16>) {
  %rows = weft.sum %x over [1] : tensor<5000000000x2xf16> -> tensor<5000000000xf16>
  %columns = weft.sum %y over [0] : tensor<2x5000000000xf16> -> tensor<5000000000xf16>
  return %rows, %columns : tensor<5000000000xf16>, tensor<5000000000xf16>
}
// CHECK-NOT: blockIdx.x * {{[0-9]+}} +
// CHECK: const long long {{i|place|row}} = blockIdx.x * {{[0-9]+}}ll + static_cast<int>(threadIdx.x)
// CHECK-NOT: blockIdx.x * {{[0-9]+}} +
// CHECK: const long long {{i|place|row}} = blockIdx.x * {{[0-9]+}}ll + static_cast<int>(threadIdx.x)
