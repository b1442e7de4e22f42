// SPDX-License-Identifier: Apache-2.0
// Compiling the kernels of one program at once.
#include "lib/Compiler/Codegen.h"

#include "weft/Compiler/Compiler.h"
#include "weft/IR/Dialect.h"
#include "weft/Runtime.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

using namespace weft;

namespace {

/// Results that share neither loops nor sizes, each with index expressions of
/// its own.
std::string manyGroups(int count, int first) {
  std::string arguments, body, values, types;
  for (int i = 0; i < count; ++i) {
    auto tensor = [&](int rows, const std::string &rest) {
      return "tensor<" + std::to_string(rows) + rest + "xf32>";
    };
    const int n = first + i;
    const std::string comma = i == 0 ? "" : ", ", id = std::to_string(i);
    const std::string x = tensor(6 * n, "x5"), y = tensor(10 * n, "x3"),
                      z = tensor(5 * n, "x2"),
                      t = tensor(2, "x" + std::to_string(5 * n));
    arguments +=
        comma + "%x" + id + ": " + x + " {weft.input = " + id + " : i64}";
    body += "  %r" + id + " = weft.reshape %x" + id + " : " + x + " -> " + y +
            "\n  %s" + id + " = weft.slice %r" + id + " from [" +
            std::to_string(10 * n - 1) + ", 0] by [-2, 2] : " + y + " -> " + z +
            "\n  %t" + id + " = weft.transpose %s" + id + " [1, 0] : " + z +
            " -> " + t + "\n  %e" + id + " = weft.exp %t" + id + " : " + t +
            "\n";
    values += comma + "%e" + id;
    types += comma + t;
  }
  return "func.func @main(" + arguments + ") -> (" + types + ") {\n" + body +
         "  return " + values + " : " + types + "\n}\n";
}

/// The kernels of the program, printed by so many threads. These are rarely in
/// the tables of the context at the same moment, so that locks that are missing
/// seldom show; whether there are any is asked after each kernel instead, while
/// the others are made.
std::vector<std::string> textsOf(const std::string &program, int threads,
                                 const char *device) {
  EXPECT_TRUE(set_num_threads(threads).ok());
  std::unique_ptr<mlir::MLIRContext> context = compiler::makeContext();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(program, context.get());
  std::vector<std::string> texts;
  compiler::Target target = *compiler::Target::parse(device);
  if (!module || !compiler::lower(*module, target, nullptr).ok())
    return texts;
  std::atomic<int> made{0}, withLocks{0};
  compiler::setProgress([&](compiler::Activity, int64_t done, int64_t) {
    made += done > 0;
    withLocks += done > 0 && context->isMultithreadingEnabled();
  });
  auto compiled =
      compiler::compileKernels(*module, target, compiler::KernelForm::text);
  compiler::setProgress({});
  EXPECT_GT(made, 0);
  EXPECT_EQ(withLocks, made);
  EXPECT_FALSE(context->isMultithreadingEnabled());
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  if (compiled.ok())
    for (const runtime::Kernel &kernel : compiled->main.kernels)
      texts.push_back(kernel.source);
  return texts;
}

// All groups of a program live in one context.
TEST(Codegen, ThreadsShareTheContextOfAProgram) {
  constexpr int kGroups = 60;
  for (int round = 0; round < 5; ++round) {
    std::string program = manyGroups(kGroups, 3 + round * kGroups);
    // Two devices with equal texts: kernels are compiled once for each.
    auto texts = textsOf(program, 8, "cuda:sm_90a");
    ASSERT_EQ(texts.size(), static_cast<size_t>(kGroups));
    ASSERT_EQ(texts, textsOf(program, 1, "cuda:sm_80"));
  }
  EXPECT_TRUE(set_num_threads(0).ok());
}

// It is the caller's sizes that no launch covers, and no fault of the compiler.
TEST(Codegen, MoreBlocksThanALaunchMayHave) {
  const std::string program = R"(
func.func @main(%x: tensor<1000x32x65536x65536xf32>, %w: tensor<32x32x3x3xf32>)
    -> tensor<1000x32x65536x65536xf32> {
  %0 = weft.conv %x, %w stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1
      : tensor<1000x32x65536x65536xf32>, tensor<32x32x3x3xf32> -> tensor<1000x32x65536x65536xf32>
  return %0 : tensor<1000x32x65536x65536xf32>
}
)";
  auto stages =
      compiler::explain(program, "large.mlir", {.target = "cuda:sm_90a"});
  ASSERT_EQ(stages.status().code(), StatusCode::resource_exhausted)
      << stages.status();
  EXPECT_EQ(stages.status().message().find(
                "compile: cannot lower a group: it takes more blocks than a "
                "launch may have:\n"),
            0u)
      << stages.status();
}

} // namespace
