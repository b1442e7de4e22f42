// SPDX-License-Identifier: Apache-2.0
// Files through the calls of POSIX, so that every failure has its reason.
#include "File.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft::io {
namespace {

/// What the call that just failed says: `cannot open: No such file ...`.
Status system_error(std::string_view op, const std::string &path,
                    std::string_view rule, int error) {
  StatusCode code = StatusCode::unavailable;
  if (error == ENOENT || error == ENOTDIR)
    code = StatusCode::not_found;
  if (error == EACCES || error == EPERM || error == EROFS)
    code = StatusCode::permission_denied;
  if (error == ENOSPC || error == EDQUOT || error == EFBIG)
    code = StatusCode::resource_exhausted;
  char text[256];
  return Status(
      code, file_message(op, path, rule, strerror_r(error, text, sizeof text)));
}

/// Closes a descriptor at the end of a scope.
struct Descriptor {
  int fd;
  explicit Descriptor(int fd) : fd(fd) {}
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  ~Descriptor() {
    if (fd >= 0)
      close(fd);
  }
};

bool write_all(int fd, std::string_view bytes) {
  // One call of write takes 2 GiB at most.
  constexpr size_t kLargest = size_t{1} << 30;
  while (!bytes.empty()) {
    ssize_t written = write(fd, bytes.data(), std::min(bytes.size(), kLargest));
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

/// Makes a finished rename survive a power cut. File systems that cannot do it
/// for folders have nothing better to offer.
void sync_folder_of(const std::string &path) {
  size_t slash = path.rfind('/');
  std::string folder = slash == path.npos ? "." : path.substr(0, slash + 1);
  Descriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.fd >= 0)
    fsync(fd.fd);
}

} // namespace

std::string file_message(std::string_view op, const std::string &path,
                         std::string_view rule, std::string_view values) {
  std::string text;
  text.append(op).append(": ").append(path).append(": ").append(rule);
  if (!values.empty())
    text.append(": ").append(values);
  return text;
}

StatusOr<MappedFile> map_file(std::string_view op, const std::string &path) {
  // Not blocking, lest a pipe without writer hang us here.
  Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info;
  if (fd.fd < 0 || fstat(fd.fd, &info) != 0)
    return system_error(op, path, "cannot open", errno);
  if (!S_ISREG(info.st_mode))
    return invalid_argument_error(file_message(op, path, "not a regular file"));
  if (info.st_size == 0)
    return MappedFile{"", 0, nullptr}; // mmap refuses length 0

  const size_t bytes = static_cast<size_t>(info.st_size);
  void *data = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd.fd, 0);
  if (data == MAP_FAILED)
    return system_error(op, path, "cannot map", errno);
  return MappedFile{static_cast<const char *>(data), info.st_size,
                    std::shared_ptr<const void>(
                        data, [bytes](void *p) { munmap(p, bytes); })};
}

Status replace_file(std::string_view op, const std::string &path,
                    std::span<const std::string_view> pieces) {
  static std::atomic<int> counter{0};
  const std::string temporary = path + ".tmp-" + std::to_string(getpid()) +
                                "-" + std::to_string(counter++);
  Descriptor fd(
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (fd.fd < 0)
    return system_error(op, path, "cannot create", errno);
  auto give_up = [&](std::string_view rule, int error) {
    unlink(temporary.c_str());
    return system_error(op, path, rule, error);
  };
  for (std::string_view piece : pieces)
    if (!write_all(fd.fd, piece))
      return give_up("cannot write", errno);
  // The name may not reach the disk before the contents.
  if (fsync(fd.fd) != 0)
    return give_up("cannot write", errno);
  if (rename(temporary.c_str(), path.c_str()) != 0)
    return give_up("cannot replace", errno);
  sync_folder_of(path);
  return {};
}

} // namespace weft::io
