// SPDX-License-Identifier: Apache-2.0
// Bounds from runs with errors made on purpose.
#include "Compare.h"

#include "test/BackEnds/Precision.h"

#include <cmath>
#include <limits>
#include <sstream>

namespace weft::random {

using reference::Value;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// The first run with errors only rounds, as kernels of single ops do. A
/// kernel's own error is small against the errors of eight units that the
/// others make at every op; the factor covers runs that were lucky.
static constexpr double kUnits = 8, kFactor = 4;

/// Two numbers that no tolerance tells apart.
static bool isSame(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

/// How far element i of another run lies from the exact one.
static double distance(const Value &exact, const Value &other, int64_t i) {
  if (!exact.isReal())
    return exact.ints[i] == other.ints[i] ? 0 : kInfinity;
  double a = exact.reals[i], b = other.reals[i];
  // Overflow depends on the type of the result.
  if (isSame(reference::roundTo(exact.dtype, a),
             reference::roundTo(exact.dtype, b)) &&
      !std::isfinite(reference::roundTo(exact.dtype, a)))
    return 0;
  return isSame(a, b) ? 0 : std::isfinite(a - b) ? std::fabs(a - b) : kInfinity;
}

StatusOr<std::vector<Expected>>
expectedResults(mlir::ModuleOp module, const reference::Arguments &arguments,
                int numRuns) {
  StatusOr<std::vector<Value>> exact = interpret(module, arguments);
  if (!exact.ok())
    return exact.status();
  std::vector<Expected> expected;
  for (Value &value : *exact) {
    size_t count = static_cast<size_t>(value.size());
    expected.push_back({std::move(value), std::vector<double>(count, 0.0)});
  }
  for (int run = 0; run < numRuns; ++run) {
    StatusOr<std::vector<Value>> moved =
        interpret(module, arguments,
                  {.roundEachOp = run % 2 == 0,
                   .noise = run == 0 ? 0 : kUnits,
                   .noiseSeed = static_cast<uint64_t>(run)});
    if (!moved.ok())
      return moved.status();
    for (size_t r = 0; r < expected.size(); ++r)
      for (int64_t i = 0; i < expected[r].value.size(); ++i)
        expected[r].tolerance[i] =
            std::max(expected[r].tolerance[i],
                     kFactor * distance(expected[r].value, (*moved)[r], i));
  }
  for (auto &[value, tolerance] : expected)
    if (value.isReal())
      for (int64_t i = 0; i < value.size(); ++i)
        if (std::isfinite(value.reals[i]))
          tolerance[i] += test::unitInLastPlace(value.dtype, value.reals[i]);
  return expected;
}

static bool isWithin(const Value &expected, const Value &result, int64_t i,
                     double tolerance) {
  if (!expected.isReal())
    return expected.ints[i] == result.ints[i];
  double a = reference::roundTo(expected.dtype, expected.reals[i]);
  double b = reference::roundTo(expected.dtype, result.reals[i]);
  return isSame(a, b) ||
         std::fabs(expected.reals[i] - result.reals[i]) <= tolerance;
}

std::string findDifference(const std::vector<Expected> &expected,
                           const std::vector<Value> &results,
                           int64_t &numCompared) {
  std::ostringstream os;
  if (results.size() != expected.size()) {
    os << "expects " << expected.size() << " results, got " << results.size();
    return os.str();
  }
  for (size_t r = 0; r < results.size(); ++r) {
    const auto &[value, tolerance] = expected[r];
    if (results[r].dtype != value.dtype || results[r].shape != value.shape) {
      os << "result " << r << ": expects " << value.dtype << ' ' << value.shape
         << ", got " << results[r].dtype << ' ' << results[r].shape;
      return os.str();
    }
    for (int64_t i = 0; i < value.size(); ++i) {
      if (tolerance[i] == kInfinity)
        continue;
      ++numCompared;
      if (isWithin(value, results[r], i, tolerance[i]))
        continue;
      os.precision(17);
      os << "result " << r << " (" << value.dtype << ' ' << value.shape
         << "), element " << i << ": expects " << value.at(i) << ", got "
         << results[r].at(i) << ", tolerance " << tolerance[i];
      return os.str();
    }
  }
  return "";
}

std::string confirmedDifference(mlir::ModuleOp module,
                                const reference::Arguments &arguments,
                                const std::vector<Expected> &expected,
                                const std::vector<Value> &results,
                                int64_t &numCompared) {
  std::string difference = findDifference(expected, results, numCompared);
  if (difference.empty())
    return "";
  StatusOr<std::vector<Expected>> again =
      expectedResults(module, arguments, 20 * kNumRuns);
  int64_t unused = 0;
  return again.ok() ? findDifference(*again, results, unused) : difference;
}

} // namespace weft::random
