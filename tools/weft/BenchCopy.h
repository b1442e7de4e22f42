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

/// A row of the table that `startCopyTable` began: the time of `rival`, and its
/// bytes a second as a share of the best copy's.
Status benchAgainstCopy(const CopyRival &rival, const BenchOptions &options,
                        Report &report);
void startCopyTable(const std::string &name, Device device, Report &report);

} // namespace weft::tools
