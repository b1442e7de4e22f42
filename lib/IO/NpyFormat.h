// SPDX-License-Identifier: Apache-2.0
// NumPy's file format: a magic string, a header that is a Python dict, the
// elements.
#pragma once

#include "HostTensor.h"

namespace weft::io {

/// The array of a file, mapped where it can be.
StatusOr<HostTensor> read_npy(const std::string &path);

/// Whether NumPy has the type: what `write_npy` of it to `path` would report.
Status check_npy_type(const std::string &path, DType dtype);

Status write_npy(const std::string &path, const HostTensor &tensor);

} // namespace weft::io
