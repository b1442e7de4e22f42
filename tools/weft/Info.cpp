// SPDX-License-Identifier: Apache-2.0
// weft info: what this machine has.
#include "Commands.h"

#include "weft/Runtime.h"

#include <iostream>

namespace weft::tools {

Status info() {
  std::cout << "default device: " << default_device() << "\n";
  for (Device device : {Device::cpu(), Device::gpu(0)}) {
    Status usable = is_usable(device);
    std::cout << device << ": "
              << (usable.ok() ? std::string("usable") : usable.to_string())
              << "\n";
  }
  std::cout << "threads: " << num_threads() << "\n"
            << "cache: " << cache_dir().value_or("none") << "\n";
  return {};
}

} // namespace weft::tools
