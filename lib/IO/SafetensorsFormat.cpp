// SPDX-License-Identifier: Apache-2.0
// Safetensors files. Reading trusts nothing: every tensor lies inside the file,
// none overlaps another, no byte belongs to none.
#include "SafetensorsFormat.h"

#include "File.h"
#include "SafetensorsHeader.h"

#include "weft/Core/Float.h"
#include "weft/Core/ShapeRules.h"

#include "absl/strings/escaping.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

namespace weft::io {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the format is little-endian, and so is its mapped memory");

constexpr std::string_view kLoad = "load_safetensors";
constexpr std::string_view kSave = "save_safetensors";
constexpr int64_t kLengthBytes = 8;
constexpr uint64_t kLargestHeader = 100'000'000; // the format's own limit

// int4 has no name in the format: it is stored as I8 with a note of this name
// in the metadata.
constexpr std::string_view kInt4Note = "weft.dtype.";

constexpr std::pair<std::string_view, DType> kTypeNames[] = {
    {"F64", float64},   {"F32", float32},    {"F16", float16},
    {"BF16", bfloat16}, {"F8_E4M3", float8}, {"I64", int64},
    {"I32", int32},     {"I8", int8},        {"U8", uint8},
    {"BOOL", boolean},
};

std::string_view type_name(DType type) {
  for (auto [name, candidate] : kTypeNames)
    if (candidate == type)
      return name;
  return "I8"; // int4
}

std::string quote(std::string_view text) {
  return std::string("\"").append(text).append("\"");
}

/// Turns entries of one file into tensors.
class Reader {
public:
  Reader(const std::string &path, MappedFile file)
      : path_(path), file_(std::move(file)) {}

  StatusOr<std::vector<NamedTensor>> read() {
    StatusOr<SafetensorsHeader> header = read_header();
    if (!header.ok())
      return header.status();
    if (Status status = check_layout(header->entries); !status.ok())
      return status;
    std::vector<NamedTensor> tensors;
    for (const SafetensorsEntry &entry : header->entries) {
      StatusOr<HostTensor> tensor = make_tensor(entry, header->metadata);
      if (!tensor.ok())
        return tensor.status();
      tensors.emplace_back(entry.name, *std::move(tensor));
    }
    return tensors;
  }

private:
  Status damaged(std::string_view rule, std::string_view values) const {
    return data_loss_error(file_message(kLoad, path_, rule, values));
  }

  uint64_t data_bytes() const {
    return static_cast<uint64_t>(file_.bytes - data_start_);
  }

  /// Whether there is a `{` where the header begins: otherwise the bytes that
  /// should be its length are likely those of another kind of file.
  bool has_brace() const {
    return file_.bytes > kLengthBytes && file_.data[kLengthBytes] == '{';
  }

  StatusOr<SafetensorsHeader> read_header() {
    if (file_.bytes < kLengthBytes)
      return damaged("file is shorter than its length field",
                     std::to_string(file_.bytes) + " bytes, expected " +
                         std::to_string(kLengthBytes));
    uint64_t length;
    std::memcpy(&length, file_.data, sizeof length);
    const uint64_t rest = static_cast<uint64_t>(file_.bytes - kLengthBytes);
    if (length > kLargestHeader && !has_brace())
      return damaged(
          "not a safetensors file",
          "begins with " +
              quote(absl::CHexEscape(std::string(file_.data, kLengthBytes))) +
              ", expected the length of a header in 8 bytes and the "
              "header, which begins with {");
    if (length > kLargestHeader)
      return damaged("header is too large", std::to_string(length) +
                                                " bytes, limit " +
                                                std::to_string(kLargestHeader));
    if (length > rest)
      return damaged("file ends inside the header",
                     "header of " + std::to_string(length) + " bytes, " +
                         std::to_string(rest) + " left");
    data_start_ = kLengthBytes + static_cast<int64_t>(length);
    StatusOr<SafetensorsHeader> header =
        parse_safetensors_header({file_.data + kLengthBytes, length});
    if (!header.ok())
      return data_loss_error(
          file_message(kLoad, path_, header.status().message()));
    return header;
  }

  /// Sorted by place, each tensor must begin where the one before it ends.
  Status check_layout(const std::vector<SafetensorsEntry> &entries) const {
    std::vector<const SafetensorsEntry *> by_place;
    for (const SafetensorsEntry &entry : entries) {
      if (entry.offsets.size() != 2)
        return damaged("data_offsets are not two numbers",
                       "tensor " + quote(entry.name) + " has " +
                           std::to_string(entry.offsets.size()));
      if (entry.offsets[0] > entry.offsets[1])
        return damaged("data ends before it begins", place(entry));
      if (entry.offsets[1] > data_bytes())
        return damaged("data lies behind the end of the file",
                       place(entry) + ", data of the file " +
                           std::to_string(data_bytes()) + " bytes");
      by_place.push_back(&entry);
    }
    std::sort(by_place.begin(), by_place.end(), [](auto *a, auto *b) {
      return a->offsets != b->offsets ? a->offsets < b->offsets
                                      : a->name < b->name;
    });
    uint64_t end = 0;
    const SafetensorsEntry *before = nullptr;
    for (const SafetensorsEntry *entry : by_place) {
      if (entry->offsets[0] < end)
        return damaged("tensors overlap",
                       place(*before) + " and " + place(*entry));
      if (entry->offsets[0] > end)
        return damaged("bytes belong to no tensor",
                       std::to_string(end) + " to " +
                           std::to_string(entry->offsets[0]));
      end = entry->offsets[1];
      before = entry;
    }
    if (end != data_bytes())
      return damaged("bytes belong to no tensor",
                     std::to_string(end) + " to " +
                         std::to_string(data_bytes()));
    return {};
  }

  static std::string place(const SafetensorsEntry &entry) {
    return quote(entry.name) + " at " + std::to_string(entry.offsets[0]) +
           " to " + std::to_string(entry.offsets[1]);
  }

  StatusOr<DType>
  read_type(const SafetensorsEntry &entry,
            const std::map<std::string, std::string> &metadata) const {
    const auto *row =
        std::find_if(std::begin(kTypeNames), std::end(kTypeNames),
                     [&](auto &row) { return row.first == entry.dtype; });
    if (row == std::end(kTypeNames)) {
      std::string known;
      for (auto [name, type] : kTypeNames)
        known.append(known.empty() ? "" : " ").append(name);
      return unimplemented_error(
          file_message(kLoad, path_, "dtype is not supported",
                       "tensor " + quote(entry.name) + " has " +
                           quote(entry.dtype) + ", expected one of " + known));
    }
    auto note = metadata.find(std::string(kInt4Note) + entry.name);
    if (note == metadata.end())
      return row->second;
    if (note->second != "int4" || row->second != int8)
      return damaged("dtype note does not fit",
                     "tensor " + quote(entry.name) + " of " + entry.dtype +
                         " is noted as " + quote(note->second) +
                         ", expected I8 noted as \"int4\"");
    return int4;
  }

  StatusOr<Shape> read_shape(const SafetensorsEntry &entry) const {
    std::vector<int64_t> sizes;
    for (uint64_t size : entry.shape)
      sizes.push_back(static_cast<int64_t>(
          std::min<uint64_t>(size, std::numeric_limits<int64_t>::max())));
    Shape shape{std::span<const int64_t>(sizes)};
    Status status = shape_rules::valid(
        file_message(kLoad, path_, "tensor " + quote(entry.name)), shape);
    if (!status.ok())
      return data_loss_error(std::string(status.message()));
    return shape;
  }

  StatusOr<HostTensor>
  make_tensor(const SafetensorsEntry &entry,
              const std::map<std::string, std::string> &metadata) const {
    StatusOr<DType> type = read_type(entry, metadata);
    if (!type.ok())
      return type.status();
    StatusOr<Shape> shape = read_shape(entry);
    if (!shape.ok())
      return shape.status();
    HostTensor tensor{*type, *shape,
                      file_.data + data_start_ + entry.offsets[0], file_.owner};
    const uint64_t bytes = entry.offsets[1] - entry.offsets[0];
    if (static_cast<uint64_t>(tensor.bytes()) != bytes)
      return damaged("length does not fit the shape",
                     "tensor " + quote(entry.name) + " of " + entry.dtype +
                         " " + to_string(*shape) + " needs " +
                         std::to_string(tensor.bytes()) + " bytes, has " +
                         std::to_string(bytes));
    return check_values(entry, std::move(tensor));
  }

  /// Kernels rely on a bool being 0 or 1 and on an int4 being -8 to 7.
  StatusOr<HostTensor> check_values(const SafetensorsEntry &entry,
                                    HostTensor tensor) const {
    if (tensor.dtype != boolean && tensor.dtype != int4)
      return align(std::move(tensor));
    const int least = tensor.dtype == boolean ? 0 : -8;
    const int largest = tensor.dtype == boolean ? 1 : 7;
    const auto *values = static_cast<const int8_t *>(tensor.data);
    for (int64_t i = 0; i < tensor.bytes(); ++i)
      if (values[i] < least || values[i] > largest)
        return damaged("value is outside its type",
                       "tensor " + quote(entry.name) + " of " +
                           std::string(name(tensor.dtype)) + " has " +
                           std::to_string(values[i]) + " at " +
                           std::to_string(i));
    return tensor;
  }

  const std::string &path_;
  MappedFile file_;
  int64_t data_start_ = 0;
};

Status check_names(const std::string &path,
                   std::span<const NamedTensor> tensors) {
  std::vector<std::string_view> names;
  for (const auto &[name, tensor] : tensors) {
    if (name == "__metadata__")
      return invalid_argument_error(
          file_message(kSave, path, "name is reserved", quote(name)));
    if (!is_utf8(name))
      return invalid_argument_error(
          file_message(kSave, path, "name is not UTF-8", quote(name)));
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  auto twin = std::adjacent_find(names.begin(), names.end());
  if (twin != names.end())
    return invalid_argument_error(
        file_message(kSave, path, "duplicate name", quote(*twin)));
  return {};
}

} // namespace

StatusOr<std::vector<NamedTensor>> read_safetensors(const std::string &path) {
  StatusOr<MappedFile> file = map_file(kLoad, path);
  if (!file.ok())
    return file.status();
  return Reader(path, *std::move(file)).read();
}

Status write_safetensors(const std::string &path,
                         std::span<const NamedTensor> tensors) {
  if (Status status = check_names(path, tensors); !status.ok())
    return status;

  // The header keeps the order of the tensors; their elements are laid out
  // widest type first, so that each is aligned without padding, which the
  // format forbids.
  std::vector<size_t> layout(tensors.size());
  std::iota(layout.begin(), layout.end(), size_t{0});
  std::sort(layout.begin(), layout.end(), [&](size_t a, size_t b) {
    const int64_t wide_a = size_in_bytes(tensors[a].second.dtype);
    const int64_t wide_b = size_in_bytes(tensors[b].second.dtype);
    return wide_a != wide_b ? wide_a > wide_b : a < b;
  });

  SafetensorsHeader header;
  header.entries.resize(tensors.size());
  std::vector<std::string_view> pieces(2);
  uint64_t offset = 0;
  for (size_t i : layout) {
    const auto &[name, tensor] = tensors[i];
    const uint64_t bytes = static_cast<uint64_t>(tensor.bytes());
    header.entries[i] = {name,
                         std::string(type_name(tensor.dtype)),
                         {tensor.shape.begin(), tensor.shape.end()},
                         {offset, offset + bytes}};
    if (tensor.dtype == int4)
      header.metadata[std::string(kInt4Note) + name] = "int4";
    pieces.emplace_back(static_cast<const char *>(tensor.data), bytes);
    offset += bytes;
  }

  // Spaces up to a multiple of 64 align the elements when the file is mapped.
  std::string text = print_safetensors_header(header);
  text.resize((text.size() + kLengthBytes + 63) / 64 * 64 - kLengthBytes, ' ');
  if (text.size() > kLargestHeader)
    return invalid_argument_error(
        file_message(kSave, path, "header is too large",
                     std::to_string(text.size()) + " bytes, limit " +
                         std::to_string(kLargestHeader)));
  const uint64_t length = text.size();
  pieces[0] = {reinterpret_cast<const char *>(&length), sizeof length};
  pieces[1] = text;
  return replace_file(kSave, path, pieces);
}

} // namespace weft::io
