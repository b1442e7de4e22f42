// SPDX-License-Identifier: Apache-2.0
// Between the host memory that formats deal in and tensors.
#pragma once

#include "HostTensor.h"

#include "weft/IO/Safetensors.h"
#include "weft/Tensor.h"

namespace weft::io {

/// Errors of options that no file can satisfy.
Status check_options(std::string_view op, const LoadOptions &options);

/// A tensor of `host`'s elements, cast and put where `options` say. Messages
/// name the function that loads, and the file.
StatusOr<Tensor> to_tensor(std::string_view op, const std::string &path,
                           HostTensor host, const LoadOptions &options);

/// The elements of an evaluated tensor.
StatusOr<HostTensor> to_host(const Tensor &tensor);

} // namespace weft::io
