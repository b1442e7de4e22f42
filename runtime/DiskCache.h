// SPDX-License-Identifier: Apache-2.0
// What was compiled once and need not be again: keys and values in the files
// of one folder, shared by processes.
#pragma once

#include "weft/Core/Status.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace weft::runtime {

/// A folder of entries. An entry carries its full key, its sizes and a
/// checksum; it is written under a temporary name and renamed, so that readers
/// see all of it or nothing. Whatever is wrong with an entry makes it a miss.
/// All methods may be called from several threads and processes at once. The
/// folder is opened and checked anew by each of them: it may have been removed
/// or replaced, and a process may close descriptors that are not its own.
class DiskCache {
public:
  static constexpr int64_t kDefaultLimit = int64_t(1) << 30;

  /// Nothing is touched until the first use.
  explicit DiskCache(std::string folder, int64_t limit = kDefaultLimit);

  const std::string &folder() const { return folder_; }
  int64_t limit() const { return limit_; }

  /// The value stored under exactly this key. Marks the entry as used.
  std::optional<std::string> get(std::string_view key);

  /// Stores a value; entries unused for longest leave once the folder holds
  /// more than its limit. False if it could not be stored: the disk is full,
  /// or the folder may not be used (see `check`).
  bool put(std::string_view key, std::string_view value);

  /// Whether anything is stored: something to find instead of compiling it.
  /// A hint: nothing is made or checked.
  bool hasEntries() const;

  struct Stats {
    int64_t entries = 0; // in the folder now
    int64_t bytes = 0;   // of their files
    int64_t hits = 0;    // of this object
    int64_t misses = 0;
  };
  Stats stats();
  /// Entries whose keys begin so: of one kind.
  int64_t count(std::string_view beginning);

  struct Removed {
    int64_t entries = 0;
    int64_t bytes = 0;
  };
  /// Removes all entries, and what processes that were killed left behind, and
  /// nothing else. Errors: those of `check`, if there is a folder; a file that
  /// cannot be removed.
  StatusOr<Removed> clear();

  /// Why the folder is refused: an error of `check`. Nothing is made; a folder
  /// that is missing is none.
  Status refusal() const;

  /// Makes the folder (mode 0700) if it is missing. Errors: it cannot be made,
  /// is no folder, belongs to someone else or may be written to by others:
  /// code from it is executed.
  Status check();

private:
  void addBytes(int folder, int64_t added);
  void shrink(int folder);

  const std::string folder_;
  const int64_t limit_;
  std::atomic<bool> warned_{false}; // that the folder cannot be used
  std::mutex mutex_;
  int64_t bytes_ = -1;         // an estimate; -1: not counted yet
  int64_t putsSinceCount_ = 0; // other processes add to the folder too
  int64_t hits_ = 0, misses_ = 0;
};

/// The process's cache; null where there is none (see `set_cache_dir`).
std::shared_ptr<DiskCache> diskCache();

} // namespace weft::runtime
