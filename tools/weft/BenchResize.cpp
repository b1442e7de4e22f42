// SPDX-License-Identifier: Apache-2.0
// resize, resize_nearest: images of other sizes, one kernel each, against a
// copy of as many bytes.
#include "BenchBuffers.h"
#include "BenchCopy.h"

#include "weft/Core/Float.h"
#include "weft/Functions.h"

#include <cmath>
#include <span>

namespace weft::tools {
namespace {

struct ResizeCase {
  Shape shape;
  std::vector<int64_t> sizes;
};

/// What a decoder doubles, deep and shallow; photographs for a classifier;
/// planes and volumes.
const std::vector<ResizeCase> &casesOf(bool quick) {
  static const std::vector<ResizeCase> all = {
      {{32, 256, 28, 28}, {56, 56}},
      {{8, 64, 128, 128}, {256, 256}},
      {{32, 3, 512, 512}, {224, 224}},
      {{8, 64, 96, 96}, {100, 90}},
      {{8, 8, 32, 32, 32}, {64, 64, 64}}};
  static const std::vector<ResizeCase> small = {
      {{2, 64, 28, 28}, {56, 56}},
      {{2, 3, 512, 512}, {224, 224}},
      {{1, 4, 8, 16, 16}, {12, 32, 32}}};
  return quick ? small : all;
}

Shape resultOf(const ResizeCase &c) {
  Shape shape = {c.shape[0], c.shape[1]};
  for (int64_t size : c.sizes)
    shape.push_back(size);
  return shape;
}

// ---- is it right ------------------------------------------------------------

/// An element read along one axis, and its share of the result.
struct Tap {
  int64_t index;
  double weight;
};

std::vector<Tap> tapsOf(bool nearest, int64_t from, int64_t to, int64_t i) {
  if (nearest)
    return {{i * from / to, 1}};
  double scale = static_cast<double>(from) / static_cast<double>(to);
  double at = std::max((static_cast<double>(i) + 0.5) * scale - 0.5, 0.0);
  auto below = static_cast<int64_t>(at);
  double above = at - static_cast<double>(below);
  return {{below, 1 - above}, {std::min(below + 1, from - 1), above}};
}

/// Element `place` of the axes `from` -> `to`, whose elements begin at `base`.
double valueAt(bool nearest, std::span<const int64_t> from,
               std::span<const int64_t> to, int64_t place, int64_t base) {
  if (from.empty())
    return benchElement(0, base);
  int64_t inner = 1;
  for (int64_t size : to.subspan(1))
    inner *= size;
  double value = 0;
  for (Tap tap : tapsOf(nearest, from[0], to[0], place / inner))
    value += tap.weight * valueAt(nearest, from.subspan(1), to.subspan(1),
                                  place % inner, base * from[0] + tap.index);
  return value;
}

/// Some 20 000 elements, those of the last lines among them.
Status checkResult(bool nearest, DType dtype, const ResizeCase &c,
                   const void *result) {
  const std::span<const int64_t> from(c.shape.begin() + 2, c.shape.end());
  int64_t pixels = 1;
  for (int64_t size : c.sizes)
    pixels *= size;
  int64_t count = c.shape[0] * c.shape[1] * pixels, stride = count / 20000 | 1;
  for (int64_t i = 0; i < count; i += i + 4096 < count ? stride : 1) {
    double want = valueAt(nearest, from, c.sizes, i % pixels, i / pixels);
    double got = load_as_double(result, dtype, i);
    // Positions are rounded to float32, values to the type.
    if (!(std::fabs(got - want) <=
          roundingOf(dtype) * std::fabs(want) + 1e-3 * !nearest))
      return internal_error(textOf(c.shape) + " to " + textOf(resultOf(c)) +
                            " " + std::string(name(dtype)) +
                            ": wrong result: element " + std::to_string(i) +
                            ": expected " + std::to_string(want) + ", got " +
                            std::to_string(got));
  }
  return {};
}

} // namespace

Status benchResize(const std::string &name, const BenchOptions &options,
                   Report &report) {
  bool nearest = name == "resize_nearest";
  ResizeMode mode = nearest ? ResizeMode::nearest : ResizeMode::linear;
  const std::vector<ResizeCase> &cases = casesOf(options.quick);
  auto rivalOf = [&](DType dtype, size_t number) {
    const ResizeCase &c = cases[number];
    return CopyRival{dtype,
                     c.shape,
                     resultOf(c),
                     1,
                     [&c, mode](const std::vector<Tensor> &x) {
                       return resize(x[0], c.sizes, {.mode = mode});
                     },
                     [=, &c](const void *result) {
                       return checkResult(nearest, dtype, c, result);
                     }};
  };
  return benchAgainstCopies(name, cases.size(), rivalOf, options, report);
}

} // namespace weft::tools
