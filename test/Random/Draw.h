// SPDX-License-Identifier: Apache-2.0
// Random numbers that are the same on every machine and standard library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

namespace weft::random {

/// Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014.
class Draw {
public:
  explicit Draw(uint64_t seed) : state_(seed) {}

  uint64_t bits() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// One of low, ..., high.
  int64_t integer(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(bits() %
                                      (static_cast<uint64_t>(high - low) + 1));
  }
  /// At least low, less than high.
  double real(double low, double high) {
    return low + (high - low) * static_cast<double>(bits() >> 11) * 0x1p-53;
  }
  bool chance(double probability) { return real(0, 1) < probability; }

  template <typename T> T pick(std::initializer_list<T> choices) {
    return choices.begin()[index(choices.size())];
  }
  template <typename List> decltype(auto) pick(const List &choices) {
    return choices[index(choices.size())];
  }

private:
  size_t index(size_t size) {
    return static_cast<size_t>(integer(0, static_cast<int64_t>(size) - 1));
  }

  uint64_t state_;
};

} // namespace weft::random
