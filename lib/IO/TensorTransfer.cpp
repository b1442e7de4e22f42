// SPDX-License-Identifier: Apache-2.0
// Tensors borrow the memory of a file for as long as they live.
#include "TensorTransfer.h"

#include "weft/Functions.h"
#include "weft/Runtime.h"

namespace weft::io {

Status check_options(std::string_view op, const LoadOptions &options) {
  if (options.dtype && !is_floating(*options.dtype))
    return invalid_argument_error(std::string(op) +
                                  ": option dtype is not floating-point: got " +
                                  std::string(name(*options.dtype)));
  return {};
}

StatusOr<Tensor> to_tensor(HostTensor host, const LoadOptions &options) {
  if (options.dtype && is_floating(host.dtype)) {
    StatusOr<HostTensor> converted = cast(host, *options.dtype);
    if (!converted.ok())
      return converted.status();
    host = *std::move(converted);
  }
  // The mapping or copy is freed with the last reference to `owner`.
  Tensor tensor =
      borrow(host.data, host.dtype, host.shape,
             {.on_release = [owner = host.owner]() mutable { owner.reset(); }});
  const Device device = options.device.value_or(default_device());
  if (tensor.ok() && !device.is_cpu())
    tensor = copy(tensor, device);
  if (!tensor.ok())
    return tensor.status();
  return tensor;
}

StatusOr<HostTensor> to_host(const Tensor &tensor) {
  StatusOr<std::shared_ptr<const void>> data = tensor.host_data();
  if (!data.ok())
    return data.status();
  return HostTensor{tensor.dtype(), tensor.shape(), data->get(), *data};
}

} // namespace weft::io
