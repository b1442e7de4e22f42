// SPDX-License-Identifier: Apache-2.0
// Checkpoints as tensors.
#include "weft/IO/Safetensors.h"

#include "SafetensorsFormat.h"
#include "TensorTransfer.h"

namespace weft {

StatusOr<StateDict> load_safetensors(const std::string &path,
                                     LoadOptions options) {
  if (Status status = io::check_options("load_safetensors", options);
      !status.ok())
    return status;
  StatusOr<std::vector<io::NamedTensor>> entries = io::read_safetensors(path);
  if (!entries.ok())
    return entries.status();
  StateDict state;
  for (auto &[name, host] : *entries) {
    StatusOr<Tensor> tensor =
        io::to_tensor("load_safetensors", path, std::move(host), options);
    if (!tensor.ok())
      return tensor.status();
    state[name] = *std::move(tensor);
  }
  return state;
}

Status save_safetensors(const std::string &path, const StateDict &state) {
  std::vector<Tensor> tensors;
  for (const auto &[name, tensor] : state)
    tensors.push_back(tensor);
  if (Status status = eval(tensors); !status.ok())
    return status;
  std::vector<io::NamedTensor> entries;
  for (const auto &[name, tensor] : state) {
    StatusOr<io::HostTensor> host = io::to_host(tensor);
    if (!host.ok())
      return host.status();
    entries.emplace_back(name, *std::move(host));
  }
  return io::write_safetensors(path, entries);
}

} // namespace weft
