// SPDX-License-Identifier: Apache-2.0
// Files for tests: a folder of their own, written byte by byte.
#pragma once

#include "lib/IO/HostTensor.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace weft::test {

/// An empty folder that goes away with the test.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "weft-io-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(std::string_view name) const {
    return (path_ / name).string();
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto &entry : std::filesystem::directory_iterator(path_))
      names.push_back(entry.path().filename().string());
    return names;
  }

private:
  std::filesystem::path path_;
};

inline void write_bytes(const std::string &path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(file.good()) << path;
}

inline std::string read_bytes(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The bytes of a number, low first.
template <typename T> std::string le(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

/// The bytes of several numbers of one type.
template <typename T> std::string raw(std::initializer_list<T> values) {
  std::string bytes;
  for (T value : values)
    bytes += le(value);
  return bytes;
}

/// A tensor of `bytes`, which it keeps.
inline io::HostTensor host(DType dtype, Shape shape, std::string bytes) {
  auto owner = std::make_shared<std::string>(std::move(bytes));
  const void *data = owner->data();
  return {dtype, shape, data, owner};
}

inline std::string bytes_of(const io::HostTensor &tensor) {
  return {static_cast<const char *>(tensor.data),
          static_cast<size_t>(tensor.bytes())};
}

/// `whole` with a few random changes: bytes, numbers of any length, pieces left
/// out, doubled or cut off.
inline std::string damage(std::string bytes, std::mt19937 &random) {
  static const std::string numbers[] = {
      "0",  "1", "-1", "7", "255", "4294967296", "9223372036854775807",
      "[]", "()"};
  for (size_t n = 1 + random() % 4; n > 0 && !bytes.empty(); --n) {
    const size_t at = random() % bytes.size();
    const size_t length = std::min<size_t>(random() % 16, bytes.size() - at);
    switch (random() % 6) {
    case 0:
      bytes[at] = static_cast<char>(random());
      break;
    case 1:
      bytes.erase(at, length);
      break;
    case 2:
      bytes.insert(at, bytes.substr(at, length));
      break;
    case 3:
      bytes.resize(random() % 8 ? bytes.size() : at);
      break;
    default:
      if (size_t digit = bytes.find_first_of("0123456789", at);
          digit != std::string::npos)
        bytes.replace(digit, 1, numbers[random() % std::size(numbers)]);
    }
  }
  return bytes;
}

/// A path under the source folder.
inline std::string source_path(std::string_view relative) {
  return std::string(WEFT_SOURCE_DIR "/").append(relative);
}

} // namespace weft::test
