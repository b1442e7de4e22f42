// SPDX-License-Identifier: Apache-2.0
// permute: elements in another order of axes, one kernel each, against a copy.
#include "BenchBuffers.h"
#include "BenchCopy.h"

#include "weft/Core/Float.h"
#include "weft/Functions.h"

namespace weft::tools {
namespace {

struct PermuteCase {
  Shape shape;
  std::vector<int64_t> order;
};

/// Matrices; images that get their channels last, and first again, many
/// channels and few; the heads of attention, whose rows stay whole; sizes that
/// fill no tile and no vector.
const std::vector<PermuteCase> &casesOf(bool quick) {
  static const std::vector<PermuteCase> all = {
      {{8192, 4096}, {1, 0}},
      {{32, 256, 56, 56}, {0, 2, 3, 1}},
      {{32, 56, 56, 256}, {0, 3, 1, 2}},
      {{32, 3, 224, 224}, {0, 2, 3, 1}},
      {{8, 512, 12, 64}, {0, 2, 1, 3}},
      {{37, 501, 1003}, {0, 2, 1}}};
  static const std::vector<PermuteCase> small = {{{512, 256}, {1, 0}},
                                                 {{2, 3, 64, 64}, {0, 2, 3, 1}},
                                                 {{3, 37, 101}, {0, 2, 1}}};
  return quick ? small : all;
}

Shape resultOf(const PermuteCase &c) {
  Shape shape;
  for (int64_t axis : c.order)
    shape.push_back(c.shape[axis]);
  return shape;
}

/// Where element `place` of the result comes from.
int64_t sourceOf(const PermuteCase &c, int64_t place) {
  int64_t source = 0;
  for (size_t i = c.order.size(); i-- > 0;) {
    int64_t axis = c.order[i], stride = 1;
    for (int64_t inner = axis + 1; inner < c.shape.rank(); ++inner)
      stride *= c.shape[inner];
    source += place % c.shape[axis] * stride;
    place /= c.shape[axis];
  }
  return source;
}

/// Some 100 000 elements, the last ones among them.
Status checkResult(const PermuteCase &c, DType dtype, const void *result) {
  int64_t count = c.shape.num_elements(), step = count / 100000 | 1;
  for (int64_t i = 0; i < count; i += i + 4096 < count ? step : 1) {
    double want = benchElement(0, sourceOf(c, i)),
           got = load_as_double(result, dtype, i);
    if (got != want)
      return internal_error(textOf(c.shape) + " to " + textOf(resultOf(c)) +
                            " " + std::string(name(dtype)) +
                            ": wrong result: element " + std::to_string(i) +
                            ": expected " + std::to_string(want) + ", got " +
                            std::to_string(got));
  }
  return {};
}

} // namespace

Status benchPermute(const std::string &name, const BenchOptions &options,
                    Report &report) {
  const std::vector<PermuteCase> &cases = casesOf(options.quick);
  auto rivalOf = [&](DType dtype, size_t number) {
    const PermuteCase &c = cases[number];
    return CopyRival{
        dtype,
        c.shape,
        resultOf(c),
        1,
        [&c](const std::vector<Tensor> &x) { return permute(x[0], c.order); },
        [=, &c](const void *result) { return checkResult(c, dtype, result); }};
  };
  return benchAgainstCopies(name, cases.size(), rivalOf, options, report);
}

} // namespace weft::tools
