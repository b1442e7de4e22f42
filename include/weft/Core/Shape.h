// SPDX-License-Identifier: Apache-2.0
// The sizes of a tensor's dimensions.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>

namespace weft {

/// The sizes of up to eight dimensions, outermost first. A value type without
/// allocation.
///
///   Shape s{2, 3};
///   s.rank()           // 2
///   s[-1]              // 3: negative indices count from the back
///   s.num_elements()   // 6
class Shape {
public:
  static constexpr int kMaxRank = 8;

  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes)
      : Shape(std::span<const int64_t>(sizes.begin(), sizes.size())) {}
  /// More than `kMaxRank` sizes make a shape that `rank()` reports truthfully
  /// and that every op refuses; only the first eight are kept.
  explicit Shape(std::span<const int64_t> sizes)
      : rank_(static_cast<int32_t>(sizes.size())) {
    std::copy_n(sizes.begin(), std::min<size_t>(sizes.size(), kMaxRank),
                sizes_.begin());
  }

  int rank() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  size_t size() const { return static_cast<size_t>(stored()); }
  const int64_t *begin() const { return sizes_.data(); }
  const int64_t *end() const { return sizes_.data() + stored(); }
  int64_t *begin() { return sizes_.data(); }
  int64_t *end() { return sizes_.data() + stored(); }
  int64_t operator[](int dim) const {
    return sizes_[static_cast<size_t>(dim < 0 ? dim + rank_ : dim)];
  }
  int64_t &operator[](int dim) {
    return sizes_[static_cast<size_t>(dim < 0 ? dim + rank_ : dim)];
  }
  void push_back(int64_t size) {
    if (rank_ < kMaxRank)
      sizes_[static_cast<size_t>(rank_)] = size;
    ++rank_;
  }

  /// The product of the sizes; 1 for rank 0. Shapes whose product exceeds
  /// 2^59 never leave a shape rule.
  int64_t num_elements() const {
    int64_t n = 1;
    for (int64_t size : *this)
      n *= size;
    return n;
  }

  friend bool operator==(const Shape &a, const Shape &b) {
    return a.rank_ == b.rank_ && std::equal(a.begin(), a.end(), b.begin());
  }

private:
  int stored() const { return rank_ < kMaxRank ? rank_ : kMaxRank; }

  int32_t rank_ = 0;
  std::array<int64_t, kMaxRank> sizes_{}; // mostly few: next to the rank
};

/// `[2, 3]`
std::string to_string(const Shape &shape);
std::ostream &operator<<(std::ostream &os, const Shape &shape);

} // namespace weft
