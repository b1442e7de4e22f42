// SPDX-License-Identifier: Apache-2.0
// Mapping and replacing files, and what stands in the way.
#include "lib/IO/File.h"

#include "test/IO/Files.h"

#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace weft::io {
namespace {

using test::TemporaryFolder;

Status replace(const std::string &path,
               std::initializer_list<std::string_view> pieces) {
  return replace_file("save", path, {pieces.begin(), pieces.size()});
}

TEST(File, MapsWhatWasWritten) {
  TemporaryFolder folder;
  const std::string path = folder / "f";
  ASSERT_EQ(replace(path, {"ab", "", "cd"}), Status());
  StatusOr<MappedFile> file = map_file("load", path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(std::string_view(file->data, 4), "abcd");
  EXPECT_EQ(file->bytes, 4);
  EXPECT_EQ(folder.names(), std::vector<std::string>{"f"});
}

TEST(File, TheMappingOutlivesReplacementAndRemoval) {
  TemporaryFolder folder;
  const std::string path = folder / "f";
  ASSERT_EQ(replace(path, {"old"}), Status());
  StatusOr<MappedFile> file = map_file("load", path);
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(replace(path, {"new and longer"}), Status());
  EXPECT_EQ(std::string_view(file->data, 3), "old");
  unlink(path.c_str());
  EXPECT_EQ(std::string_view(file->data, 3), "old");
}

TEST(File, EmptyFilesHaveNoBytes) {
  TemporaryFolder folder;
  const std::string path = folder / "f";
  ASSERT_EQ(replace(path, {}), Status());
  StatusOr<MappedFile> file = map_file("load", path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->bytes, 0);
}

TEST(File, MissingFilesAreNotFound) {
  TemporaryFolder folder;
  const std::string path = folder / "none";
  EXPECT_EQ(map_file("load", path).status(),
            not_found_error("load: " + path +
                            ": cannot open: No such file or directory"));
  test::write_bytes(folder / "f", "x");
  EXPECT_EQ(map_file("load", folder / "f/g").status().code(),
            StatusCode::not_found);
}

TEST(File, OnlyRegularFilesAreRead) {
  TemporaryFolder folder;
  EXPECT_EQ(map_file("load", folder / ".").status(),
            invalid_argument_error("load: " + (folder / ".") +
                                   ": not a regular file"));
  // Without a writer a blocking open would wait for ever.
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(map_file("load", pipe).status(),
            invalid_argument_error("load: " + pipe + ": not a regular file"));
}

TEST(File, PermissionsAreRespected) {
  if (geteuid() == 0)
    GTEST_SKIP() << "the superuser may read everything";
  TemporaryFolder folder;
  test::write_bytes(folder / "f", "x");
  chmod((folder / "f").c_str(), 0);
  EXPECT_EQ(
      map_file("load", folder / "f").status(),
      Status(StatusCode::permission_denied,
             "load: " + (folder / "f") + ": cannot open: Permission denied"));
}

TEST(File, AFolderThatDoesNotExistIsReported) {
  TemporaryFolder folder;
  const std::string path = folder / "none/f";
  EXPECT_EQ(replace(path, {"x"}),
            not_found_error("save: " + path +
                            ": cannot create: No such file or directory"));
}

TEST(File, AFailedReplacementLeavesNothingBehind) {
  TemporaryFolder folder;
  const std::string path = folder / "taken";
  ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
  test::write_bytes(folder / "taken/f", "x");
  const Status status = replace(path, {"x"});
  EXPECT_EQ(status.message(),
            "save: " + path + ": cannot replace: Is a directory");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"taken"});
}

TEST(File, AFailedWriteIsReportedAndLeavesTheOldFile) {
  TemporaryFolder folder;
  const std::string path = folder / "f";
  ASSERT_EQ(replace(path, {"old"}), Status());
  // A limit on the size of files stands for a full disk.
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 4096;
  setrlimit(RLIMIT_FSIZE, &small);
  const Status status = replace(path, {std::string(10000, 'x')});
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  EXPECT_EQ(status, resource_exhausted_error("save: " + path +
                                             ": cannot write: File too large"));
  EXPECT_EQ(test::read_bytes(path), "old");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"f"});
}

TEST(File, ThreadsMayReplaceOneFile) {
  TemporaryFolder folder;
  const std::string path = folder / "f";
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&path, text = std::string(5000, char('a' + i))] {
      for (int round = 0; round < 20; ++round)
        EXPECT_EQ(replace(path, {text}), Status());
    });
  for (std::thread &thread : threads)
    thread.join();
  const std::string bytes = test::read_bytes(path);
  EXPECT_EQ(bytes, std::string(5000, bytes[0]));
  EXPECT_EQ(folder.names(), std::vector<std::string>{"f"});
}

} // namespace
} // namespace weft::io
