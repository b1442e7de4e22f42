// SPDX-License-Identifier: Apache-2.0
// What float32 products are computed with, from the setting to the target and
// to what is kept of compiled graphs. The children have a GPU and a compiler
// that compute nothing (test/Runtime/Fakes).
#include "CompileChild.h"
#include "test/Runtime/ChildTest.h"

#include "lib/Compiler/Codegen.h"
#include "weft/Compile.h"
#include "weft/Functions.h"
#include "weft/Runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <vector>

namespace weft {
namespace {

using compiler::Target;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// ---- children ---------------------------------------------------------------

Tensor product(const Tensor &a, const Tensor &b) { return matmul(a, b); }

void compileChild(const CompileOptions &options = {}) {
  compiler::printCompiled(
      compile(product, {{float32, {64, 64}}, {float32, {64, 64}}}, options)
          .status());
}

// Not tests of their own: what a program does with the fake driver.
TEST(PrecisionChild, DISABLED_Compile) { compileChild(); }

TEST(PrecisionChild, DISABLED_CompileAsOptionsSay) {
  compileChild({.float32_precision = Float32Precision::tf32});
  set_float32_precision(Float32Precision::tf32);
  compileChild(); // the same
  compileChild({.float32_precision = Float32Precision::ieee});
}

TEST(PrecisionChild, DISABLED_Evaluate) {
  const Tensor x =
      Tensor::from_host<float>(std::vector<float>(64 * 64, 1), Shape{64, 64});
  for (Float32Precision precision :
       {Float32Precision::ieee, Float32Precision::tf32, Float32Precision::ieee,
        Float32Precision::tf32}) {
    set_float32_precision(precision);
    compiler::printCompiled(product(x, x).eval());
  }
}

TEST(PrecisionChild, DISABLED_Target) {
  for (const StatusOr<Target> &target :
       {Target::of(Device::gpu()),
        Target::of(Device::gpu(), {Tuning::off, Float32Precision::ieee}),
        Target::parse("cuda"), Target::of(Device::cpu())})
    std::printf("tf32: %d\n", target->cuda().tf32);
}

class Precision : public testing::Test {
protected:
  /// What a child prints. All children of a test share a cache.
  std::string child(const std::string &name, const char *precision) {
    return runtime::outputOfChild("PrecisionChild.DISABLED_" + name,
                                  WEFT_TEST_DRIVER,
                                  {{"FAKE_CUDA", "nothing"},
                                   {"WEFT_DEVICE", "gpu"},
                                   {"WEFT_NVRTC", WEFT_TEST_NVRTC},
                                   {"WEFT_LOG", nullptr},
                                   {"WEFT_TUNING", nullptr},
                                   {"WEFT_FLOAT32_PRECISION", precision},
                                   {"WEFT_CACHE_DIR", cache_.c_str()},
                                   {"WEFT_DUMP_DIR", nullptr}});
  }

  runtime::TempFolder folder_;
  std::string cache_ = folder_.path() + "/cache";
};

/// What `printCompiled` says of so many graphs and kernels.
std::string made(int graphs, int kernels) {
  return "compile: ok\ngraphs loaded: 0, compiled: " + std::to_string(graphs) +
         "; kernels compiled: " + std::to_string(kernels) + "\n";
}

// ---- what there is in memory and on disk ------------------------------------

TEST_F(Precision, GraphsOfOneAreNotThoseOfAnother) {
  cache_ = "";
  EXPECT_THAT(child("Evaluate", nullptr),
              HasSubstr(made(1, 1) + made(2, 2) + made(2, 2) + made(2, 2)));
}

TEST_F(Precision, NorAreTheyOnDisk) {
  for (const char *precision : {"ieee", "tf32"})
    EXPECT_THAT(child("Compile", precision),
                HasSubstr("graphs loaded: 0, compiled: 1"))
        << precision;
  for (const char *precision :
       {"ieee", "tf32", "", static_cast<const char *>(nullptr)})
    EXPECT_THAT(child("Compile", precision),
                HasSubstr("graphs loaded: 1, compiled: 0; kernels compiled: 0"))
        << (precision ? precision : "unset");
}

TEST_F(Precision, OptionsOverrideTheProcess) {
  cache_ = "";
  EXPECT_THAT(child("CompileAsOptionsSay", "ieee"),
              HasSubstr(made(1, 1) + made(1, 1) + made(2, 2)));
}

// ---- what is compiled for ---------------------------------------------------

TEST_F(Precision, OfATargetIsThatOfTheSettings) {
  EXPECT_THAT(child("Target", "tf32"),
              HasSubstr("tf32: 1\ntf32: 0\ntf32: 1\ntf32: 0\n"));
  EXPECT_THAT(child("Target", nullptr),
              HasSubstr("tf32: 0\ntf32: 0\ntf32: 0\ntf32: 0\n"));
}

TEST_F(Precision, OfATargetWithoutAGpuIsThatOfTheProcess) {
  const Float32Precision before = float32_precision();
  for (Float32Precision precision :
       {Float32Precision::tf32, Float32Precision::ieee}) {
    set_float32_precision(precision);
    const bool wanted = precision == Float32Precision::tf32;
    EXPECT_EQ(Target::parse("cuda:sm_80")->cuda().tf32, wanted);
    EXPECT_EQ(Target::parse("cuda:sm_90a")->cuda().tf32, wanted);
    EXPECT_FALSE(Target::parse("cuda:sm_75")->cuda().tf32);
    EXPECT_FALSE(Target::parse("cpu")->cuda().tf32);
  }
  set_float32_precision(before);
}

TEST_F(Precision, IsPartOfAKeyWhereItMattersOnly) {
  auto keys = [](const char *target) {
    std::vector<std::string> keys;
    for (Float32Precision precision :
         {Float32Precision::ieee, Float32Precision::tf32}) {
      set_float32_precision(precision);
      keys.push_back(Target::parse(target)->key());
    }
    return keys;
  };
  const Float32Precision before = float32_precision();
  const auto sm80 = keys("cuda:sm_80"), sm75 = keys("cuda:sm_75"),
             cpu = keys("cpu");
  set_float32_precision(before);
  EXPECT_NE(sm80[0], sm80[1]);
  EXPECT_EQ(sm75[0], sm75[1]);
  EXPECT_EQ(cpu[0], cpu[1]);
}

TEST_F(Precision, AWrongVariableIsNamed) {
  EXPECT_THAT(child("Target", "tf16"),
              AllOf(HasSubstr("weft: warning: WEFT_FLOAT32_PRECISION: got "
                              "\"tf16\", expected ieee or tf32\n"),
                    Not(HasSubstr("tf32: 1"))));
}

} // namespace
} // namespace weft
