// SPDX-License-Identifier: Apache-2.0
// Memory that notices who writes beside it.
#pragma once

#include "weft/Target/Reference/Interpreter.h"

#include <cstdint>
#include <memory>

namespace weft::test {

/// `bytes` bytes that start at a multiple of 256, between two fences. Fences
/// and content are filled with 0xff: NaN for floats, -1 for integers.
class Memory {
public:
  explicit Memory(int64_t bytes);
  explicit Memory(const reference::Value &value);

  void *data() const;
  int64_t bytes() const { return bytes_; }
  bool isIntact() const;
  reference::Value read(DType dtype, const Shape &shape) const;

private:
  struct Free {
    void operator()(unsigned char *memory) const;
  };
  int64_t bytes_;
  std::unique_ptr<unsigned char, Free> memory_;
};

} // namespace weft::test
