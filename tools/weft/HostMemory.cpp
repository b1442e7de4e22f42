// SPDX-License-Identifier: Apache-2.0
// How much memory this machine has.
#include "HostMemory.h"

#include <unistd.h>

namespace weft::tools {

int64_t hostMemory() {
  return static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
}

} // namespace weft::tools
