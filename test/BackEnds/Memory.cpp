// SPDX-License-Identifier: Apache-2.0
// Memory that notices who writes beside it.
#include "Memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace weft::test {

static constexpr int64_t kFence = 256;

void Memory::Free::operator()(unsigned char *memory) const {
  std::free(memory);
}

Memory::Memory(int64_t bytes) : bytes_(bytes) {
  auto whole =
      static_cast<size_t>((bytes + kFence - 1) / kFence * kFence + 2 * kFence);
  memory_.reset(static_cast<unsigned char *>(std::aligned_alloc(256, whole)));
  std::memset(memory_.get(), 0xff, whole);
}

Memory::Memory(const reference::Value &value)
    : Memory(value.size() * size_in_bytes(value.dtype)) {
  reference::toMemory(value, data());
}

void *Memory::data() const { return memory_.get() + kFence; }

bool Memory::isIntact() const {
  auto isFence = [](const unsigned char *from) {
    return std::all_of(from, from + kFence,
                       [](unsigned char byte) { return byte == 0xff; });
  };
  return isFence(memory_.get()) && isFence(memory_.get() + kFence + bytes_);
}

reference::Value Memory::read(DType dtype, const Shape &shape) const {
  return reference::fromMemory(dtype, shape, data());
}

} // namespace weft::test
