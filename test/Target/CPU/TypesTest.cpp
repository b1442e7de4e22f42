// SPDX-License-Identifier: Apache-2.0
// Every row on every type it accepts, and every cast, against the reference
// interpreter; on this processor and on the baseline of its family.
#include "Run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace weft;

namespace {

const std::vector<std::string> kTypes = {"f64",      "f32", "f16", "bf16",
                                         "f8E4M3FN", "i64", "i32", "i8",
                                         "i4",       "ui8", "i1"};

CpuTarget baseline() { return {"x86-64", "", 0}; }

bool isFloat(const std::string &type) {
  return type[0] == 'f' || type[0] == 'b';
}

double toleranceOf(const std::string &type) {
  return type == "f16"        ? 1e-3
         : type == "bf16"     ? 8e-3
         : type == "f8E4M3FN" ? 0.13
                              : 1e-5;
}

std::string row(const std::string &op, int arity, bool predicate,
                const std::string &type) {
  std::string tensor = "tensor<37x" + type + ">";
  std::string result = predicate ? "tensor<37xi1>" : tensor;
  return "func.func @main(%x: " + tensor + ", %y: " + tensor + ") -> " +
         result + " {\n  %z = weft." + op + " %x" + (arity == 2 ? ", %y" : "") +
         " : " + tensor + "\n  return %z : " + result + "\n}\n";
}

struct RowOfTable {
  std::string name;
  int arity;
  bool predicate;
  std::string types;
  double low;
};
const std::vector<RowOfTable> &rows() {
  static const std::vector<RowOfTable> all = {
#define WEFT_ROW(mnemonic, Op, arity, predicate, types, cpu, cuda, percent,    \
                 low, high)                                                    \
  {#mnemonic, arity, predicate, #types, low},
#include "weft/IR/Rows.inc"
#undef WEFT_ROW
  };
  return all;
}

bool accepts(const RowOfTable &row, const std::string &type) {
  if (row.types == "Floating")
    return isFloat(type);
  if (row.types == "Number")
    return type != "i1";
  return row.types == "Any" || type == "i1";
}

class EveryRow : public testing::TestWithParam<std::string> {};

TEST_P(EveryRow, OnItsTypes) {
  for (const RowOfTable &r : rows()) {
    const std::string &type = GetParam();
    if (!accepts(r, type))
      continue;
    SCOPED_TRACE(r.name + " " + type);
    double low = r.low >= 0 ? r.low + 0.01 : -4;
    for (const CpuTarget &target : {CpuTarget::host(), baseline()})
      checkAgainstReference(row(r.name, r.arity, r.predicate, type),
                            toleranceOf(type), low, 4, target);
    if (HasFatalFailure())
      return;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, EveryRow, testing::ValuesIn(kTypes),
                         [](const auto &info) { return info.param; });

TEST(CpuTypes, EveryCast) {
  for (const std::string &from : kTypes)
    for (const std::string &to : kTypes) {
      std::string x = "tensor<37x" + from + ">", y = "tensor<37x" + to + ">";
      SCOPED_TRACE(from + " to " + to);
      for (const CpuTarget &target : {CpuTarget::host(), baseline()})
        checkAgainstReference("func.func @main(%x: " + x + ") -> " + y +
                                  " {\n  %y = weft.cast %x : " + x + " -> " +
                                  y + "\n  return %y : " + y + "\n}\n",
                              0, -500, 500, target);
      if (HasFatalFailure())
        return;
    }
}

TEST(CpuTypes, ReducedPrecisionIsThatOfMemory) {
  for (const std::string &type : kTypes) {
    if (!isFloat(type))
      continue;
    std::string t = "tensor<37x" + type + ">", wide = "tensor<37xf64>";
    for (const CpuTarget &target : {CpuTarget::host(), baseline()})
      checkAgainstReference("func.func @main(%x: " + t + ") -> " + wide +
                                " {\n  %p = weft.mul %x, %x : " + t +
                                "\n  %r = weft.reduce_precision %p : " + t +
                                "\n  %y = weft.cast %r : " + t + " -> " + wide +
                                "\n  return %y : " + wide + "\n}\n",
                            type == "f64" || type == "f32" ? 1e-7 : 0, -30, 30,
                            target);
    if (HasFatalFailure())
      return;
  }
}

TEST(CpuTypes, ReducedPrecisionIsThatOfTf32) {
  for (const CpuTarget &target : {CpuTarget::host(), baseline()})
    checkAgainstReference(R"(
func.func @main(%x: tensor<37xf32>) -> tensor<37xf32> {
  %y = weft.reduce_precision %x tf32 : tensor<37xf32>
  return %y : tensor<37xf32>
})",
                          0, -30, 30, target);
}

TEST(CpuTypes, LimitsOfTf32) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const std::string text = R"(
func.func @main(%x: tensor<37xf32>) -> tensor<37xf32> {
  %y = weft.reduce_precision %x tf32 : tensor<37xf32>
  return %y : tensor<37xf32>
})";
  for (const CpuTarget &target : {CpuTarget::host(), baseline()}) {
    OneKernel one(text, target);
    ASSERT_TRUE(one.ok()) << one.why();
    auto arguments = one.randomArguments();
    // Ends with subnormal numbers, in the middle and on either side of it.
    const double limits[] = {
        0x1.fffffep127, -0x1.ffep127, 0x1.ffdffep127, kInf,      -kInf,
        std::nan(""),   -0.0,         2049,           -2049,     0x1p-126,
        0x1.ffep-127,   0x1.8p-136,   0x1.7p-136,     -0x1p-137, -0x1.fp-138};
    std::ranges::copy(limits, arguments[0].reals.begin());
    auto expected = one.expect(arguments), got = one.run(arguments);
    ASSERT_EQ(expected.size(), got.size());
    for (size_t i = 0; i < std::size(limits); ++i) {
      double want = expected[0].reals[i], have = got[0].reals[i];
      EXPECT_EQ(std::signbit(want), std::signbit(have)) << limits[i];
      EXPECT_TRUE(want == have || (std::isnan(want) && std::isnan(have)))
          << limits[i] << ": expected " << want << ", got " << have;
    }
  }
}

} // namespace
