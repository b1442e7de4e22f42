// SPDX-License-Identifier: Apache-2.0
// NumPy's arrays as tensors.
#include "weft/IO/Npy.h"

#include "NpyFormat.h"
#include "TensorTransfer.h"

namespace weft {

StatusOr<Tensor> load_npy(const std::string &path, LoadOptions options) {
  if (Status status = io::check_options("load_npy", options); !status.ok())
    return status;
  StatusOr<io::HostTensor> host = io::read_npy(path);
  if (!host.ok())
    return host.status();
  return io::to_tensor("load_npy", path, *std::move(host), options);
}

Status save_npy(const std::string &path, const Tensor &tensor) {
  StatusOr<io::HostTensor> host = io::to_host(tensor);
  if (!host.ok())
    return host.status();
  return io::write_npy(path, *host);
}

} // namespace weft
