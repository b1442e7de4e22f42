// SPDX-License-Identifier: Apache-2.0
// The header of an .npy file: `{'descr': '<f4', 'fortran_order': False,
// 'shape': (2, 3), }`.
#pragma once

#include "weft/Core/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::io {

struct NpyHeader {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

/// Reads a header; the error of a damaged one has no file name yet.
StatusOr<NpyHeader> parse_npy_header(std::string_view text);

std::string print_npy_header(const NpyHeader &header);

} // namespace weft::io
