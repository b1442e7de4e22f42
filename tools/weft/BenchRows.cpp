// SPDX-License-Identifier: Apache-2.0
// softmax, layer_norm: rows that are read once, one kernel each, against a
// copy.
#include "BenchBuffers.h"
#include "BenchCopy.h"

#include "weft/Core/Float.h"
#include "weft/Weft.h"

#include <cmath>

namespace weft::tools {
namespace {

/// Rows of a language model, of an encoder's tokens, of its attention.
const std::vector<Shape> &shapesOf(bool quick) {
  static const std::vector<Shape> all = {
      {8192, 4096}, {4096, 768}, {49152, 512}};
  static const std::vector<Shape> small = {{64, 4096}, {33, 1000}};
  return quick ? small : all;
}

// ---- what is measured -------------------------------------------------------

double weightElement(int64_t i) { return 0.5 + static_cast<double>(i % 8) / 8; }
double biasElement(int64_t i) { return static_cast<double>(i % 5) / 4 - 0.5; }

Tensor softmaxOf(const std::vector<Tensor> &x) { return softmax(x[0]); }

BenchFunction layerNorm(int64_t size, DType dtype, Device device) {
  nn::LayerNorm norm({size}, {.dtype = dtype});
  norm.weight =
      nn::Parameter(benchTensor({size}, dtype, device, weightElement));
  norm.bias = nn::Parameter(benchTensor({size}, dtype, device, biasElement));
  return [norm](const std::vector<Tensor> &x) { return norm(x[0]); };
}

// ---- is it right ------------------------------------------------------------

/// What should become of a row, in double precision.
using RowFunction = void (*)(std::vector<double> &row);

void softmaxRow(std::vector<double> &row) {
  double sum = 0;
  for (double &x : row)
    sum += x = std::exp(x);
  for (double &x : row)
    x /= sum;
}

void layerNormRow(std::vector<double> &row) {
  double count = static_cast<double>(row.size()), mean = 0, variance = 0;
  for (double x : row)
    mean += x / count;
  for (double x : row)
    variance += (x - mean) * (x - mean) / count;
  for (size_t i = 0; i < row.size(); ++i) {
    auto at = static_cast<int64_t>(i);
    row[i] = (row[i] - mean) / std::sqrt(variance + 1e-5) * weightElement(at) +
             biasElement(at);
  }
}

/// A step of the type, also below its normal numbers, and what sums in f32
/// lose of the largest value of the row.
double toleranceOf(DType dtype, double value, double largest) {
  return roundingOf(dtype) * std::fabs(value) + 1e-5 * largest +
         (dtype == float16 ? 6e-8 : 0);
}

/// Some tens of whole rows.
Status checkResult(RowFunction function, DType dtype, const Shape &shape,
                   const void *result) {
  int64_t step = shape[0] / 50 | 1;
  std::vector<double> row(static_cast<size_t>(shape[1]));
  for (int64_t r = 0; r < shape[0]; r += step) {
    for (int64_t i = 0; i < shape[1]; ++i)
      row[static_cast<size_t>(i)] = benchElement(0, r * shape[1] + i);
    function(row);
    double largest = 0;
    for (double value : row)
      largest = std::max(largest, std::fabs(value));
    for (int64_t i = 0; i < shape[1]; ++i) {
      double want = row[static_cast<size_t>(i)],
             got = load_as_double(result, dtype, r * shape[1] + i);
      if (!(std::fabs(got - want) <= toleranceOf(dtype, want, largest)))
        return internal_error(textOf(shape) + " " + std::string(name(dtype)) +
                              ": wrong result: row " + std::to_string(r) +
                              ", element " + std::to_string(i) + ": expected " +
                              std::to_string(want) + ", got " +
                              std::to_string(got));
    }
  }
  return {};
}

} // namespace

Status benchRows(const std::string &name, const BenchOptions &options,
                 Report &report) {
  const bool isSoftmax = name == "softmax";
  const RowFunction expected = isSoftmax ? softmaxRow : layerNormRow;
  const std::vector<Shape> &shapes = shapesOf(options.quick);
  auto rivalOf = [&](DType dtype, size_t number) {
    const Shape &shape = shapes[number];
    return CopyRival{dtype,
                     shape,
                     shape,
                     1,
                     isSoftmax ? softmaxOf
                               : layerNorm(shape[1], dtype, options.device),
                     [=, &shape](const void *result) {
                       return checkResult(expected, dtype, shape, result);
                     }};
  };
  return benchAgainstCopies(name, shapes.size(), rivalOf, options, report);
}

} // namespace weft::tools
