// SPDX-License-Identifier: Apache-2.0
// What ideally costs no more than moving its bytes, against a copy.
#pragma once

#include "Bench.h"
#include "BenchProgram.h"

#include <functional>
#include <string>
#include <vector>

namespace weft::tools {

/// A kernel whose inputs have one shape and type.
struct CopyRival {
  DType dtype;
  Shape shape, result;
  size_t numInputs = 1;
  BenchFunction function;
  /// Whether a result is right; inputs hold `benchElement`s.
  std::function<Status(const void *result)> check;
};

/// A table with a row for each type and each of `numCases` cases: the time of
/// the rival that `rivalOf` makes, and its bytes a second as a share of the
/// best copy's.
Status benchAgainstCopies(
    const std::string &name, size_t numCases,
    const std::function<CopyRival(DType dtype, size_t number)> &rivalOf,
    const BenchOptions &options, Report &report);

} // namespace weft::tools
