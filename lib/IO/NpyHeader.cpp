// SPDX-License-Identifier: Apache-2.0
// Reads as much of Python's literals as NumPy writes: a dict of a string, a
// bool and a tuple of numbers.
#include "NpyHeader.h"

#include <limits>

namespace weft::io {
namespace {

class Parser {
public:
  explicit Parser(std::string_view text) : text_(text) {}

  StatusOr<NpyHeader> parse() {
    NpyHeader header;
    expect('{');
    while (ok() && !accept('}')) {
      std::string key = string();
      expect(':');
      if (key == "descr")
        header.descr = once(has_descr_, key) ? descr() : "";
      else if (key == "fortran_order")
        header.fortran_order = once(has_order_, key) && boolean();
      else if (key == "shape" && once(has_shape_, key))
        tuple(header.shape);
      else
        fail("expected descr, fortran_order or shape, got '" + key + "'");
      if (!accept(',') && !peek('}'))
        fail("expected , or }");
    }
    skip_space();
    if (ok() && position_ != text_.size())
      fail("expected the end");
    if (ok() && !(has_descr_ && has_order_ && has_shape_))
      fail("needs descr, fortran_order and shape");
    if (!ok())
      return error_;
    return header;
  }

private:
  bool ok() const { return error_.ok(); }

  void fail(const std::string &what) {
    stop(data_loss_error("header is damaged: " + what + " at byte " +
                         std::to_string(position_)));
  }

  void stop(Status error) {
    if (ok()) // the first error counts
      error_ = std::move(error);
    position_ = text_.size();
  }

  bool once(bool &seen, const std::string &key) {
    if (seen)
      fail("'" + key + "' stands twice");
    return std::exchange(seen, true) == false;
  }

  void skip_space() {
    while (position_ < text_.size() &&
           std::string_view(" \t\n\r").find(text_[position_]) !=
               std::string_view::npos)
      ++position_;
  }

  bool peek(char c) {
    skip_space();
    return position_ < text_.size() && text_[position_] == c;
  }

  bool accept(char c) {
    if (!peek(c))
      return false;
    ++position_;
    return true;
  }

  void expect(char c) {
    if (!accept(c))
      fail(std::string("expected ") + c);
  }

  std::string string() {
    const char quote = peek('"') ? '"' : '\'';
    if (!accept(quote)) {
      fail("expected a string");
      return "";
    }
    const size_t end = text_.find(quote, position_);
    if (end == text_.npos) {
      fail("string does not end");
      return "";
    }
    std::string value(text_.substr(position_, end - position_));
    position_ = end + 1;
    return value;
  }

  std::string descr() {
    if (peek('[')) { // a list of fields
      stop(unimplemented_error("structured arrays are not supported"));
      return "";
    }
    return string();
  }

  bool boolean() {
    skip_space();
    for (std::string_view word : {"True", "False"})
      if (text_.substr(position_).substr(0, word.size()) == word) {
        position_ += word.size();
        return word == "True";
      }
    fail("expected True or False");
    return false;
  }

  void tuple(std::vector<int64_t> &values) {
    expect('(');
    while (ok() && !accept(')')) {
      values.push_back(number());
      accept('L'); // Python 2 wrote it behind long numbers
      if (!accept(',') && !peek(')'))
        fail("expected , or )");
    }
  }

  /// Numbers too large for int64 become the largest one; no array is so large.
  int64_t number() {
    skip_space();
    const size_t begin = position_;
    int64_t value = 0;
    for (; position_ < text_.size(); ++position_) {
      const int digit = text_[position_] - '0';
      if (digit < 0 || digit > 9)
        break;
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, digit, &value))
        value = std::numeric_limits<int64_t>::max();
    }
    if (position_ == begin)
      fail("expected a size");
    return value;
  }

  std::string_view text_;
  size_t position_ = 0;
  bool has_descr_ = false, has_order_ = false, has_shape_ = false;
  Status error_;
};

} // namespace

StatusOr<NpyHeader> parse_npy_header(std::string_view text) {
  return Parser(text).parse();
}

std::string print_npy_header(const NpyHeader &header) {
  std::string text = "{'descr': '" + header.descr + "', 'fortran_order': ";
  text += header.fortran_order ? "True" : "False";
  text += ", 'shape': (";
  for (int64_t size : header.shape)
    text += std::to_string(size) + ", ";
  if (header.shape.size() == 1)
    text.pop_back(); // (3,)
  else if (header.shape.size() > 1)
    text.resize(text.size() - 2); // (2, 3)
  return text += "), }";
}

} // namespace weft::io
