// SPDX-License-Identifier: Apache-2.0
// Reading the assembler's report, as NVRTC 12 and 13 write it.
#include "runtime/KernelResources.h"

#include <gtest/gtest.h>

namespace weft::runtime {
namespace {

constexpr std::string_view kLog = R"(kernel.cu(3): warning: something
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'relu_1' for 'sm_90a'
ptxas info    : Function properties for relu_1
ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 10 registers, used 0 barriers, 352 bytes cmem[0]
ptxas info    : Compile time = 2.773 ms
ptxas info    : Compiling entry function 'relu' for 'sm_90a'
ptxas info    : Function properties for helper
ptxas         .     8 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Function properties for relu
ptxas         .     160 bytes stack frame, 24 bytes spill stores, 40 bytes spill loads
ptxas info    : Used 255 registers, used 1 barriers, 160 bytes cumulative stack size, 1200 bytes smem
)";

TEST(KernelResources, AreThoseOfTheKernelNamed) {
  StatusOr<KernelResources> relu = readAssemblerReport(kLog, "relu");
  ASSERT_TRUE(relu.ok()) << relu.status();
  EXPECT_EQ(*relu, (KernelResources{.registers = 255,
                                    .stackBytes = 160,
                                    .spillStoreBytes = 24,
                                    .spillLoadBytes = 40,
                                    .sharedBytes = 1200,
                                    .barriers = 1}));
}

TEST(KernelResources, WhatTheReportLeavesOutIsZero) {
  StatusOr<KernelResources> relu = readAssemblerReport(kLog, "relu_1");
  ASSERT_TRUE(relu.ok()) << relu.status();
  EXPECT_EQ(*relu, KernelResources{.registers = 10});
}

TEST(KernelResources, NamesAKernelThatIsNotThere) {
  for (std::string_view log : {kLog, std::string_view("")})
    EXPECT_EQ(readAssemblerReport(log, "rel").status().message(),
              "assembler's report: nothing about kernel \"rel\"");
}

} // namespace
} // namespace weft::runtime
