// SPDX-License-Identifier: Apache-2.0
// bn, bn+relu, bn+add+relu: one kernel each, against a copy.
#include "BenchBatchNorm.h"
#include "BenchBuffers.h"
#include "BenchCopy.h"

#include "weft/Core/Float.h"

#include <cmath>
#include <sstream>

namespace weft::tools {
namespace {

const std::vector<Shape> &shapesOf(bool quick) {
  static const std::vector<Shape> all = {{256, 64, 112, 112}, {64, 256, 56, 56},
                                         {1, 2048, 7, 7},     {32, 512, 4096},
                                         {8, 32, 16, 64, 64}, {3, 67, 33, 35}};
  static const std::vector<Shape> small = {
      {16, 64, 112, 112}, {8, 256, 56, 56},    {1, 2048, 7, 7},
      {4, 512, 4096},     {1, 32, 16, 64, 64}, {3, 67, 33, 35}};
  return quick ? small : all;
}

// ---- what is measured -------------------------------------------------------

BenchFunction functionOf(NormForm form, const nn::BatchNorm &bn) {
  return [form, bn](const std::vector<Tensor> &inputs) {
    Tensor y = bn(inputs[0]);
    if (form.add)
      y = y + inputs[1];
    return form.relu ? relu(y) : y;
  };
}

// ---- is it right ------------------------------------------------------------

NormResult expected(NormForm form, const Shape &shape, int64_t i) {
  int64_t pixels = shape.num_elements() / shape[0] / shape[1];
  return normResult(form, i / pixels % shape[1], benchElement(0, i),
                    benchElement(1, i));
}

/// Every element of a small result, some 100 000 of a large one.
Status checkResult(NormForm form, DType dtype, const Shape &shape,
                   const void *result) {
  int64_t count = shape.num_elements(), step = count / 100000 | 1;
  for (int64_t i = 0; i < count; i += i + 4096 < count ? step : 1) {
    NormResult want = expected(form, shape, i);
    double got = load_as_double(result, dtype, i);
    if (std::fabs(got - want.value) <= toleranceOf(dtype, want))
      continue;
    std::ostringstream os;
    os << textOf(shape) << " " << name(dtype) << ": wrong result: element " << i
       << ": expected " << want.value << ", got " << got;
    return internal_error(os.str());
  }
  return {};
}

} // namespace

Status benchNorm(const std::string &name, const BenchOptions &options,
                 Report &report) {
  const NormForm form = normFormOf(name);
  const std::vector<Shape> &shapes = shapesOf(options.quick);
  auto rivalOf = [&](DType dtype, size_t number) {
    const Shape &shape = shapes[number];
    return CopyRival{
        dtype,
        shape,
        shape,
        form.inputs(),
        functionOf(form, benchBatchNorm(shape[1], dtype, options.device)),
        [=, &shape](const void *result) {
          return checkResult(form, dtype, shape, result);
        }};
  };
  return benchAgainstCopies(name, shapes.size(), rivalOf, options, report);
}

} // namespace weft::tools
