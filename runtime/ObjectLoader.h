// SPDX-License-Identifier: Apache-2.0
// Loads machine code of the CPU back end without LLVM: an x86-64 ELF
// relocatable object that needs nothing from outside itself but functions of
// the C library's math part.
#pragma once

#include "weft/Core/Status.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace weft::runtime {

/// An object in memory: code is executable, constants are not, neither can be
/// written to. Unmapped by the destructor.
class LoadedObject {
public:
  /// Copies, relocates and protects the sections of `bytes`. Every offset in
  /// the file is checked, so damage gives a data_loss error that starts with
  /// `object:`, never a wild read; what the loader does not do (undefined
  /// symbols, writable data, other machines) gives an unimplemented error that
  /// names it.
  static StatusOr<std::shared_ptr<const LoadedObject>>
  load(std::string_view bytes);

  LoadedObject(const LoadedObject &) = delete;
  LoadedObject &operator=(const LoadedObject &) = delete;
  ~LoadedObject();

  /// The address of a global symbol; null if there is none of this name.
  void *find(std::string_view symbol) const;

private:
  LoadedObject() = default;
  friend class ObjectReader;

  std::byte *memory_ = nullptr;
  size_t size_ = 0;
  std::map<std::string, void *, std::less<>> symbols_;
};

} // namespace weft::runtime
