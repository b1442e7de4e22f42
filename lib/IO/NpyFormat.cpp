// SPDX-License-Identifier: Apache-2.0
// .npy files of versions 1 to 3; written as version 1.
#include "NpyFormat.h"

#include "File.h"
#include "NpyHeader.h"

#include "weft/Core/ShapeRules.h"

#include <array>
#include <cstring>

namespace weft::io {
namespace {

constexpr std::string_view kLoad = "load_npy";
constexpr std::string_view kSave = "save_npy";
constexpr std::string_view kMagic("\x93NUMPY", 6);
// The magic and two bytes of version; then the length of the header.
constexpr int64_t kVersionBytes = 8;

struct TypeCode {
  std::string_view code; // without the byte order
  DType type;
};
constexpr TypeCode kTypeCodes[] = {
    {"f8", float64}, {"f4", float32}, {"f2", float16}, {"i8", int64},
    {"i4", int32},   {"i1", int8},    {"u1", uint8},   {"b1", boolean},
};

Status damaged(const std::string &path, std::string_view rule,
               std::string_view values) {
  return data_loss_error(file_message(kLoad, path, rule, values));
}

StatusOr<DType> read_type(const std::string &path, const std::string &descr) {
  const bool has_order =
      !descr.empty() &&
      std::string_view("<>|=").find(descr[0]) != std::string_view::npos;
  const std::string_view code =
      std::string_view(descr).substr(has_order ? 1 : 0);
  for (auto [known, type] : kTypeCodes) {
    if (known != code)
      continue;
    if (size_in_bytes(type) > 1 && descr[0] == '>')
      return unimplemented_error(file_message(
          kLoad, path, "big-endian is not supported",
          "got '" + descr + "', expected '<" + std::string(code) + "'"));
    return type;
  }
  std::string known;
  for (auto [code, type] : kTypeCodes)
    known.append(known.empty() ? "" : " ").append(code);
  return unimplemented_error(
      file_message(kLoad, path, "type is not supported",
                   "got '" + descr + "', expected one of " + known));
}

/// The header's text and where the elements begin.
struct Frame {
  std::string_view header;
  int64_t data_start;
};

StatusOr<Frame> read_frame(const std::string &path, const MappedFile &file) {
  const std::string_view bytes(file.data, static_cast<size_t>(file.bytes));
  if (bytes.substr(0, kMagic.size()) != kMagic)
    return damaged(path, "not an .npy file", "the magic string is missing");
  const auto ends_in_header = [&](int64_t needed) {
    return damaged(path, "file ends inside the header",
                   std::to_string(file.bytes) + " bytes, expected at least " +
                       std::to_string(needed));
  };
  if (file.bytes < kVersionBytes)
    return ends_in_header(kVersionBytes);
  const int major = static_cast<unsigned char>(bytes[6]);
  const int minor = static_cast<unsigned char>(bytes[7]);
  if (major < 1 || major > 3 || minor != 0)
    return damaged(path, "version is not supported",
                   "got " + std::to_string(major) + "." +
                       std::to_string(minor) + ", expected 1.0, 2.0 or 3.0");
  const int64_t length_bytes = major == 1 ? 2 : 4;
  const int64_t header_start = kVersionBytes + length_bytes;
  if (file.bytes < header_start)
    return ends_in_header(header_start);
  uint32_t length = 0; // little-endian in the file and here
  std::memcpy(&length, bytes.data() + kVersionBytes,
              static_cast<size_t>(length_bytes));
  if (file.bytes - header_start < length)
    return ends_in_header(header_start + length);
  return Frame{bytes.substr(static_cast<size_t>(header_start), length),
               header_start + length};
}

/// Copies an array whose first dim varies fastest into one whose last does.
StatusOr<HostTensor> from_fortran_order(const HostTensor &tensor) {
  StatusOr<std::shared_ptr<void>> memory = allocate(tensor.bytes());
  if (!memory.ok())
    return memory.status();
  const auto width = static_cast<size_t>(size_in_bytes(tensor.dtype));
  const int rank = tensor.shape.rank();
  std::array<int64_t, Shape::kMaxRank> stride{}, index{};
  int64_t product = 1;
  for (int dim = 0; dim < rank; ++dim) {
    stride[static_cast<size_t>(dim)] = product;
    product *= tensor.shape[dim];
  }
  const char *from = static_cast<const char *>(tensor.data);
  char *to = static_cast<char *>(memory->get());
  int64_t source = 0;
  for (int64_t i = 0; i < product; ++i, to += width) {
    std::memcpy(to, from + static_cast<size_t>(source) * width, width);
    // Count up like an odometer, the last dim first.
    for (int dim = rank - 1; dim >= 0; --dim) {
      const auto d = static_cast<size_t>(dim);
      source += stride[d];
      if (++index[d] < tensor.shape[dim])
        break;
      source -= stride[d] * tensor.shape[dim];
      index[d] = 0;
    }
  }
  return HostTensor{tensor.dtype, tensor.shape, memory->get(), *memory};
}

/// Kernels rely on a bool being 0 or 1.
Status check_bools(const std::string &path, const HostTensor &tensor) {
  const auto *values = static_cast<const uint8_t *>(tensor.data);
  for (int64_t i = 0; i < tensor.bytes(); ++i)
    if (values[i] > 1)
      return damaged(path, "value is outside its type",
                     "bool has " + std::to_string(values[i]) + " at " +
                         std::to_string(i));
  return {};
}

} // namespace

StatusOr<HostTensor> read_npy(const std::string &path) {
  StatusOr<MappedFile> file = map_file(kLoad, path);
  if (!file.ok())
    return file.status();
  StatusOr<Frame> frame = read_frame(path, *file);
  if (!frame.ok())
    return frame.status();
  StatusOr<NpyHeader> header = parse_npy_header(frame->header);
  if (!header.ok())
    return Status(header.status().code(),
                  file_message(kLoad, path, header.status().message()));
  StatusOr<DType> type = read_type(path, header->descr);
  if (!type.ok())
    return type.status();

  HostTensor tensor{*type, Shape(std::span<const int64_t>(header->shape)),
                    file->data + frame->data_start, file->owner};
  const std::string op = std::string(kLoad) + ": " + path;
  if (Status status = shape_rules::valid(op, tensor.shape); !status.ok())
    return data_loss_error(std::string(status.message()));
  const int64_t bytes = file->bytes - frame->data_start;
  if (bytes != tensor.bytes())
    return damaged(path, "length does not fit the shape",
                   std::string(name(tensor.dtype)) + " " +
                       to_string(tensor.shape) + " needs " +
                       std::to_string(tensor.bytes()) + " bytes, has " +
                       std::to_string(bytes));
  if (tensor.dtype == boolean)
    if (Status status = check_bools(path, tensor); !status.ok())
      return status;
  if (header->fortran_order && tensor.shape.rank() > 1)
    return from_fortran_order(tensor);
  return align(std::move(tensor));
}

/// `<f4`; empty for a type that NumPy does not have.
static std::string descr_of(DType dtype) {
  for (auto [code, type] : kTypeCodes)
    if (type == dtype)
      return (size_in_bytes(type) > 1 ? "<" : "|") + std::string(code);
  return {};
}

Status check_npy_type(const std::string &path, DType dtype) {
  if (!descr_of(dtype).empty())
    return {};
  return invalid_argument_error(
      file_message(kSave, path, "NumPy has no such type",
                   "got " + std::string(name(dtype)) + ", cast first, to " +
                       (is_floating(dtype) ? "float32" : "int8")));
}

Status write_npy(const std::string &path, const HostTensor &tensor) {
  if (Status status = check_npy_type(path, tensor.dtype); !status.ok())
    return status;
  std::string header =
      print_npy_header({descr_of(tensor.dtype),
                        false,
                        {tensor.shape.begin(), tensor.shape.end()}});
  // Spaces and a line break up to a multiple of 64 align the elements.
  const size_t prefix = kVersionBytes + sizeof(uint16_t);
  header.resize((prefix + header.size() + 1 + 63) / 64 * 64 - prefix - 1, ' ');
  header += '\n';
  const auto length = static_cast<uint16_t>(header.size()); // at most 256
  const std::string_view pieces[] = {
      kMagic,
      {"\x01\x00", 2},
      {reinterpret_cast<const char *>(&length), sizeof length},
      header,
      {static_cast<const char *>(tensor.data),
       static_cast<size_t>(tensor.bytes())}};
  return replace_file(kSave, path, pieces);
}

} // namespace weft::io
