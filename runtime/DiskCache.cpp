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
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utility>
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

/// An open file or folder, closed at the end of the scope.
class File {
public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File &&other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~File() { (void)close(); }

  bool isOpen() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }
  File &operator=(File &&other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }

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

  /// Nothing if this is no file, or one of more than `most` bytes.
  std::optional<std::string> readAll(int64_t most) const {
    struct stat info;
    if (fstat(descriptor_, &info) != 0 || !S_ISREG(info.st_mode) ||
        info.st_size > most)
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

/// A file in an open folder. Never follows a link, and never waits for whoever
/// shall write to a pipe.
File openIn(const File &folder, const std::string &name, int flags) {
  return File(openat(folder.get(), name.c_str(),
                     flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
}

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
  std::string name;
  int64_t bytes;
  timespec used;
  bool temporary;
};

/// Exactly what `fileName` makes: others may keep files in the folder.
bool isEntryName(std::string_view name) {
  return endsWith(name, kSuffix) && name.size() == 32 + kSuffix.size() &&
         name.find_first_not_of("0123456789abcdef") == 32;
}

bool isTemporaryName(std::string_view name) {
  return name.substr(0, kTemporary.size()) == kTemporary &&
         name.find_first_not_of("0123456789-", kTemporary.size()) ==
             std::string_view::npos;
}

/// A temporary that some process may be writing; a dead one is older.
bool isInTheMaking(const Entry &entry) {
  return entry.temporary &&
         entry.used.tv_sec + kTemporaryLifetime >= time(nullptr);
}

std::vector<Entry> list(int folder) {
  std::vector<Entry> entries;
  DIR *dir = fdopendir(openat(folder, ".", O_RDONLY | O_CLOEXEC));
  if (!dir)
    return entries;
  while (const dirent *item = readdir(dir)) {
    std::string_view name = item->d_name;
    bool temporary = isTemporaryName(name);
    if (!temporary && !isEntryName(name))
      continue;
    struct stat info;
    if (fstatat(folder, item->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(info.st_mode))
      entries.push_back({item->d_name, info.st_size, info.st_mtim, temporary});
  }
  closedir(dir);
  return entries;
}

int64_t bytesOf(const std::vector<Entry> &entries) {
  int64_t bytes = 0;
  for (const Entry &entry : entries)
    bytes += entry.bytes;
  return bytes;
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

enum class IfMissing { fail, make };

/// The folder, only if nobody else may write to it. What is done with the
/// descriptor is done to the folder that was checked, whatever its path leads
/// to by then.
StatusOr<File> openFolder(const std::string &path, IfMissing ifMissing) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  File folder(open(path.c_str(), kFlags));
  if (!folder.isOpen() && errno == ENOENT && ifMissing == IfMissing::fail)
    return not_found_error(absl::StrCat("cache: no folder: ", path));
  if (!folder.isOpen()) {
    if (Status status = makeFolders(path); !status.ok())
      return status;
    folder = File(open(path.c_str(), kFlags));
  }
  if (!folder.isOpen() && errno == ENOTDIR)
    return failed_precondition_error(
        absl::StrCat("cache: not a folder: ", path));
  struct stat info;
  if (!folder.isOpen() || fstat(folder.get(), &info) != 0)
    return failed_precondition_error(absl::StrCat(
        "cache: cannot read folder ", path, ": ", std::strerror(errno)));
  if (info.st_uid != geteuid())
    return failed_precondition_error(
        absl::StrCat("cache: folder ", path, " belongs to another user: owner ",
                     info.st_uid, ", this process ", geteuid()));
  if (info.st_mode & 022)
    return failed_precondition_error(absl::StrFormat(
        "cache: folder %s may be written to by others: mode %04o, expected "
        "0700",
        path, info.st_mode & 07777));
  return folder;
}

/// Whether this process may write files of that length. The system would kill
/// it if it tried (SIGXFSZ).
bool mayWrite(size_t bytes) {
  rlimit limit;
  return getrlimit(RLIMIT_FSIZE, &limit) != 0 || bytes <= limit.rlim_cur;
}

} // namespace

DiskCache::DiskCache(std::string folder, int64_t limit)
    : folder_(std::move(folder)), limit_(limit) {}

Status DiskCache::check() {
  return openFolder(folder_, IfMissing::make).status();
}

Status DiskCache::refusal() const {
  Status status = openFolder(folder_, IfMissing::fail).status();
  return status.code() == StatusCode::not_found ? Status() : status;
}

/// The open folder of a cache; says once why it cannot be used.
static std::optional<File> openOrWarn(const std::string &path,
                                      std::atomic<bool> &warned,
                                      IfMissing ifMissing = IfMissing::fail) {
  StatusOr<File> folder = openFolder(path, ifMissing);
  if (folder.ok())
    return std::move(*folder);
  if (folder.status().code() != StatusCode::not_found && !warned.exchange(true))
    log(LogLevel::warning, absl::StrCat(std::string(folder.status().message()),
                                        "; compiled kernels are not kept on "
                                        "disk"));
  return std::nullopt;
}

std::optional<std::string> DiskCache::get(std::string_view key) {
  std::string value;
  Verdict verdict = Verdict::otherKey;
  if (std::optional<File> folder = openOrWarn(folder_, warned_)) {
    std::string name = fileName(key);
    File file = openIn(*folder, name, O_RDONLY);
    if (file.isOpen()) {
      std::optional<std::string> bytes = file.readAll(limit_);
      verdict = bytes ? parse(*bytes, key, value) : Verdict::damaged;
      if (verdict == Verdict::hit)
        (void)futimens(file.get(), nullptr);
      if (verdict == Verdict::damaged)
        (void)unlinkat(folder->get(), name.c_str(), 0);
    }
  }
  std::lock_guard lock(mutex_);
  ++(verdict == Verdict::hit ? hits_ : misses_);
  if (verdict != Verdict::hit)
    return std::nullopt;
  return value;
}

/// Different for every file of every process, also where processes of several
/// containers share a folder and a number.
static std::string temporaryName() {
  static std::atomic<uint64_t> counter{0};
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return absl::StrCat(std::string(kTemporary), getpid(), "-", now.tv_sec, "-",
                      now.tv_nsec, "-", counter.fetch_add(1));
}

bool DiskCache::put(std::string_view key, std::string_view value) {
  Header header{kMagic, key.size(), value.size(), checksumOf(key, value)};
  const size_t bytes = sizeof(header) + key.size() + value.size();
  if (static_cast<int64_t>(bytes) > limit_)
    return false;
  std::optional<File> folder = openOrWarn(folder_, warned_, IfMissing::make);
  if (!folder)
    return false;
  auto failed = [&](int error) {
    log(LogLevel::info, absl::StrCat("cache: cannot write to ", folder_, ": ",
                                     std::strerror(error)));
    return false;
  };
  if (!mayWrite(bytes))
    return failed(EFBIG);
  std::string temporary = temporaryName();
  File file = openIn(*folder, temporary, O_WRONLY | O_CREAT | O_EXCL);
  if (!file.isOpen())
    return failed(errno);
  bool written =
      file.write({reinterpret_cast<const char *>(&header), sizeof(header)}) &&
      file.write(key) && file.write(value);
  int error = errno;
  if (written &&
      (!file.close() || renameat(folder->get(), temporary.c_str(),
                                 folder->get(), fileName(key).c_str()) != 0)) {
    error = errno;
    written = false;
  }
  if (!written) {
    (void)unlinkat(folder->get(), temporary.c_str(), 0);
    return failed(error);
  }
  addBytes(folder->get(), static_cast<int64_t>(bytes));
  return true;
}

void DiskCache::addBytes(int folder, int64_t added) {
  std::lock_guard lock(mutex_);
  if (bytes_ < 0 || ++putsSinceCount_ >= kPutsBetweenCounts) {
    bytes_ = bytesOf(list(folder));
    putsSinceCount_ = 0;
  } else {
    bytes_ += added;
  }
  if (bytes_ > limit_)
    shrink(folder);
}

void DiskCache::shrink(int folder) {
  std::vector<Entry> entries = list(folder);
  std::sort(entries.begin(), entries.end(), [](const Entry &a, const Entry &b) {
    auto time = [](const Entry &e) {
      return std::pair(e.used.tv_sec, e.used.tv_nsec);
    };
    return std::pair(time(a), a.name) < std::pair(time(b), b.name);
  });
  bytes_ = bytesOf(entries);
  auto keep = static_cast<int64_t>(static_cast<double>(limit_) * kKeep);
  for (const Entry &entry : entries) {
    bool remove = entry.temporary ? !isInTheMaking(entry) : bytes_ > keep;
    if (remove && unlinkat(folder, entry.name.c_str(), 0) == 0)
      bytes_ -= entry.bytes;
  }
}

StatusOr<DiskCache::Removed> DiskCache::clear() {
  Removed removed;
  StatusOr<File> folder = openFolder(folder_, IfMissing::fail);
  if (!folder.ok() && folder.status().code() == StatusCode::not_found)
    return removed;
  if (!folder.ok())
    return folder.status();
  std::lock_guard lock(mutex_);
  bytes_ = -1;
  for (const Entry &entry : list(folder->get())) {
    if (isInTheMaking(entry))
      continue;
    // Another process may have been faster.
    if (unlinkat(folder->get(), entry.name.c_str(), 0) != 0 && errno != ENOENT)
      return failed_precondition_error(
          absl::StrCat("cache: cannot remove ", folder_, "/", entry.name, ": ",
                       std::strerror(errno)));
    removed.entries += !entry.temporary;
    removed.bytes += entry.bytes;
  }
  return removed;
}

bool DiskCache::hasEntries() const {
  DIR *folder = opendir(folder_.c_str());
  if (!folder)
    return false;
  bool found = false;
  while (const dirent *file = found ? nullptr : readdir(folder))
    found = endsWith(file->d_name, kSuffix);
  closedir(folder);
  return found;
}

/// Whether the key of an entry begins so; its value is not read.
static bool keyBegins(const File &folder, const Entry &entry,
                      std::string_view beginning) {
  File file = openIn(folder, entry.name, O_RDONLY);
  std::string bytes(sizeof(Header) + beginning.size(), '\0');
  auto size = static_cast<ssize_t>(bytes.size());
  return file.isOpen() &&
         ::read(file.get(), bytes.data(), bytes.size()) == size &&
         bytes.substr(sizeof(Header)) == beginning;
}

int64_t DiskCache::count(std::string_view beginning) {
  int64_t count = 0;
  if (std::optional<File> folder = openOrWarn(folder_, warned_))
    for (const Entry &entry : list(folder->get()))
      count += !entry.temporary && keyBegins(*folder, entry, beginning);
  return count;
}

DiskCache::Stats DiskCache::stats() {
  Stats stats;
  if (std::optional<File> folder = openOrWarn(folder_, warned_))
    for (const Entry &entry : list(folder->get())) {
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
