// SPDX-License-Identifier: Apache-2.0
// Reading what commands are given.
#pragma once

#include "weft/Core/Status.h"

#include <string>

namespace weft::tools {

/// All of a file. Error: `net.mlir: cannot be read: No such file or directory`.
StatusOr<std::string> readFile(const std::string &path);

} // namespace weft::tools
