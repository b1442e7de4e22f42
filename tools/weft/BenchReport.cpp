// SPDX-License-Identifier: Apache-2.0
// Tables of measurements, as text and as JSON.
#include "Bench.h"

#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace weft::tools {
namespace {

/// About three significant digits, never an exponent.
std::string numberText(double value) {
  double size = std::fabs(value);
  int decimals = value == std::floor(value) && size >= 10 ? 0
                 : size >= 100                            ? 0
                 : size >= 10                             ? 1
                 : size >= 1                              ? 2
                                                          : 3;
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", decimals, value);
  return text;
}

std::string cellText(const llvm::json::Value &cell) {
  if (auto integer = cell.getAsInteger())
    return std::to_string(*integer);
  if (auto number = cell.getAsNumber())
    return numberText(*number);
  if (auto text = cell.getAsString())
    return text->str();
  return "-";
}

/// Text to the left, numbers to the right, two spaces between.
void printCell(const std::string &text, size_t width, bool isFirst) {
  std::printf(isFirst ? "%-*s" : "  %*s", static_cast<int>(width),
              text.c_str());
}

constexpr size_t kFirstWidth = 24, kLeastWidth = 8;

size_t widthOf(size_t column, const std::string &title) {
  return column == 0 ? kFirstWidth : std::max(kLeastWidth, title.size());
}

} // namespace

std::string textOf(const Shape &shape) {
  std::string text;
  for (int64_t size : shape)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

Report::Report(std::string benchmark, bool isPrinted)
    : benchmark_(std::move(benchmark)), isPrinted_(isPrinted) {}

void Report::method(std::string text) {
  method_ = std::move(text);
  if (isPrinted_)
    std::printf("\n== %s\n%s\n", benchmark_.c_str(), method_.c_str());
}

void Report::table(std::string title, std::vector<std::string> columns) {
  columns_ = std::move(columns);
  if (isPrinted_) {
    std::printf("\n%s\n", title.c_str());
    for (size_t i = 0; i < columns_.size(); ++i)
      printCell(columns_[i], widthOf(i, columns_[i]), i == 0);
    std::printf("\n");
  }
  tables_.push_back(llvm::json::Object{{"title", std::move(title)},
                                       {"rows", llvm::json::Array()}});
}

void Report::row(std::vector<llvm::json::Value> cells) {
  llvm::json::Object row;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (isPrinted_)
      printCell(cellText(cells[i]), widthOf(i, columns_[i]), i == 0);
    row[columns_[i]] = std::move(cells[i]);
  }
  if (isPrinted_) {
    std::printf("\n");
    std::fflush(stdout);
  }
  tables_.back().getAsObject()->getArray("rows")->push_back(std::move(row));
}

llvm::json::Object Report::json() const {
  return llvm::json::Object{{"benchmark", benchmark_},
                            {"method", method_},
                            {"tables", llvm::json::Array(tables_)}};
}

} // namespace weft::tools
