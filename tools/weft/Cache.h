// SPDX-License-Identifier: Apache-2.0
// The cache on disk in words.
#pragma once

#include "runtime/DiskCache.h"

#include <string>

namespace weft::tools {

/// `/home/me/.cache/weft: 12 entries, 3.4 MiB of at most 1.0 GiB`; `none` for
/// null.
std::string cacheText(runtime::DiskCache *cache);

/// `3.4 MiB`
std::string bytesText(int64_t bytes);

} // namespace weft::tools
