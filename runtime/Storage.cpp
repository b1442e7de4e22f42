// SPDX-License-Identifier: Apache-2.0
// The elements of one tensor: memory on a device, and who gives it back.
#include "runtime/Storage.h"

#include "runtime/Allocator.h"
#include "runtime/Gpu.h"
#include "runtime/Reaper.h"

#include <atomic>
#include <map>
#include <utility>

namespace weft::runtime {
namespace {

uint64_t nextId() {
  static std::atomic<uint64_t> counter{0};
  return ++counter;
}

/// Frozen memory that is not Weft's own: several storages may lie there.
struct FrozenLoans {
  std::mutex mutex;
  std::multimap<const std::byte *, int64_t> bytes; // by address
};
FrozenLoans &frozenLoans() {
  static FrozenLoans &instance = *new FrozenLoans;
  return instance;
}
} // namespace

void Storage::freeze() {
  if (frozen_.exchange(true) || pool_)
    return;
  std::lock_guard lock(frozenLoans().mutex);
  frozenLoans().bytes.emplace(static_cast<const std::byte *>(data_), bytes_);
}

bool Storage::isFrozen() const {
  if (frozen_ || pool_)
    return frozen_;
  const auto *begin = static_cast<const std::byte *>(data_);
  std::lock_guard lock(frozenLoans().mutex);
  for (const auto &[other, bytes] : frozenLoans().bytes)
    if (other < begin + bytes_ && begin < other + bytes)
      return true;
  return false;
}

Storage::Storage(Device device, void *data, int64_t bytes,
                 std::function<void()> release)
    : release_(std::move(release)), data_(data), bytes_(bytes), id_(nextId()),
      device_(device) {}

StatusOr<std::shared_ptr<Storage>>
Storage::allocate(Device device, int64_t bytes, CudaStream stream) {
  Pool *pool = &cpuPool();
  if (device.is_gpu()) {
    StatusOr<Gpu *> gpu = Gpu::get(device.index);
    if (!gpu.ok())
      return gpu.status();
    pool = &(*gpu)->pool();
  }
  StatusOr<Pool::Block> block = pool->allocate(bytes, stream);
  if (!block.ok())
    return block.status();
  auto storage = std::make_shared<Storage>(device, block->data, bytes, nullptr);
  storage->pool_ = pool;
  storage->capacity_ = block->capacity;
  return storage;
}

void Storage::addDerived(std::weak_ptr<Derived> derived) {
  std::lock_guard lock(mutex_);
  std::erase_if(derived_, [](const auto &other) { return other.expired(); });
  derived_.push_back(std::move(derived));
}

Storage::~Storage() {
  if (frozen_ && !pool_) {
    std::lock_guard lock(frozenLoans().mutex);
    auto [it, end] =
        frozenLoans().bytes.equal_range(static_cast<const std::byte *>(data_));
    while (it->second != bytes_)
      ++it;
    frozenLoans().bytes.erase(it);
  }
  for (const std::weak_ptr<Derived> &derived : derived_)
    if (std::shared_ptr<Derived> kept = derived.lock())
      kept->release();
  std::vector<Use> uses = std::move(readers_);
  if (writer_.gpu)
    uses.push_back(writer_);
  // Graphs hold what they work on: they are gone.
  std::erase_if(uses, Gpu::isInGraph);
  if (pool_) {
    pool_->free({data_, capacity_, std::move(uses)});
    return;
  }
  if (!release_)
    return;
  std::erase_if(uses, Gpu::isOver);
  if (uses.empty())
    release_();
  else
    releaseAfter(std::move(uses), std::move(release_));
}

} // namespace weft::runtime
