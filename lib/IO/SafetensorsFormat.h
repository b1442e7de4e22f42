// SPDX-License-Identifier: Apache-2.0
// The safetensors format: eight bytes length, a header in JSON, the elements.
#pragma once

#include "HostTensor.h"

#include <span>

namespace weft::io {

/// The tensors of a file in the order of its header. They keep the file mapped.
StatusOr<std::vector<NamedTensor>> read_safetensors(const std::string &path);

Status write_safetensors(const std::string &path,
                         std::span<const NamedTensor> tensors);

} // namespace weft::io
