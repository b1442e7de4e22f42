// SPDX-License-Identifier: Apache-2.0
// What a graph's results may be: computed by the interpreter, with a bound on
// the error of every single element.
#pragma once

#include "weft/Core/Status.h"
#include "weft/Target/Reference/Interpreter.h"

#include <string>
#include <vector>

namespace weft::random {

/// One result. `tolerance` is infinite where rounding alone decides which of
/// two values comes out (a comparison of nearly equal numbers, an overflow).
struct Expected {
  reference::Value value;
  std::vector<double> tolerance;
};

/// Runs the interpreter exactly, and `numRuns` times with errors made on
/// purpose: an element's tolerance is a multiple of how far they take it.
inline constexpr int kNumRuns = 13;
StatusOr<std::vector<Expected>>
expectedResults(mlir::ModuleOp module, const reference::Arguments &arguments,
                int numRuns = kNumRuns);

/// Empty, or the first element that is out of bounds: where, both values and
/// the tolerance. `numCompared` grows by the elements that had a finite one.
std::string findDifference(const std::vector<Expected> &expected,
                           const std::vector<reference::Value> &results,
                           int64_t &numCompared);

/// What findDifference says of a graph's results. Few runs may miss that an
/// element is borderline, so what differs is compared once more with many.
std::string confirmedDifference(mlir::ModuleOp module,
                                const reference::Arguments &arguments,
                                const std::vector<Expected> &expected,
                                const std::vector<reference::Value> &results,
                                int64_t &numCompared);

} // namespace weft::random
