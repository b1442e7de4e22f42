// SPDX-License-Identifier: Apache-2.0
// What of an image a convolution with its channels last reads: numbers show
// nothing of a pixel whose weight is zero, infinities do.
#include "weft/Target/Reference/Interpreter.h"
#include "weft/Transforms/Passes.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace mlir;
using namespace weft;
using namespace weft::ir;

namespace {

/// For each result of a line of 3 channels, windows of 4 in steps of 2 and
/// weights of 1: whether it is infinite if column `infinite` of the line is.
std::string marks(bool isLast, int64_t padding, int64_t width,
                  int64_t infinite) {
  MLIRContext context;
  context.loadDialect<WeftDialect, func::FuncDialect>();
  const int64_t results = (width + 2 * padding - 4) / 2 + 1;
  const std::string x = "tensor<1x3x" + std::to_string(width) + "xf16>",
                    y = "tensor<1x1x" + std::to_string(results) + "xf16>",
                    pad = std::to_string(padding);
  auto module = parseSourceString<ModuleOp>(
      "func.func @main(%x: " + x + ", %w: tensor<1x3x4xf16>) -> " + y +
          " {\n  %y = weft.conv %x, %w stride [2] padding [" + pad + ", " +
          pad + "] dilation [1] groups 1 : " + x + ", tensor<1x3x4xf16> -> " +
          y + "\n  return %y : " + y + "\n}",
      &context);
  EXPECT_TRUE(module);
  if (isLast) {
    PassManager passes(&context);
    passes.addNestedPass<func::FuncOp>(createAssignLayout());
    EXPECT_TRUE(succeeded(passes.run(*module)));
    module->walk([](ConvOp conv) { EXPECT_EQ(conv.getStride().back(), 1); });
  }
  reference::Arguments arguments;
  arguments.inputs = {reference::zeros(float16, {1, 3, width}),
                      reference::zeros(float16, {1, 3, 4})};
  arguments.inputs[0].reals[static_cast<size_t>(width + infinite)] =
      std::numeric_limits<double>::infinity();
  arguments.inputs[1].reals.assign(12, 1);
  auto result = reference::interpret(*module, arguments);
  EXPECT_TRUE(result.ok()) << result.status();
  std::string marks;
  for (double element : result->at(0).reals)
    marks += std::isinf(element) ? 'x' : element == 0 ? '.' : '?';
  return marks;
}

TEST(AssignLayout, WindowsOfEvenSizesEndWhereTheyDid) {
  EXPECT_EQ(marks(true, 0, 8, 3), "xx.");  // 0 to 3, 2 to 5, 4 to 7
  EXPECT_EQ(marks(true, 1, 8, 2), "xx.."); // -1 to 2, 1 to 4, 3 to 6, 5 to 8
  for (int64_t padding : {0, 1, 2, 3})
    for (int64_t width : {8, 10})
      for (int64_t column = 0; column < width; ++column)
        EXPECT_EQ(marks(true, padding, width, column),
                  marks(false, padding, width, column))
            << padding << " " << width << " " << column;
}

} // namespace
