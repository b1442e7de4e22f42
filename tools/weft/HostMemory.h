// SPDX-License-Identifier: Apache-2.0
// How much memory this machine has.
#pragma once

#include "weft/Core/Status.h"

#include <cstdint>
#include <string>

namespace weft::tools {

/// Bytes of memory this machine has.
int64_t hostMemory();

/// Errors: `--batch=N: too much memory: an input of mlp takes 29 TiB, this
/// machine has 24 GiB`, of `option` and `what` takes it.
Status fitsHostMemory(const std::string &option, const std::string &what,
                      int64_t bytes);

} // namespace weft::tools
