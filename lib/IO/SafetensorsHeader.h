// SPDX-License-Identifier: Apache-2.0
// The JSON header of a safetensors file, as it stands in the file: nothing of
// it is checked against the elements yet.
#pragma once

#include "weft/Core/Status.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weft::io {

struct SafetensorsEntry {
  std::string name;
  std::string dtype;
  std::vector<uint64_t> shape;
  std::vector<uint64_t> offsets; // begin and end, once parsed
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;
  std::map<std::string, std::string> metadata;
};

/// Reads a header; the error of a damaged one has no file name yet.
///
///   {"__metadata__": {"by": "hand"},
///    "bias": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
StatusOr<SafetensorsHeader> parse_safetensors_header(std::string_view json);

std::string print_safetensors_header(const SafetensorsHeader &header);

/// Whether JSON can hold `text`: it must be UTF-8.
bool is_utf8(std::string_view text);

} // namespace weft::io
