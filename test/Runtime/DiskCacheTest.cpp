// SPDX-License-Identifier: Apache-2.0
// What is stored is found again, by this process and others; what is damaged
// is not.
#include "runtime/DiskCache.h"

#include "ReadFile.h"
#include "TempFolder.h"
#include "weft/Runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace weft::runtime {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Optional;

struct Fixture {
  TempFolder temp;
  std::string folder = temp.path() + "/cache";
  DiskCache cache{folder};

  std::vector<fs::path> files() const {
    std::vector<fs::path> paths;
    for (const auto &entry : fs::directory_iterator(folder))
      paths.push_back(entry.path());
    return paths;
  }
};

mode_t modeOf(const fs::path &path) {
  struct stat info{};
  stat(path.c_str(), &info);
  return info.st_mode & 07777;
}

TEST(DiskCache, FindsWhatWasStored) {
  Fixture f;
  std::string binary("\0\1\xff", 3);
  EXPECT_EQ(f.cache.get("key"), std::nullopt);
  EXPECT_TRUE(f.cache.put("key", binary));
  EXPECT_TRUE(f.cache.put("empty", ""));
  EXPECT_THAT(f.cache.get("key"), Optional(binary));
  EXPECT_THAT(f.cache.get("empty"), Optional(std::string()));
  EXPECT_TRUE(f.cache.put("key", "newer"));
  EXPECT_THAT(DiskCache(f.folder).get("key"), Optional(std::string("newer")));
  DiskCache::Stats stats = f.cache.stats();
  EXPECT_EQ(stats.entries, 2);
  EXPECT_EQ(stats.hits, 2);
  EXPECT_EQ(stats.misses, 1);
  EXPECT_EQ(stats.bytes, 2 * 32 + 3 + 5 + 5); // headers, keys, values
}

TEST(DiskCache, KnowsWhetherItHasEntries) {
  Fixture f;
  EXPECT_FALSE(f.cache.hasEntries());
  ASSERT_TRUE(f.cache.put("key", "value"));
  EXPECT_TRUE(f.cache.hasEntries());
  ASSERT_TRUE(f.cache.clear().ok());
  EXPECT_FALSE(f.cache.hasEntries());
  EXPECT_FALSE(DiskCache("/dev/null/none").hasEntries());
}

TEST(DiskCache, CountsEntriesOfAKind) {
  Fixture f;
  EXPECT_EQ(f.cache.count("tile "), 0);
  for (const char *key : {"tile a", "tile b", "tiles", "plan tile", "til"})
    f.cache.put(key, "tile ");
  EXPECT_EQ(f.cache.count("tile "), 2);
  EXPECT_EQ(f.cache.count(""), 5);
}

TEST(DiskCache, NobodyElseMayRead) {
  Fixture f;
  ASSERT_TRUE(f.cache.put("key", "value"));
  EXPECT_EQ(modeOf(f.folder), 0700u);
  ASSERT_EQ(f.files().size(), 1u); // no temporary is left
  EXPECT_EQ(modeOf(f.files()[0]), 0600u);
}

TEST(DiskCache, DamagedEntryIsAMissAndGoes) {
  Fixture f;
  ASSERT_TRUE(f.cache.put("key", "value"));
  std::string whole = readFile(f.files()[0]);
  fs::path path = f.files()[0];
  for (size_t i = 0; i < whole.size(); ++i)
    for (bool cut : {false, true}) {
      std::string damaged = whole;
      if (cut)
        damaged.resize(i);
      else
        damaged[i] ^= 4;
      std::ofstream(path, std::ios::binary) << damaged;
      EXPECT_EQ(f.cache.get("key"), std::nullopt) << i;
      EXPECT_FALSE(fs::exists(path)) << i;
    }
}

TEST(DiskCache, EntryOfAnotherKeyIsAMissAndStays) {
  Fixture f;
  ASSERT_TRUE(f.cache.put("a", "of a"));
  fs::path ofA = f.files()[0];
  std::string bytes = readFile(ofA);
  ASSERT_TRUE(f.cache.put("b", "of b"));
  for (const fs::path &path : f.files())
    if (path != ofA) {
      // As if the hashes of the two keys were equal.
      std::ofstream(path, std::ios::binary) << bytes;
      EXPECT_EQ(f.cache.get("b"), std::nullopt);
      EXPECT_TRUE(fs::exists(path));
    }
}

void setUsed(const fs::path &path, time_t when) {
  timespec times[2] = {{when, 0}, {when, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
}

TEST(DiskCache, DropsWhatWasUnusedForLongest) {
  Fixture f;
  std::string value(1000, 'x');
  DiskCache cache(f.folder, 4500);
  for (const char *key : {"a", "b", "c", "d"}) {
    ASSERT_TRUE(cache.put(key, value));
    // Writing order is not use order: times are set by hand.
    for (const fs::path &path : f.files())
      if (readFile(path)[32] == *key)
        setUsed(path, 1000000 + *key);
  }
  EXPECT_TRUE(cache.get("a")); // used now
  ASSERT_TRUE(cache.put("e", value));
  EXPECT_TRUE(cache.get("a"));
  EXPECT_TRUE(cache.get("e"));
  EXPECT_FALSE(cache.get("b"));
  EXPECT_LE(cache.stats().bytes, 4500);
}

TEST(DiskCache, ClearLeavesOtherFilesAlone) {
  Fixture f;
  ASSERT_TRUE(f.cache.put("key", "value"));
  const std::vector<std::string> others = {
      "notes.txt", "notes.entry", ".tmp-notes",
      "0123456789abcdef0123456789abcdef0.entry"};
  for (const std::string &name : others)
    std::ofstream(f.folder + "/" + name) << "mine";
  int64_t bytes = f.cache.stats().bytes;
  StatusOr<DiskCache::Removed> removed = f.cache.clear();
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_EQ(removed->entries, 1);
  EXPECT_EQ(removed->bytes, bytes);
  EXPECT_EQ(f.cache.get("key"), std::nullopt);
  EXPECT_EQ(f.cache.stats().entries, 0);
  for (const std::string &name : others)
    EXPECT_TRUE(fs::exists(f.folder + "/" + name)) << name;
}

TEST(DiskCache, ClearRemovesWhatKilledProcessesLeft) {
  Fixture f;
  ASSERT_TRUE(f.cache.put("key", "value"));
  std::ofstream(f.folder + "/.tmp-12-0") << "half";
  std::ofstream(f.folder + "/.tmp-12-1") << "half";
  setUsed(f.folder + "/.tmp-12-0", 1000000);
  ASSERT_TRUE(f.cache.clear().ok());
  EXPECT_FALSE(fs::exists(f.folder + "/.tmp-12-0"));
  EXPECT_TRUE(fs::exists(f.folder + "/.tmp-12-1")); // may be in the making
}

TEST(DiskCache, ClearMakesNoFolder) {
  Fixture f;
  StatusOr<DiskCache::Removed> removed = f.cache.clear();
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_EQ(removed->entries, 0);
  EXPECT_FALSE(fs::exists(f.folder));
}

TEST(DiskCache, ClearRefusesFoldersThatOthersMayWriteTo) {
  Fixture f;
  ASSERT_TRUE(f.cache.put("key", "value"));
  fs::permissions(f.folder, fs::perms::all);
  EXPECT_THAT(std::string(f.cache.clear().status().message()),
              HasSubstr("may be written to by others"));
  EXPECT_EQ(f.files().size(), 1u);
}

TEST(DiskCache, ServesThreadsAndProcessesAtOnce) {
  Fixture f;
  auto work = [&](DiskCache &cache) {
    int wrong = 0;
    for (int round = 0; round < 100; ++round) {
      std::string key = std::to_string(round % 5);
      std::string value(10000, key[0]);
      cache.put(key, value);
      std::optional<std::string> got = cache.get(key);
      wrong += got && *got != value;
    }
    return wrong;
  };
  pid_t child = fork();
  if (child == 0) {
    DiskCache own(f.folder);
    _exit(work(own) ? 1 : 0);
  }
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] { wrong += work(f.cache); });
  for (std::thread &thread : threads)
    thread.join();
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(f.files().size(), 5u);
}

/// The warnings that `body` logs.
template <typename Body> std::vector<std::string> warnings(Body body) {
  std::vector<std::string> lines;
  set_log_callback([&](LogLevel level, std::string_view line) {
    if (level == LogLevel::warning)
      lines.emplace_back(line);
  });
  body();
  set_log_callback({});
  return lines;
}

TEST(DiskCache, FolderOthersMayWriteToIsRefusedAndSaidOnce) {
  Fixture f;
  ASSERT_TRUE(f.cache.put("key", "value"));
  fs::permissions(f.folder, fs::perms(0777));
  DiskCache cache(f.folder);
  std::vector<std::string> said = warnings([&] {
    EXPECT_EQ(cache.get("key"), std::nullopt);
    EXPECT_FALSE(cache.put("key", "other"));
  });
  EXPECT_THAT(said, testing::ElementsAre(
                        "cache: folder " + f.folder +
                        " may be written to by others: mode 0777, expected "
                        "0700; compiled kernels are not kept on disk"));
}

TEST(DiskCache, NamesWhyAFolderCannotBeUsed) {
  Fixture f;
  std::ofstream(f.temp.path() + "/file") << "x";
  EXPECT_EQ(DiskCache(f.temp.path() + "/file").check().message(),
            "cache: not a folder: " + f.temp.path() + "/file");
  EXPECT_THAT(DiskCache(f.temp.path() + "/file/sub").check().message(),
              HasSubstr("cache: cannot make folder " + f.temp.path() +
                        "/file/sub: Not a directory"));
  if (geteuid() == 0) {
    fs::create_directory(f.temp.path() + "/theirs");
    ASSERT_EQ(chown((f.temp.path() + "/theirs").c_str(), 1234, 1234), 0);
    EXPECT_EQ(DiskCache(f.temp.path() + "/theirs").check().message(),
              "cache: folder " + f.temp.path() +
                  "/theirs belongs to another user: owner 1234, this process "
                  "0");
  }
}

/// Evaluates `body` in a child: what a process has one of stays as it is here.
template <typename Body> bool holdsInChild(Body body) {
  pid_t child = fork();
  if (child == 0)
    _exit(body() ? 0 : 1);
  int status = -1;
  waitpid(child, &status, 0);
  return status == 0;
}

TEST(DiskCache, FullDiskIsAMissAndLeavesNothing) {
  Fixture f;
  ASSERT_TRUE(f.cache.put("small", "value"));
  std::string large(100000, 'x');
  EXPECT_TRUE(holdsInChild([&] {
    // The system kills a process that writes beyond this limit (SIGXFSZ).
    rlimit limit{4096, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &limit);
    return !f.cache.put("large", large) && !f.cache.get("large") &&
           f.cache.get("small") == "value" && f.cache.put("other", "value");
  }));
  EXPECT_EQ(f.files().size(), 2u); // no temporary is left
}

TEST(DiskCache, WriteThatFailsHalfWayLeavesNothing) {
  Fixture f;
  ASSERT_TRUE(f.cache.put("small", "value"));
  TempFolder target;
  if (mount("weft-test", target.path().c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "may not mount a small disk: " << strerror(errno);
  fs::permissions(target.path(), fs::perms(0700));
  DiskCache cache(target.path());
  EXPECT_TRUE(cache.put("small", "value"));
  EXPECT_FALSE(cache.put("large", std::string(1 << 20, 'x')));
  EXPECT_THAT(cache.get("small"), Optional(std::string("value")));
  EXPECT_EQ(cache.get("large"), std::nullopt);
  EXPECT_EQ(cache.stats().entries, 1);
  EXPECT_TRUE(cache.put("again", "value"));
  umount(target.path().c_str());
}

TEST(DiskCache, EntriesBeyondTheLimitAreNotStored) {
  Fixture f;
  DiskCache cache(f.folder, 1000);
  EXPECT_FALSE(cache.put("key", std::string(1000, 'x')));
  EXPECT_TRUE(cache.put("key", std::string(500, 'x')));
}

TEST(DiskCache, FolderThatWentIsMadeAgain) {
  Fixture f;
  ASSERT_TRUE(f.cache.put("key", "value"));
  fs::remove_all(f.folder);
  EXPECT_TRUE(warnings([&] {
                EXPECT_EQ(f.cache.get("key"), std::nullopt);
                EXPECT_EQ(f.cache.stats().entries, 0);
              }).empty());
  EXPECT_FALSE(fs::exists(f.folder)) << "reading makes no folder";
  EXPECT_TRUE(f.cache.put("key", "value"));
  EXPECT_THAT(f.cache.get("key"), Optional(std::string("value")));
}

TEST(DiskCache, FolderThatOthersMayWriteToLaterIsNotUsedAnyMore) {
  Fixture f;
  ASSERT_TRUE(f.cache.put("key", "value"));
  fs::permissions(f.folder, fs::perms(0722));
  EXPECT_EQ(warnings([&] {
              EXPECT_EQ(f.cache.get("key"), std::nullopt);
              EXPECT_FALSE(f.cache.put("key", "other"));
            }).size(),
            1u);
  fs::permissions(f.folder, fs::perms(0700));
  EXPECT_THAT(f.cache.get("key"), Optional(std::string("value")));
}

TEST(DiskCache, UnwritableFolderIsReadFrom) {
  Fixture f;
  ASSERT_TRUE(f.cache.put("key", "value"));
  if (geteuid() == 0) { // may write anywhere: the child is somebody else
    fs::permissions(f.temp.path(), fs::perms(0755));
    for (const fs::path &path : {fs::path(f.folder), f.files()[0]})
      ASSERT_EQ(chown(path.c_str(), 1234, 1234), 0);
  }
  fs::permissions(f.folder, fs::perms(0500));
  EXPECT_TRUE(holdsInChild([&] {
    return (geteuid() != 0 || setuid(1234) == 0) &&
           !f.cache.put("other", "value") && f.cache.get("key") == "value";
  }));
  fs::permissions(f.folder, fs::perms(0700));
}

TEST(DiskCache, HomeThatCannotBeWrittenToIsSaid) {
  Fixture f;
  DiskCache cache("/proc/weft/.cache/weft");
  EXPECT_THAT(warnings([&] {
                EXPECT_EQ(cache.get("key"), std::nullopt);
                EXPECT_FALSE(cache.put("key", "value"));
                EXPECT_FALSE(cache.put("key", "value"));
              }),
              testing::ElementsAre(
                  "cache: cannot make folder /proc/weft: No such file or "
                  "directory; compiled kernels are not kept on disk"));
}

TEST(DiskCache, WhatIsNoEntryIsAMiss) {
  Fixture f;
  ASSERT_TRUE(f.cache.put("key", "value"));
  const fs::path entry = f.files()[0], secret = f.temp.path() + "/secret";
  std::ofstream(secret) << "not ours";
  auto isMiss = [&] { return f.cache.get("key") == std::nullopt; };
  // A link is not followed: neither read nor written through.
  fs::remove(entry);
  fs::create_symlink(secret, entry);
  EXPECT_TRUE(isMiss());
  EXPECT_TRUE(f.cache.put("key", "newer"));
  EXPECT_THAT(f.cache.get("key"), Optional(std::string("newer")));
  EXPECT_FALSE(fs::is_symlink(entry));
  EXPECT_EQ(readFile(secret), "not ours");
  // Nobody writes to this pipe.
  fs::remove(entry);
  ASSERT_EQ(mkfifo(entry.c_str(), 0600), 0);
  EXPECT_TRUE(isMiss());
  fs::remove(entry);
  fs::create_directory(entry);
  EXPECT_TRUE(isMiss());
  EXPECT_FALSE(f.cache.put("key", "value"));
  EXPECT_EQ(f.files().size(), 1u);
  // More than memory holds.
  fs::remove(entry);
  std::ofstream(entry) << "x";
  fs::resize_file(entry, uint64_t{1} << 42);
  EXPECT_TRUE(isMiss());
}

TEST(DiskCache, FolderSwappedForALinkIsCheckedAsTheFolderItLeadsTo) {
  Fixture f;
  ASSERT_TRUE(f.cache.put("key", "value"));
  const std::string theirs = f.temp.path() + "/theirs";
  fs::rename(f.folder, theirs);
  fs::permissions(theirs, fs::perms(0777));
  fs::create_directory_symlink(theirs, f.folder);
  EXPECT_EQ(f.cache.get("key"), std::nullopt);
  EXPECT_FALSE(f.cache.put("other", "value"));
}

TEST(DiskCache, KilledProcessesLeaveWholeEntries) {
  Fixture f;
  const std::string keys[] = {"0", "1", "2"};
  auto valueOf = [](const std::string &key) {
    return std::string(300000, key[0]);
  };
  int found = 0;
  for (int round = 0; round < 100; ++round) {
    pid_t child = fork();
    if (child == 0) {
      DiskCache own(f.folder);
      for (size_t i = 0;; ++i)
        own.put(keys[i % 3], valueOf(keys[i % 3]));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(100 * round));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    for (const std::string &key : keys)
      if (std::optional<std::string> value = f.cache.get(key)) {
        ++found;
        ASSERT_EQ(*value, valueOf(key));
      }
  }
  EXPECT_GT(found, 0);
  // What they left half-written goes when it is old.
  for (const fs::path &path : f.files())
    setUsed(path, 1000000);
  DiskCache tight(f.folder, 410000);
  EXPECT_TRUE(tight.put("0", valueOf("0")));
  EXPECT_EQ(f.files().size(), 1u);
}

TEST(CacheDir, FollowsTheEnvironment) {
  auto folder = [](const char *weft, const char *xdg, const char *home) {
    ScopedVariable a("WEFT_CACHE_DIR", weft), b("XDG_CACHE_HOME", xdg),
        c("HOME", home);
    return cache_dir().value_or("none");
  };
  EXPECT_TRUE(holdsInChild([&] { return folder("/w", "/x", "/h") == "/w"; }));
  EXPECT_TRUE(holdsInChild([&] { return folder("", "/x", "/h") == "none"; }));
  EXPECT_TRUE(
      holdsInChild([&] { return folder(nullptr, "/x", "/h") == "/x/weft"; }));
  EXPECT_TRUE(holdsInChild(
      [&] { return folder(nullptr, nullptr, "/h") == "/h/.cache/weft"; }));
  EXPECT_TRUE(holdsInChild(
      [&] { return folder(nullptr, nullptr, nullptr) == "none"; }));
  EXPECT_TRUE(holdsInChild([&] {
    std::vector<std::string> said =
        warnings([&] { EXPECT_EQ(folder("relative", "/x", "/h"), "none"); });
    return said ==
           std::vector<std::string>{
               "WEFT_CACHE_DIR: not an absolute path: got \"relative\"; "
               "compiled kernels are not kept on disk"};
  }));
}

TEST(CacheDir, CanBeSetAndSwitchedOff) {
  Fixture f;
  std::optional<std::string> before = cache_dir();
  ASSERT_TRUE(set_cache_dir(f.folder).ok());
  EXPECT_EQ(cache_dir(), f.folder);
  EXPECT_TRUE(fs::is_directory(f.folder));
  EXPECT_EQ(set_cache_dir("x").message(),
            "set_cache_dir: not an absolute path: got \"x\"");
  fs::permissions(f.folder, fs::perms(0770));
  EXPECT_THAT(set_cache_dir(f.folder).message(),
              HasSubstr("may be written to by others: mode 0770"));
  EXPECT_EQ(cache_dir(), f.folder); // an error changes nothing
  ASSERT_TRUE(set_cache_dir(std::nullopt).ok());
  EXPECT_EQ(cache_dir(), std::nullopt);
  EXPECT_EQ(diskCache(), nullptr);
  ASSERT_TRUE(set_cache_dir(before).ok());
}

} // namespace
} // namespace weft::runtime
