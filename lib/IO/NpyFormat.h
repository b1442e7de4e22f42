// SPDX-License-Identifier: Apache-2.0
// NumPy's file format: a magic string, a header that is a Python dict, the
// elements.
#pragma once

#include "HostTensor.h"

namespace weft::io {

/// The array of a file, mapped where it can be.
StatusOr<HostTensor> read_npy(const std::string &path);

Status write_npy(const std::string &path, const HostTensor &tensor);

} // namespace weft::io
