// SPDX-License-Identifier: Apache-2.0
// Reads the header event by event: a document tree would keep only the last of
// two tensors of one name.
#include "SafetensorsHeader.h"

#include <nlohmann/json.hpp>
#include <set>

namespace weft::io {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMetadata = "__metadata__";

std::string quote(std::string_view text) {
  return std::string("\"").append(text).append("\"");
}

/// Receives the events of nlohmann's parser; its names are that interface's.
class HeaderReader {
public:
  bool start_object(size_t) {
    switch (place_) {
    case Place::outside:
      place_ = Place::file;
      return true;
    case Place::file:
      if (key_ == kMetadata) {
        place_ = Place::metadata;
        return true;
      }
      place_ = Place::tensor;
      header_.entries.push_back({key_, {}, {}, {}});
      fields_.clear();
      return true;
    default:
      return wrong_kind();
    }
  }

  bool end_object() {
    if (place_ == Place::tensor && fields_.size() != 3)
      return fail("entry is incomplete",
                  "tensor " + quote(header_.entries.back().name) +
                      " needs dtype, shape and data_offsets");
    place_ = place_ == Place::file ? Place::outside : Place::file;
    return true;
  }

  bool key(std::string &key) {
    key_ = key;
    switch (place_) {
    case Place::file:
      if (!names_.insert(key).second)
        return fail("duplicate name", quote(key));
      return true;
    case Place::metadata:
      if (!header_.metadata.emplace(key, "").second)
        return fail("duplicate name", "metadata " + quote(key));
      return true;
    default:
      break;
    }
    const std::string owner = "tensor " + quote(header_.entries.back().name) +
                              ", field " + quote(key);
    if (key != "dtype" && key != "shape" && key != "data_offsets")
      return fail("unknown field",
                  owner + ", expected dtype, shape or data_offsets");
    if (!fields_.insert(key).second)
      return fail("duplicate field", owner);
    return true;
  }

  bool string(std::string &value) {
    if (place_ == Place::metadata)
      header_.metadata[key_] = value;
    else if (place_ == Place::tensor && !list_ && key_ == "dtype")
      header_.entries.back().dtype = value;
    else
      return wrong_kind();
    return true;
  }

  bool start_array(size_t) {
    if (place_ != Place::tensor || list_ || key_ == "dtype")
      return wrong_kind();
    SafetensorsEntry &entry = header_.entries.back();
    list_ = key_ == "shape" ? &entry.shape : &entry.offsets;
    return true;
  }

  bool end_array() {
    list_ = nullptr;
    return true;
  }

  bool number_unsigned(uint64_t value) {
    if (!list_)
      return wrong_kind();
    list_->push_back(value);
    return true;
  }

  // Negative, fractional or beyond 64 bits: no size and no offset.
  bool number_integer(int64_t) { return wrong_kind(); }
  bool number_float(double, const std::string &) { return wrong_kind(); }
  bool null() { return wrong_kind(); }
  bool boolean(bool) { return wrong_kind(); }
  bool binary(Json::binary_t &) { return wrong_kind(); }

  bool parse_error(size_t position, const std::string &,
                   const nlohmann::detail::exception &) {
    return fail("header is not JSON", "at byte " + std::to_string(position));
  }

  StatusOr<SafetensorsHeader> take() && {
    if (!error_.ok())
      return error_;
    return std::move(header_);
  }

private:
  enum class Place { outside, file, tensor, metadata };

  bool fail(const std::string &rule, const std::string &values) {
    error_ = data_loss_error(rule + ": " + values);
    return false;
  }

  bool wrong_kind() {
    switch (place_) {
    case Place::outside:
      return fail("header is not an object", "at byte 0");
    case Place::file:
      return fail("entry is not an object", quote(key_));
    case Place::metadata:
      return fail("metadata is not a string", quote(key_));
    case Place::tensor:
      break;
    }
    return fail("wrong kind of value", "tensor " +
                                           quote(header_.entries.back().name) +
                                           ", field " + quote(key_));
  }

  SafetensorsHeader header_;
  Place place_ = Place::outside;
  std::string key_;              // the last one, in whatever object
  std::set<std::string> names_;  // of tensors
  std::set<std::string> fields_; // of the tensor at hand
  std::vector<uint64_t> *list_ = nullptr;
  Status error_;
};

std::string print_list(const std::vector<uint64_t> &values) {
  return Json(values).dump();
}

} // namespace

StatusOr<SafetensorsHeader> parse_safetensors_header(std::string_view json) {
  HeaderReader reader;
  Json::sax_parse(json.begin(), json.end(), &reader);
  return std::move(reader).take();
}

std::string print_safetensors_header(const SafetensorsHeader &header) {
  // By hand, because the order of the tensors is that of the header.
  std::string text = "{";
  auto begin_field = [&text](std::string_view name) {
    if (text.size() > 1)
      text += ",";
    text.append(Json(name).dump()).append(":");
  };
  if (!header.metadata.empty()) {
    begin_field(kMetadata);
    text += Json(header.metadata).dump();
  }
  for (const SafetensorsEntry &entry : header.entries) {
    begin_field(entry.name);
    text.append("{\"dtype\":").append(Json(entry.dtype).dump());
    text.append(",\"shape\":").append(print_list(entry.shape));
    text.append(",\"data_offsets\":").append(print_list(entry.offsets));
    text += "}";
  }
  return text += "}";
}

bool is_utf8(std::string_view text) {
  // The library drops what is not UTF-8 if told so, and would abort otherwise.
  std::string json =
      Json(text).dump(-1, ' ', false, Json::error_handler_t::ignore);
  return Json::parse(json, nullptr, false) == Json(text);
}

} // namespace weft::io
