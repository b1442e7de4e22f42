// SPDX-License-Identifier: Apache-2.0
// What a .mlir test cannot see of a fold: the op it was asked about.
#include "weft/IR/Dialect.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace weft;

namespace {

TEST(Folders, TransposeBackIsLeftAsItWas) {
  MLIRContext context;
  context.loadDialect<ir::WeftDialect, func::FuncDialect>();
  auto module = parseSourceString<ModuleOp>(R"(
func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = weft.transpose %x [1, 2, 0] : tensor<2x3x4xf32> -> tensor<3x4x2xf32>
  %1 = weft.transpose %0 [2, 0, 1] : tensor<3x4x2xf32> -> tensor<2x3x4xf32>
  return %1 : tensor<2x3x4xf32>
}
)",
                                            ParserConfig(&context));
  ASSERT_TRUE(module);
  auto main = module->lookupSymbol<func::FuncOp>("main");
  Operation *back = main.front().getTerminator()->getOperand(0).getDefiningOp();
  Value before = back->getOperand(0);

  SmallVector<OpFoldResult> results;
  ASSERT_TRUE(succeeded(back->fold(results)));
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(cast<Value>(results.front()), Value(main.getArgument(0)));
  // The value replaces the op, so the op is not changed in place as well.
  EXPECT_EQ(back->getOperand(0), before);
  EXPECT_TRUE(succeeded(verify(*module)));
}

} // namespace
