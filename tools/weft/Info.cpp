// SPDX-License-Identifier: Apache-2.0
// weft info: what this machine has.
#include "Command.h"

#include "weft/Runtime.h"

#include <sstream>

namespace weft::tools {

static int run() {
  std::ostringstream out;
  out << "default device: " << default_device() << "\n";
  for (Device device : {Device::cpu(), Device::gpu(0)}) {
    Status usable = is_usable(device);
    out << device << ": "
        << (usable.ok() ? std::string("usable") : usable.to_string()) << "\n";
  }
  out << "threads: " << num_threads() << "\n"
      << "cache: " << cache_dir().value_or("none") << "\n";
  print(out.str());
  return kSuccess;
}

static Command command("info", "Print devices, libraries and the cache", run);

} // namespace weft::tools
