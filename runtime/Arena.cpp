// SPDX-License-Identifier: Apache-2.0
#include "runtime/Arena.h"

#include "runtime/Gpu.h"

namespace weft::runtime {

Pool &Arena::pool() const { return gpu_ ? gpu_->pool() : cpuPool(); }

Status Arena::allocate(int64_t bytes) {
  if (bytes == 0)
    return {};
  StatusOr<Pool::Block> block = pool().allocate(bytes, stream_);
  if (!block.ok())
    return block.status();
  block_ = *block;
  isHeld_ = gpu_ && gpu_->isCaptured(stream_);
  if (!isHeld_)
    return {};
  auto giveBack = [&pool = pool()](Pool::Block *held) {
    pool.free(std::move(*held));
    delete held;
  };
  return gpu_->holdForGraph(
      stream_, std::shared_ptr<Pool::Block>(new Pool::Block(block_), giveBack));
}

Arena::~Arena() {
  if (!block_.data || isHeld_)
    return;
  if (gpu_) {
    StatusOr<Use> use = gpu_->useOf(stream_);
    // Without a mark, only waiting makes sure that nobody gets the memory too
    // early.
    if (use.ok())
      block_.uses.push_back(*use);
    else
      (void)gpu_->synchronize();
  }
  pool().free(std::move(block_));
}

} // namespace weft::runtime
