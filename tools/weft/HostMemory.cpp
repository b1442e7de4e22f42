// SPDX-License-Identifier: Apache-2.0
// How much memory this machine has.
#include "HostMemory.h"

#include "Cache.h"

#include <unistd.h>

namespace weft::tools {

int64_t hostMemory() {
  return static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
}

Status fitsHostMemory(const std::string &option, const std::string &what,
                      int64_t bytes) {
  if (bytes <= hostMemory())
    return {};
  return invalid_argument_error(
      option + ": too much memory: " + what + " takes " + bytesText(bytes) +
      ", this machine has " + bytesText(hostMemory()));
}

} // namespace weft::tools
