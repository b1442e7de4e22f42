// SPDX-License-Identifier: Apache-2.0
// What code on disk is for: a compiler and a driver, and only while it loads.
// The children have a GPU and a compiler that compute nothing
// (test/Runtime/Fakes).
#include "CompileChild.h"
#include "test/Runtime/ChildTest.h"

#include "weft/Compile.h"
#include "weft/Functions.h"
#include "weft/Runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace weft {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Not a test of its own: what a program does with the fake driver.
TEST(StoredCodeChild, DISABLED_Relu) {
  StatusOr<Executable> graph = compile([](const Tensor &x) { return relu(x); },
                                       {InputSpec{float32, {64}}});
  compiler::printCompiled(graph.status());
}

class StoredCode : public testing::Test {
protected:
  void SetUp() override {
    std::filesystem::copy(WEFT_TEST_NVRTC, first_);
    std::filesystem::copy(WEFT_TEST_NVRTC, second_);
  }

  /// What a child prints. All children of a test share a cache.
  std::string child(const std::string &nvrtc, const char *version = "12040",
                    const char *fault = "nothing") {
    return runtime::outputOfChild("StoredCodeChild.DISABLED_Relu",
                                  WEFT_TEST_DRIVER,
                                  {{"FAKE_CUDA", fault},
                                   {"FAKE_CUDA_VERSION", version},
                                   {"WEFT_DEVICE", "gpu"},
                                   {"WEFT_NVRTC", nvrtc.c_str()},
                                   {"WEFT_LOG", nullptr},
                                   {"WEFT_TUNING", nullptr},
                                   {"WEFT_FLOAT32_PRECISION", nullptr},
                                   {"WEFT_CACHE_DIR", cache_.c_str()},
                                   {"WEFT_DUMP_DIR", nullptr}});
  }

  runtime::TempFolder folder_;
  const std::string cache_ = folder_.path() + "/cache",
                    first_ = folder_.path() + "/libnvrtc.so.12.3.103",
                    second_ = folder_.path() + "/libnvrtc.so.12.4.127";
};

const char kCompiled[] =
    "compile: ok\ngraphs loaded: 0, compiled: 1; kernels compiled: 1\n";
const char kOnlyLinked[] =
    "compile: ok\ngraphs loaded: 0, compiled: 1; kernels compiled: 0\n";
const char kLoaded[] =
    "compile: ok\ngraphs loaded: 1, compiled: 0; kernels compiled: 0\n";

TEST_F(StoredCode, IsOfOneCompiler) {
  EXPECT_THAT(child(first_), HasSubstr(kCompiled));
  EXPECT_THAT(child(second_), HasSubstr(kCompiled));
  EXPECT_THAT(child(first_), HasSubstr(kLoaded));
  EXPECT_THAT(child(second_), HasSubstr(kLoaded));
  // By the file, whatever name leads to it.
  const std::string link = folder_.path() + "/libnvrtc.so.12";
  std::filesystem::create_symlink(second_, link);
  EXPECT_THAT(child(link), HasSubstr(kLoaded));
}

TEST_F(StoredCode, GraphsAreForOneDriverAndKernelsForAll) {
  EXPECT_THAT(child(first_), HasSubstr(kCompiled));
  EXPECT_THAT(child(first_, "12080"), HasSubstr(kOnlyLinked));
  EXPECT_THAT(child(first_, "12080"), HasSubstr(kLoaded));
}

TEST_F(StoredCode, IsCompiledAnewWhenItDoesNotLoad) {
  EXPECT_THAT(child(first_), HasSubstr(kCompiled));
  EXPECT_THAT(child(first_, "12040", "cuModuleLoadDataEx"),
              AllOf(HasSubstr("weft: warning: a graph on disk is compiled "
                              "anew: plan: kernel \"relu_f32\": "
                              "cuModuleLoadDataEx failed: CUDA_ERROR_UNKNOWN"),
                    HasSubstr(kCompiled)));
  EXPECT_THAT(child(first_), AllOf(HasSubstr(kLoaded), Not(HasSubstr("anew"))));
}

TEST_F(StoredCode, WhatNeverLoadsIsCompiledOnce) {
  EXPECT_THAT(child(first_, "12040", "cuModuleLoadDataEx"),
              HasSubstr("compile: plan: kernel \"relu_f32\": "
                        "cuModuleLoadDataEx failed: "));
}

} // namespace
} // namespace weft
