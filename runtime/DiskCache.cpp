// SPDX-License-Identifier: Apache-2.0
// What was compiled once and need not be again.
#include "runtime/DiskCache.h"

#include "runtime/Log.h"
#include "weft/Runtime.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weft::runtime {
namespace {

constexpr uint64_t kMagic = 0x3130454843414357; // "WCACHE01"
constexpr std::string_view kSuffix = ".entry";
constexpr std::string_view kTemporary = ".tmp-";
// Below the limit by this share after a clean-up, so that not every put is one.
constexpr double kKeep = 0.75;
constexpr int64_t kPutsBetweenCounts = 256;
constexpr time_t kTemporaryLifetime = 3600;

struct Header {
  uint64_t magic;
  uint64_t keyBytes;
  uint64_t valueBytes;
  uint64_t checksum; // of key and value
};

uint64_t checksumOf(std::string_view key, std::string_view value) {
  return XXH3_64bits_withSeed(value.data(), value.size(),
                              XXH3_64bits(key.data(), key.size()));
}

std::string fileName(std::string_view key) {
  XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
  return absl::StrFormat("%016x%016x", hash.high64, hash.low64) +
         std::string(kSuffix);
}

bool endsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() &&
         text.substr(text.size() - end.size()) == end;
}

/// An open file, closed at the end of the scope.
class File {
public:
  File(const std::string &path, int flags, mode_t mode = 0)
      : descriptor_(open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode)) {}
  File(const File &) = delete;
  File &operator=(const File &) = delete;
  ~File() { (void)close(); }

  bool isOpen() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }

  bool close() {
    int descriptor = std::exchange(descriptor_, -1);
    return descriptor < 0 || ::close(descriptor) == 0;
  }

  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }

  std::optional<std::string> readAll() const {
    struct stat info;
    if (fstat(descriptor_, &info) != 0 || !S_ISREG(info.st_mode))
      return std::nullopt;
    std::string bytes(static_cast<size_t>(info.st_size), '\0');
    size_t done = 0;
    while (done < bytes.size()) {
      ssize_t n = ::read(descriptor_, &bytes[done], bytes.size() - done);
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return std::nullopt;
      done += static_cast<size_t>(n);
    }
    return bytes;
  }

private:
  int descriptor_;
};

enum class Verdict { hit, otherKey, damaged };

Verdict parse(const std::string &bytes, std::string_view key,
              std::string &value) {
  Header header;
  if (bytes.size() < sizeof(header))
    return Verdict::damaged;
  std::memcpy(&header, bytes.data(), sizeof(header));
  std::string_view rest = std::string_view(bytes).substr(sizeof(header));
  if (header.magic != kMagic || header.keyBytes > rest.size() ||
      header.valueBytes != rest.size() - header.keyBytes)
    return Verdict::damaged;
  std::string_view storedKey = rest.substr(0, header.keyBytes);
  std::string_view storedValue = rest.substr(header.keyBytes);
  if (checksumOf(storedKey, storedValue) != header.checksum)
    return Verdict::damaged;
  if (storedKey != key)
    return Verdict::otherKey; // two keys of one hash: the other one stays
  value.assign(storedValue);
  return Verdict::hit;
}

/// A file of the folder that is ours: an entry or a temporary.
struct Entry {
  std::string path;
  int64_t bytes;
  timespec used;
  bool temporary;
};

std::vector<Entry> list(const std::string &folder) {
  std::vector<Entry> entries;
  DIR *dir = opendir(folder.c_str());
  if (!dir)
    return entries;
  while (const dirent *item = readdir(dir)) {
    std::string_view name = item->d_name;
    bool temporary = name.substr(0, kTemporary.size()) == kTemporary;
    if (!temporary && !endsWith(name, kSuffix))
      continue;
    std::string path = absl::StrCat(folder, "/", item->d_name);
    struct stat info;
    if (lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode))
      entries.push_back({path, info.st_size, info.st_mtim, temporary});
  }
  closedir(dir);
  return entries;
}

Status makeFolders(const std::string &folder) {
  for (size_t end = 1; end != std::string::npos;) {
    end = folder.find('/', end + 1);
    std::string part = folder.substr(0, end);
    if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST && errno != EISDIR) {
      int error = errno;
      struct stat info; // a parent we may not write to but that exists is fine
      if (stat(part.c_str(), &info) == 0)
        continue;
      return failed_precondition_error(absl::StrCat(
          "cache: cannot make folder ", part, ": ", std::strerror(error)));
    }
  }
  return {};
}

} // namespace

DiskCache::DiskCache(std::string folder, int64_t limit)
    : folder_(std::move(folder)), limit_(limit) {}

Status DiskCache::check() {
  if (Status status = makeFolders(folder_); !status.ok())
    return status;
  struct stat info;
  if (stat(folder_.c_str(), &info) != 0)
    return failed_precondition_error(absl::StrCat(
        "cache: cannot read folder ", folder_, ": ", std::strerror(errno)));
  if (!S_ISDIR(info.st_mode))
    return failed_precondition_error(
        absl::StrCat("cache: not a folder: ", folder_));
  if (info.st_uid != geteuid())
    return failed_precondition_error(absl::StrCat(
        "cache: folder ", folder_, " belongs to another user: owner ",
        info.st_uid, ", this process ", geteuid()));
  if (info.st_mode & 022)
    return failed_precondition_error(absl::StrFormat(
        "cache: folder %s may be written to by others: mode %04o, expected "
        "0700",
        folder_, info.st_mode & 07777));
  return {};
}

bool DiskCache::usable() {
  std::lock_guard lock(mutex_);
  if (!usable_) {
    Status status = check();
    usable_ = status.ok();
    if (!status.ok())
      log(LogLevel::warning,
          absl::StrCat(std::string(status.message()),
                       "; compiled kernels are not kept on disk"));
  }
  return *usable_;
}

std::optional<std::string> DiskCache::get(std::string_view key) {
  std::string value;
  Verdict verdict = Verdict::otherKey;
  if (usable()) {
    std::string path = absl::StrCat(folder_, "/", fileName(key));
    File file(path, O_RDONLY);
    if (file.isOpen()) {
      std::optional<std::string> bytes = file.readAll();
      verdict = bytes ? parse(*bytes, key, value) : Verdict::damaged;
      if (verdict == Verdict::hit)
        (void)futimens(file.get(), nullptr);
      if (verdict == Verdict::damaged)
        (void)unlink(path.c_str());
    }
  }
  std::lock_guard lock(mutex_);
  ++(verdict == Verdict::hit ? hits_ : misses_);
  if (verdict != Verdict::hit)
    return std::nullopt;
  return value;
}

bool DiskCache::put(std::string_view key, std::string_view value) {
  static std::atomic<uint64_t> counter{0};
  if (!usable())
    return false;
  Header header{kMagic, key.size(), value.size(), checksumOf(key, value)};
  std::string temporary = absl::StrCat(folder_, "/", std::string(kTemporary),
                                       getpid(), "-", counter.fetch_add(1));
  // Left behind by a process of the same number that was killed.
  (void)unlink(temporary.c_str());
  File file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
  bool written =
      file.isOpen() &&
      file.write({reinterpret_cast<const char *>(&header), sizeof(header)}) &&
      file.write(key) && file.write(value);
  int error = errno;
  written = file.close() && written;
  std::string path = absl::StrCat(folder_, "/", fileName(key));
  if (!written || rename(temporary.c_str(), path.c_str()) != 0) {
    log(LogLevel::info, absl::StrCat("cache: cannot write to ", folder_, ": ",
                                     std::strerror(written ? errno : error)));
    (void)unlink(temporary.c_str());
    return false;
  }
  addBytes(static_cast<int64_t>(sizeof(header) + key.size() + value.size()));
  return true;
}

void DiskCache::addBytes(int64_t added) {
  std::lock_guard lock(mutex_);
  if (bytes_ < 0 || ++putsSinceCount_ >= kPutsBetweenCounts) {
    bytes_ = 0;
    putsSinceCount_ = 0;
    for (const Entry &entry : list(folder_))
      bytes_ += entry.bytes;
  } else {
    bytes_ += added;
  }
  if (bytes_ > limit_)
    shrink();
}

void DiskCache::shrink() {
  std::vector<Entry> entries = list(folder_);
  std::sort(entries.begin(), entries.end(), [](const Entry &a, const Entry &b) {
    auto time = [](const Entry &e) {
      return std::pair(e.used.tv_sec, e.used.tv_nsec);
    };
    return std::pair(time(a), a.path) < std::pair(time(b), b.path);
  });
  bytes_ = 0;
  for (const Entry &entry : entries)
    bytes_ += entry.bytes;
  auto keep = static_cast<int64_t>(static_cast<double>(limit_) * kKeep);
  for (const Entry &entry : entries) {
    // A temporary may be in the making; a dead one is older than that.
    bool remove = entry.temporary
                      ? entry.used.tv_sec + kTemporaryLifetime < time(nullptr)
                      : bytes_ > keep;
    if (remove && unlink(entry.path.c_str()) == 0)
      bytes_ -= entry.bytes;
  }
}

void DiskCache::clear() {
  if (!usable())
    return;
  std::lock_guard lock(mutex_);
  for (const Entry &entry : list(folder_))
    if (!entry.temporary)
      (void)unlink(entry.path.c_str());
  bytes_ = -1;
}

DiskCache::Stats DiskCache::stats() {
  Stats stats;
  for (const Entry &entry : list(folder_)) {
    stats.entries += !entry.temporary;
    stats.bytes += entry.bytes;
  }
  std::lock_guard lock(mutex_);
  stats.hits = hits_;
  stats.misses = misses_;
  return stats;
}

namespace {

std::optional<std::string> folderFromEnvironment() {
  auto get = [](const char *name) -> std::optional<std::string> {
    const char *text = std::getenv(name);
    return text && *text == '/' ? std::optional<std::string>(text)
                                : std::nullopt;
  };
  if (auto folder = get("WEFT_CACHE_DIR"))
    return folder;
  if (const char *set = std::getenv("WEFT_CACHE_DIR")) {
    // Set and empty switches the cache off; a relative path would depend on
    // the current folder of each process.
    if (*set)
      log(LogLevel::warning,
          absl::StrCat("WEFT_CACHE_DIR: not an absolute path: got \"", set,
                       "\"; compiled kernels are not kept on disk"));
    return std::nullopt;
  }
  if (auto folder = get("XDG_CACHE_HOME"))
    return *folder + "/weft";
  if (auto home = get("HOME"))
    return *home + "/.cache/weft";
  return std::nullopt;
}

struct GlobalCache {
  std::mutex mutex;
  bool initialised = false;
  std::shared_ptr<DiskCache> cache;

  void set(std::optional<std::string> folder) {
    initialised = true;
    cache = folder ? std::make_shared<DiskCache>(std::move(*folder)) : nullptr;
  }
};

GlobalCache &globalCache() {
  static GlobalCache &instance = *new GlobalCache;
  return instance;
}

} // namespace

std::shared_ptr<DiskCache> diskCache() {
  GlobalCache &global = globalCache();
  std::lock_guard lock(global.mutex);
  if (!global.initialised)
    global.set(folderFromEnvironment());
  return global.cache;
}

} // namespace weft::runtime

namespace weft {

Status set_cache_dir(std::optional<std::string> folder) {
  if (folder && folder->substr(0, 1) != "/")
    return invalid_argument_error(absl::StrCat(
        "set_cache_dir: not an absolute path: got \"", *folder, "\""));
  if (folder)
    if (Status status = runtime::DiskCache(*folder).check(); !status.ok())
      return status;
  runtime::GlobalCache &global = runtime::globalCache();
  std::lock_guard lock(global.mutex);
  global.set(std::move(folder));
  return {};
}

std::optional<std::string> cache_dir() {
  auto cache = runtime::diskCache();
  return cache ? std::optional(cache->folder()) : std::nullopt;
}

} // namespace weft
