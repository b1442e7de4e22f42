// SPDX-License-Identifier: Apache-2.0
// Printing tensors and state dicts.
#include "weft/Core/Float.h"
#include "weft/StateDict.h"
#include "weft/Tensor.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>

namespace weft {
namespace {

constexpr int64_t kSummarizeAbove = 1000; // elements
constexpr int64_t kEdgeItems = 3;         // shown at each end of an axis then
constexpr size_t kLineWidth = 80;

/// Writes the nested brackets of one tensor.
class Printer {
public:
  Printer(const Tensor &tensor, const void *data)
      : data_(data), dtype_(tensor.dtype()), shape_(tensor.shape()),
        summarize_(shape_.num_elements() > kSummarizeAbove) {
    is_scientific_ = needs_exponent();
    // Columns of a matrix stand below each other.
    if (shape_.rank() > 1)
      visit_shown(0, 0, [&](int64_t i) {
        width_ = std::max(width_, format(i).size());
      });
  }

  /// `indent` is the column of the first bracket on a line of its own.
  std::string print(size_t indent) {
    if (shape_.rank() == 0)
      return format(0);
    if (shape_.num_elements() == 0)
      return "[]";
    indent_ = indent;
    print_list(0, 0);
    return std::move(out_);
  }

private:
  std::string format(int64_t i) const {
    if (dtype_ == boolean)
      return load_as_int64(data_, dtype_, i) ? "true" : "false";
    if (!is_floating(dtype_))
      return std::to_string(load_as_int64(data_, dtype_, i));
    const double value = load_as_double(data_, dtype_, i);
    if (std::isnan(value))
      return "nan";
    if (std::isinf(value))
      return value < 0 ? "-inf" : "inf";
    char buffer[64];
    std::snprintf(buffer, sizeof(buffer), is_scientific_ ? "%.4e" : "%.4f",
                  value);
    return buffer;
  }

  /// Very large numbers would fill lines with digits that mean nothing; the
  /// whole tensor is printed in one form.
  bool needs_exponent() const {
    if (!is_floating(dtype_) || shape_.num_elements() == 0)
      return false;
    double largest = 0;
    visit_shown(0, 0, [&](int64_t i) {
      const double value = std::fabs(load_as_double(data_, dtype_, i));
      if (std::isfinite(value))
        largest = std::max(largest, value);
    });
    return largest >= 1e8;
  }

  /// Elements of one step along `dim`.
  int64_t stride(int dim) const {
    int64_t stride = 1;
    for (int inner = dim + 1; inner < shape_.rank(); ++inner)
      stride *= shape_[inner];
    return stride;
  }

  bool is_cut(int dim) const {
    return summarize_ && shape_[dim] > 2 * kEdgeItems;
  }

  template <typename Visit>
  void visit_shown(int dim, int64_t offset, const Visit &visit) const {
    if (dim == shape_.rank())
      return visit(offset);
    for (int64_t i = 0; i < shape_[dim]; ++i) {
      if (is_cut(dim) && i == kEdgeItems)
        i = shape_[dim] - kEdgeItems;
      visit_shown(dim + 1, offset + i * stride(dim), visit);
    }
  }

  void print_list(int dim, int64_t offset) {
    out_ += '[';
    if (dim == shape_.rank() - 1)
      print_row(offset);
    else
      print_blocks(dim, offset);
    out_ += ']';
  }

  void print_blocks(int dim, int64_t offset) {
    // A blank line between matrices, one more for each axis further out.
    const auto lines = static_cast<size_t>(shape_.rank() - dim - 1);
    auto separate = [&] {
      out_ += ',';
      out_.append(lines, '\n');
      out_.append(indent_ + static_cast<size_t>(dim) + 1, ' ');
    };
    for (int64_t i = 0; i < shape_[dim]; ++i) {
      if (i > 0)
        separate();
      if (is_cut(dim) && i == kEdgeItems) {
        out_ += "...";
        separate();
        i = shape_[dim] - kEdgeItems;
      }
      print_list(dim + 1, offset + i * stride(dim));
    }
  }

  void print_row(int64_t offset) {
    const int last = shape_.rank() - 1;
    const size_t indent = indent_ + static_cast<size_t>(shape_.rank());
    size_t column = indent;
    auto item = [&](std::string text, bool is_first) {
      if (text.size() < width_)
        text.insert(0, width_ - text.size(), ' ');
      if (!is_first && column + text.size() + 3 > kLineWidth) {
        out_ += ",\n";
        out_.append(indent, ' ');
        column = indent;
      } else if (!is_first) {
        out_ += ", ";
      }
      out_ += text;
      column += text.size() + 2;
    };
    for (int64_t i = 0; i < shape_[last]; ++i) {
      if (is_cut(last) && i == kEdgeItems) {
        item("...", false);
        i = shape_[last] - kEdgeItems;
      }
      item(format(offset + i), i == 0);
    }
  }

  const void *data_;
  DType dtype_;
  Shape shape_;
  bool summarize_;
  bool is_scientific_ = false;
  size_t width_ = 0;
  size_t indent_ = 0;
  std::string out_;
};

/// `dtype=float32, loc=gpu:0, shape=(2,)`
std::string trailer(const Tensor &tensor) {
  std::string text = "dtype=" + std::string(name(tensor.dtype())) +
                     ", loc=" + to_string(tensor.device()) + ", shape=(";
  for (int dim = 0; dim < tensor.rank(); ++dim)
    text += (dim ? ", " : "") + std::to_string(tensor.shape()[dim]);
  return text + (tensor.rank() == 1 ? ",)" : ")");
}

bool needs_lines(const Shape &shape) {
  return shape.rank() > 1 && shape.num_elements() > 1;
}

} // namespace

std::string to_string(const Tensor &tensor) {
  StatusOr<std::shared_ptr<const void>> data = tensor.host_data();
  if (!data.ok())
    return "tensor(error: " + std::string(data.status().message()) + ")";
  Printer printer(tensor, data->get());
  if (!needs_lines(tensor.shape()))
    return "tensor(" + printer.print(7) + ", " + trailer(tensor) + ")";
  return "tensor(\n    " + printer.print(4) + ", \n    " + trailer(tensor) +
         ")";
}

std::ostream &operator<<(std::ostream &os, const Tensor &tensor) {
  return os << to_string(tensor);
}

std::string to_string(const StateDict &state) {
  std::string text = "{\n";
  for (const auto &[name, tensor] : state) {
    text += "    " + name + ": ";
    for (char c : to_string(tensor)) {
      text += c;
      if (c == '\n')
        text += "    ";
    }
    text += ",\n";
  }
  return text + "}";
}

std::ostream &operator<<(std::ostream &os, const StateDict &state) {
  return os << to_string(state);
}

} // namespace weft
