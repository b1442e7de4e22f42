// SPDX-License-Identifier: Apache-2.0
// Releases that nobody waits for.
#pragma once

#include "runtime/Storage.h"

#include <functional>
#include <vector>

namespace weft::runtime {

/// Has a thread of Weft's call `release` when `uses` are over. Calls nothing of
/// the driver itself.
void releaseAfter(std::vector<Use> uses, std::function<void()> release);

} // namespace weft::runtime
