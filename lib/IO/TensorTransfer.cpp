// SPDX-License-Identifier: Apache-2.0
// Tensors borrow the memory of a file for as long as they live.
#include "TensorTransfer.h"

#include "File.h"

#include "weft/Runtime.h"

#include "lib/Tensor/Record.h"
#include "runtime/Storage.h"
#include "runtime/StreamOrder.h"

namespace weft::io {

Status check_options(std::string_view op, const LoadOptions &options) {
  if (options.dtype && !is_floating(*options.dtype))
    return invalid_argument_error(std::string(op) +
                                  ": option dtype is not floating-point: got " +
                                  std::string(name(*options.dtype)));
  return {};
}

StatusOr<Tensor> to_tensor(std::string_view op, const std::string &path,
                           HostTensor host, const LoadOptions &options) {
  auto failed = [&](const Status &status) {
    return Status(status.code(), file_message(op, path, status.message()));
  };
  if (options.dtype && is_floating(host.dtype)) {
    StatusOr<HostTensor> converted = cast(host, *options.dtype);
    if (!converted.ok())
      return failed(converted.status());
    host = *std::move(converted);
  }
  // The mapping or copy is freed with the last reference to `owner`.
  auto storage = std::make_shared<runtime::Storage>(
      Device::cpu(), const_cast<void *>(host.data), host.bytes(),
      [owner = host.owner]() mutable { owner.reset(); });
  const Device device = options.device.value_or(default_device());
  // No `copy`: it would name the place of its call, which is no user's.
  if (!device.is_cpu()) {
    auto copied = runtime::copyTo(*storage, device);
    if (!copied.ok())
      return failed(copied.status());
    storage = *std::move(copied);
  }
  return record::leaf(std::move(storage), host.dtype, host.shape, device,
                      std::source_location::current());
}

StatusOr<HostTensor> to_host(const Tensor &tensor) {
  StatusOr<std::shared_ptr<const void>> data = tensor.host_data();
  if (!data.ok())
    return data.status();
  return HostTensor{tensor.dtype(), tensor.shape(), data->get(), *data};
}

} // namespace weft::io
