// SPDX-License-Identifier: Apache-2.0
// How much memory this machine has.
#pragma once

#include <cstdint>

namespace weft::tools {

/// Bytes of memory this machine has.
int64_t hostMemory();

} // namespace weft::tools
