// SPDX-License-Identifier: Apache-2.0
// What a file holds of one tensor: elements in host memory and whoever keeps
// that memory. The formats read and write these; the public functions turn
// them into Tensors.
#pragma once

#include "weft/Core/DType.h"
#include "weft/Core/Shape.h"
#include "weft/Core/Status.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weft::io {

/// Dense, row-major elements in host memory.
struct HostTensor {
  DType dtype = DType::float32;
  Shape shape;
  const void *data = nullptr;
  std::shared_ptr<const void> owner; // of `data`

  int64_t bytes() const { return shape.num_elements() * size_in_bytes(dtype); }
};

using NamedTensor = std::pair<std::string, HostTensor>;

/// Uninitialised memory, aligned for every kernel.
StatusOr<std::shared_ptr<void>> allocate(int64_t bytes);

/// The same elements as `dtype`, each rounded once.
StatusOr<HostTensor> cast(const HostTensor &tensor, DType dtype);

/// The same tensor at an address that its type may be loaded from: itself, or
/// a copy.
StatusOr<HostTensor> align(HostTensor tensor);

} // namespace weft::io
