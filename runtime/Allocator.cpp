// SPDX-License-Identifier: Apache-2.0
// Memory that is kept for the next request instead of being given back.
#include "runtime/Allocator.h"

#include "absl/strings/str_cat.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <sys/mman.h>

namespace weft::runtime {
namespace {

constexpr int64_t kSmallest = 512;
constexpr int kSmallestLog = 9;
constexpr int64_t kLeastStep = 64;
constexpr int64_t kLargest = int64_t(1) << 62;

class CpuSource final : public MemorySource {
public:
  void *allocate(int64_t bytes) override {
    void *data = nullptr;
    bool huge = bytes >= 2 * kHugePage;
    // The alignment of a cache line, and of the widest vector register.
    if (posix_memalign(&data, huge ? kHugePage : 64,
                       static_cast<size_t>(bytes)) != 0)
      return nullptr;
    // Fewer page faults at first use; only a hint.
    if (huge)
      (void)madvise(data, static_cast<size_t>(bytes), MADV_HUGEPAGE);
    return data;
  }
  void release(void *data, int64_t) override { std::free(data); }
  bool isOrdered(const std::vector<Use> &uses, CudaStream) override {
    return uses.empty();
  }
  Status order(std::vector<Use> &uses, CudaStream) override { return {}; }
  void finish(std::vector<Use> &uses) override {}

private:
  static constexpr int64_t kHugePage = int64_t(2) << 20;
};

} // namespace

int64_t Pool::roundUp(int64_t bytes) {
  if (bytes <= kSmallest)
    return kSmallest;
  int octave = std::bit_width(static_cast<uint64_t>(bytes - 1)) - 1;
  int64_t step = std::max((int64_t(1) << octave) / kSteps, kLeastStep);
  return (bytes + step - 1) / step * step;
}

int Pool::classOf(int64_t capacity) {
  if (capacity <= kSmallest)
    return 0;
  int octave = std::bit_width(static_cast<uint64_t>(capacity - 1)) - 1;
  int64_t base = int64_t(1) << octave;
  int64_t step = base / kSteps;
  return (octave - kSmallestLog) * kSteps +
         static_cast<int>((capacity - base) / step);
}

bool Pool::take(int64_t capacity, CudaStream stream, bool wait, Block &block) {
  int first = classOf(capacity);
  // A block serves requests down to half its size.
  int last = std::min(first + kSteps, kClasses - 1);
  for (int i = first; i <= last; ++i) {
    std::vector<Block> &blocks = free_[static_cast<size_t>(i)];
    // The one given back last first: its lines may still be in the cache.
    for (size_t j = blocks.size(); j-- > 0;) {
      if (!wait && !source_.isOrdered(blocks[j].uses, stream))
        continue;
      if (!source_.order(blocks[j].uses, stream).ok())
        continue;
      block = std::move(blocks[j]);
      blocks.erase(blocks.begin() + static_cast<ptrdiff_t>(j));
      stats_.pooled -= block.capacity;
      return true;
    }
  }
  return false;
}

bool Pool::makeFresh(int64_t capacity, Block &block) {
  if (stats_.limit > 0 && capacity > stats_.limit - stats_.live - stats_.pooled)
    return false;
  void *data = source_.allocate(capacity);
  if (!data)
    return false;
  block = {data, capacity, {}};
  return true;
}

StatusOr<Pool::Block> Pool::allocate(int64_t bytes, CudaStream stream) {
  if (bytes < 0 || bytes > kLargest)
    return invalid_argument_error(absl::StrCat(
        "allocate: size out of range: got ", bytes, ", at most ", kLargest));
  int64_t capacity = roundUp(bytes);
  std::lock_guard lock(mutex_);
  Block block;
  // Waiting for another stream comes after asking the device for more.
  bool found = take(capacity, stream, false, block) ||
               makeFresh(capacity, block) ||
               take(capacity, stream, true, block);
  if (!found) {
    trimLocked();
    found = makeFresh(capacity, block);
  }
  if (!found)
    return resource_exhausted_error(absl::StrCat(
        "out of memory on ", to_string(device_), ": asked for ", bytes,
        " bytes, ", stats_.live, " in use, ",
        stats_.limit > 0 ? absl::StrCat("limit ", stats_.limit) : "no limit"));
  stats_.live += block.capacity;
  stats_.peak = std::max(stats_.peak, stats_.live);
  return block;
}

void Pool::free(Block block) {
  std::lock_guard lock(mutex_);
  stats_.live -= block.capacity;
  stats_.pooled += block.capacity;
  free_[static_cast<size_t>(classOf(block.capacity))].push_back(
      std::move(block));
}

void Pool::trimLocked() {
  for (std::vector<Block> &blocks : free_) {
    for (Block &block : blocks) {
      source_.finish(block.uses);
      source_.release(block.data, block.capacity);
      stats_.pooled -= block.capacity;
    }
    blocks.clear();
    blocks.shrink_to_fit();
  }
}

void Pool::trim() {
  std::lock_guard lock(mutex_);
  trimLocked();
}

void Pool::setLimit(int64_t bytes) {
  std::lock_guard lock(mutex_);
  stats_.limit = bytes;
  if (bytes > 0 && stats_.live + stats_.pooled > bytes)
    trimLocked();
}

void Pool::resetPeak() {
  std::lock_guard lock(mutex_);
  stats_.peak = stats_.live;
}

MemoryStats Pool::stats() {
  std::lock_guard lock(mutex_);
  return stats_;
}

Pool &cpuPool() {
  // Leaked: tensors that are statics of the program may come back to it late.
  static CpuSource &source = *new CpuSource;
  static Pool &pool = *new Pool(Device::cpu(), source);
  return pool;
}

} // namespace weft::runtime
