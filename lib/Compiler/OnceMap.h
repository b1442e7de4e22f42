// SPDX-License-Identifier: Apache-2.0
// A bounded map whose values are made once, however many threads ask.
#pragma once

#include "weft/Core/Status.h"

#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace weft::compiler {

/// Keys to shared values. Threads that ask for a key being made wait for it; an
/// error goes to all of them and is not kept. The least recently used leave
/// when there are more than `capacity`.
template <typename Value> class OnceMap {
public:
  using Result = StatusOr<std::shared_ptr<const Value>>;

  explicit OnceMap(size_t capacity) : capacity_(capacity) {}

  /// The value under `key` if it is there and made, else null.
  std::shared_ptr<const Value> find(const std::string &key) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = entries_.find(key);
    if (found == entries_.end() || !found->second->result)
      return nullptr;
    uses_.splice(uses_.begin(), uses_, found->second->use);
    return **found->second->result;
  }

  /// The value under `key`, made by `make() -> Result` if it is not there.
  template <typename Make> Result get(const std::string &key, Make make) {
    std::shared_ptr<Entry> entry;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      if (auto found = entries_.find(key); found != entries_.end()) {
        entry = found->second;
        uses_.splice(uses_.begin(), uses_, entry->use);
        made_.wait(lock, [&] { return entry->result.has_value(); });
        return *entry->result;
      }
      entry = std::make_shared<Entry>();
      uses_.push_front(key);
      entry->use = uses_.begin();
      entries_.emplace(key, entry);
    }
    Result result = make();
    std::lock_guard<std::mutex> lock(mutex_);
    entry->result = result;
    if (!result.ok())
      forget(key, *entry);
    else
      shrink();
    made_.notify_all();
    return result;
  }

private:
  struct Entry {
    std::optional<Result> result;
    std::list<std::string>::iterator use;
  };

  void forget(const std::string &key, Entry &entry) {
    uses_.erase(entry.use);
    entries_.erase(key);
  }
  void shrink() {
    while (entries_.size() > capacity_) {
      auto oldest = entries_.find(uses_.back());
      if (!oldest->second->result) // still being made: leave it
        return;
      uses_.pop_back();
      entries_.erase(oldest);
    }
  }

  std::mutex mutex_;
  std::condition_variable made_;
  std::unordered_map<std::string, std::shared_ptr<Entry>> entries_;
  std::list<std::string> uses_; // most recent first
  size_t capacity_;
};

} // namespace weft::compiler
