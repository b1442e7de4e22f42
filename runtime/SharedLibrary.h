// SPDX-License-Identifier: Apache-2.0
// What libraries that are opened by name have in common: their functions are
// looked up, and where the loader found them is worth telling.
#pragma once

#include <dlfcn.h>
#include <string>

namespace weft::runtime {

/// Looks functions up in a library and remembers the first that is missing.
class Resolver {
public:
  explicit Resolver(void *library) : library_(library) {}

  template <typename Function>
  void operator()(const char *symbol, Function *&function) {
    optional(symbol, function);
    if (!function && !missing)
      missing = symbol;
  }

  /// Null where there is none.
  template <typename Function>
  void optional(const char *symbol, Function *&function) const {
    function = reinterpret_cast<Function *>(dlsym(library_, symbol));
  }

  const char *missing = nullptr;

private:
  void *library_;
};

/// The file that a function was loaded from; `otherwise` if nobody knows.
template <typename Function>
std::string fileOf(Function *function, const std::string &otherwise) {
  Dl_info info;
  return dladdr(reinterpret_cast<void *>(function), &info) && info.dli_fname
             ? info.dli_fname
             : otherwise;
}

} // namespace weft::runtime
