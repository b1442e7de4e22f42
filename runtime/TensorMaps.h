// SPDX-License-Identifier: Apache-2.0
// Tensor maps as kernels take them.
#pragma once

#include "runtime/Driver.h"

#include "weft/Core/TensorMap.h"

namespace weft::runtime {

/// A CUtensorMap.
struct alignas(64) EncodedTensorMap {
  unsigned char bytes[128];
};

/// `map` of the buffer at `data`. Errors: what the driver says to sizes,
/// strides or an address that the device cannot read.
Status encode(const Driver &driver, const TensorMap &map, void *data,
              EncodedTensorMap &result);

/// Whether the map has a size, stride and extent for each dim: the driver is
/// asked for no more of a damaged file.
bool isWellFormed(const TensorMap &map);

} // namespace weft::runtime
