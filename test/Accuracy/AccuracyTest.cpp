// SPDX-License-Identifier: Apache-2.0
// Every row of Ops.td, on every type it accepts and on every back end, against
// the row's own oracle and accuracy claim; and every cast.
#include "Cases.h"

#include "test/BackEnds/BackEnds.h"
#include "test/BackEnds/Precision.h"
#include "weft/Runtime.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <cmath>
#include <iostream>
#include <map>
#include <sstream>

namespace weft::test {
namespace {

using reference::Value;

/// One back end, and which of a row's claims are about it.
struct BackEnd {
  std::string name;
  std::vector<Results> (*run)(const std::vector<Job> &);
  double RowClaim::*claim;
  double RowClaim::*percent = nullptr; // of results of 16 bits
};

void PrintTo(const BackEnd &backEnd, std::ostream *os) { *os << backEnd.name; }

class Accuracy : public testing::TestWithParam<BackEnd> {
protected:
  Accuracy() : context(mlir::MLIRContext::Threading::DISABLED) {}

  void SetUp() override {
    if (GetParam().name == "Gpu")
      if (Status status = is_usable(Device::gpu()); !status.ok())
        GTEST_SKIP() << "no GPU: " << status;
  }

  /// Calls `check(case, oracle's results, results)` for every case.
  template <typename Check>
  void compare(const std::vector<Case> &cases, Check check) {
    std::vector<Job> jobs;
    for (const Case &c : cases)
      jobs.push_back({*c.module, &c.arguments});
    std::vector<Results> results = GetParam().run(jobs);
    ASSERT_EQ(results.size(), cases.size());
    for (size_t i = 0; i < cases.size(); ++i) {
      SCOPED_TRACE(cases[i].name);
      auto exact = interpret(jobs[i].module, cases[i].arguments);
      ASSERT_TRUE(exact.ok()) << exact.status();
      EXPECT_TRUE(results[i].ok()) << results[i].status();
      if (results[i].ok())
        check(cases[i], (*exact)[0], (*results[i])[0]);
    }
  }

  mlir::MLIRContext context;
};

bool isSame(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

std::string describe(const Case &c, int64_t i, double expected, double got) {
  std::ostringstream os;
  os.precision(17);
  os << "element " << i << ": operands";
  for (const Value &x : c.arguments.inputs)
    os << ' ' << x.at(i);
  os << ", expected " << expected << ", got " << got;
  return os.str();
}

void expectEqual(const Case &c, const Value &exact, const Value &result) {
  for (int64_t i = 0; i < exact.size(); ++i) {
    double expected = exact.isReal()
                          ? reference::roundTo(exact.dtype, exact.reals[i])
                          : exact.at(i);
    bool same = exact.isReal() ? isSame(expected, result.reals[i])
                               : exact.ints[i] == result.ints[i];
    ASSERT_TRUE(same) << describe(c, i, expected, result.at(i));
  }
}

/// The error a row may make, in absolute terms.
double allowed(const Case &c, const BackEnd &backEnd, double exact) {
  const DType dtype = c.dtype;
  // Types up to 32 bits are computed in float32 and rounded once.
  const DType computed = dtype == float64 ? float64 : float32;
  double units = c.row->*backEnd.claim, narrow = 0.5;
  if (dtype == float64 && units > 0)
    units += 2; // the oracle itself is a double
  if (backEnd.percent && (dtype == float16 || dtype == bfloat16))
    narrow += c.row->*backEnd.percent / 100;
  return units * unitInLastPlace(computed, exact) +
         narrow * unitInLastPlace(dtype, exact);
}

/// Rows that are exact wherever they are defined.
bool isExact(const Case &c) { return c.row->cpuUlp == 0; }

/// Beyond the domain: infinities and NaN where they belong, and numbers that
/// are not absurd.
void checkSpecial(const Case &c, int64_t i, double x, double y) {
  double near = 1e-5 * std::max(1.0, std::fabs(x)) +
                unitInLastPlace(c.dtype, std::isfinite(x) ? x : 0);
  EXPECT_TRUE(isSame(x, y) || (!isExact(c) && std::fabs(x - y) <= near))
      << describe(c, i, x, y);
  if (x == 0 && y == 0)
    EXPECT_EQ(std::signbit(x), std::signbit(y)) << describe(c, i, x, y);
}

TEST_P(Accuracy, RowsKeepTheirClaims) {
  std::vector<Case> cases;
  for (const RowClaim &row : rowClaims())
    for (int d = 0; d < kNumDTypes; ++d)
      if (row.accepts(static_cast<DType>(d)))
        cases.push_back(rowCase(&context, row, static_cast<DType>(d)));
  std::map<std::string, double> worst;
  compare(cases, [&](const Case &c, const Value &exact, const Value &result) {
    if (!exact.isReal())
      return expectEqual(c, exact, result);
    for (int64_t i = 0; i < exact.size(); ++i) {
      double x = exact.reals[i], y = result.reals[i];
      double rounded = reference::roundTo(exact.dtype, x);
      if (i >= kOnDomain) {
        checkSpecial(c, i, rounded, y);
        continue;
      }
      if (isSame(rounded, y))
        continue;
      double error = std::fabs(y - x);
      if (c.dtype == float32)
        worst[c.row->name] =
            std::max(worst[c.row->name], error / unitInLastPlace(float32, x));
      // Written so that NaN fails.
      ASSERT_TRUE(error <= allowed(c, GetParam(), x))
          << describe(c, i, x, y) << ", off by "
          << error / unitInLastPlace(c.dtype, x) << " ulp, claim "
          << c.row->*GetParam().claim;
    }
  });
  std::cout << "largest errors in float32, in ulp:";
  for (const auto &[name, ulp] : worst)
    std::cout << ' ' << name << ' ' << ulp;
  std::cout << '\n';
}

TEST_P(Accuracy, CastsAreExact) {
  std::vector<Case> cases;
  for (int from = 0; from < kNumDTypes; ++from)
    for (int to = 0; to < kNumDTypes; ++to)
      cases.push_back(
          castCase(&context, static_cast<DType>(from), static_cast<DType>(to)));
  compare(cases, expectEqual);
}

INSTANTIATE_TEST_SUITE_P(
    BackEnds, Accuracy,
    testing::Values(BackEnd{"Cpu", runOnCpu, &RowClaim::cpuUlp},
                    BackEnd{"EmulatedCuda", runEmulated, &RowClaim::cudaUlp,
                            &RowClaim::cudaPercent},
                    BackEnd{"Gpu", runOnGpu, &RowClaim::cudaUlp,
                            &RowClaim::cudaPercent}),
    [](const auto &info) { return info.param.name; });

} // namespace
} // namespace weft::test
