// SPDX-License-Identifier: Apache-2.0
// Host memory of tensors on their way to and from files.
#include "HostTensor.h"

#include "weft/Core/Float.h"

#include <cstring>
#include <new>

namespace weft::io {

StatusOr<std::shared_ptr<void>> allocate(int64_t bytes) {
  constexpr std::align_val_t kAlignment{64};
  void *memory =
      ::operator new(static_cast<size_t>(bytes), kAlignment, std::nothrow);
  if (!memory)
    return resource_exhausted_error("allocate: out of host memory: asked for " +
                                    std::to_string(bytes) + " bytes");
  return std::shared_ptr<void>(
      memory, [](void *p) { ::operator delete(p, kAlignment); });
}

StatusOr<HostTensor> cast(const HostTensor &tensor, DType dtype) {
  if (tensor.dtype == dtype)
    return tensor;
  HostTensor result{dtype, tensor.shape, nullptr, nullptr};
  StatusOr<std::shared_ptr<void>> memory = allocate(result.bytes());
  if (!memory.ok())
    return memory.status();
  const int64_t n = tensor.shape.num_elements();
  const bool from_integer = !is_floating(tensor.dtype);
  for (int64_t i = 0; i < n; ++i) {
    if (from_integer) // int64 does not fit double
      store_from_int64(memory->get(), dtype, i,
                       load_as_int64(tensor.data, tensor.dtype, i));
    else
      store_from_double(memory->get(), dtype, i,
                        load_as_double(tensor.data, tensor.dtype, i));
  }
  result.data = memory->get();
  result.owner = *std::move(memory);
  return result;
}

StatusOr<HostTensor> align(HostTensor tensor) {
  const auto address = reinterpret_cast<uintptr_t>(tensor.data);
  if (address % static_cast<uintptr_t>(size_in_bytes(tensor.dtype)) == 0)
    return tensor;
  StatusOr<std::shared_ptr<void>> memory = allocate(tensor.bytes());
  if (!memory.ok())
    return memory.status();
  std::memcpy(memory->get(), tensor.data, static_cast<size_t>(tensor.bytes()));
  tensor.data = memory->get();
  tensor.owner = *std::move(memory);
  return tensor;
}

} // namespace weft::io
