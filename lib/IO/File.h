// SPDX-License-Identifier: Apache-2.0
// Whole files: mapped for reading, replaced at once for writing. `op` is the
// function that messages start with.
#pragma once

#include "weft/Core/Status.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace weft::io {

/// The bytes of a file, mapped read-only while `owner` lives.
struct MappedFile {
  const char *data = nullptr;
  int64_t bytes = 0;
  std::shared_ptr<const void> owner;
};

StatusOr<MappedFile> map_file(std::string_view op, const std::string &path);

/// Makes `path` a file of `pieces`, one after the other. Whatever happens,
/// other processes see the whole old file or the whole new one.
Status replace_file(std::string_view op, const std::string &path,
                    std::span<const std::string_view> pieces);

/// `op: path: rule`, and `: values` if there are any.
std::string file_message(std::string_view op, const std::string &path,
                         std::string_view rule, std::string_view values = {});

} // namespace weft::io
