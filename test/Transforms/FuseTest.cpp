// SPDX-License-Identifier: Apache-2.0
// Graphs at the limits of a kernel, too long to write down.
#include "weft/Target/LoopNest.h"
#include "weft/Target/Reference/Interpreter.h"
#include "weft/Transforms/Passes.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace weft;
using namespace weft::ir;

namespace {

class Fused {
public:
  /// `body` reads %x0, ..., each a tensor<8xf32>, and ends in `return`.
  Fused(int arguments, const std::string &result, const std::string &body) {
    context_.loadDialect<WeftDialect, func::FuncDialect>();
    std::string text = "func.func @main(";
    for (int i = 0; i < arguments; ++i)
      text += (i ? ", %x" : "%x") + std::to_string(i) + ": tensor<8xf32>";
    text += ") -> " + result + " {\n" + body + "}\n";
    graph_ = parseSourceString<ModuleOp>(text, &context_);
    EXPECT_TRUE(graph_) << text;
    fused_ = graph_->clone();
    PassManager passes(&context_);
    passes.addNestedPass<func::FuncOp>(createFuse());
    EXPECT_TRUE(succeeded(passes.run(*fused_)));
  }

  SmallVector<GroupOp> groups() {
    SmallVector<GroupOp> groups;
    fused_->walk([&](GroupOp group) { groups.push_back(group); });
    return groups;
  }
  int64_t numGroups() { return static_cast<int64_t>(groups().size()); }

  /// Every group has loops within the limits, and all together compute what the
  /// graph does.
  void check() {
    for (GroupOp group : groups()) {
      EXPECT_LE(group.getNumOperands() + group.getNumResults(), 64u);
      std::string why;
      FailureOr<LoopNest> nest = buildLoopNest(group, why);
      ASSERT_TRUE(succeeded(nest)) << why;
      EXPECT_LE(nest->stmts.size(), 2100u);
    }
    reference::Arguments arguments;
    auto main = graph_->lookupSymbol<func::FuncOp>(kMainName);
    for (unsigned i = 0; i < main.getNumArguments(); ++i) {
      reference::Value x = reference::zeros(float32, {8});
      for (int64_t j = 0; j < 8; ++j)
        x.reals[j] = static_cast<double>(8 * i + j);
      arguments.inputs.push_back(std::move(x));
    }
    auto expected = reference::interpret(*graph_, arguments);
    auto actual = reference::interpret(*fused_, arguments);
    ASSERT_TRUE(expected.ok() && actual.ok());
    EXPECT_EQ(expected->at(0).reals, actual->at(0).reals);
  }

private:
  MLIRContext context_;
  OwningOpRef<ModuleOp> graph_, fused_;
};

std::string name(const char *letter, int number) {
  return "%" + std::string(letter) + std::to_string(number);
}

TEST(Fuse, AtMost128OpsAKernel) {
  auto chain = [](int count) {
    std::string body, last = "%x0";
    for (int i = 0; i < count; ++i) {
      body += name("y", i) + " = weft.neg " + last + " : tensor<8xf32>\n";
      last = name("y", i);
    }
    return Fused(1, "tensor<8xf32>",
                 body + "return " + last + " : tensor<8xf32>\n")
        .numGroups();
  };
  EXPECT_EQ(chain(128), 1);
  EXPECT_EQ(chain(129), 2);
}

TEST(Fuse, AtMost64TensorsAKernel) {
  auto sum = [](int count) {
    std::string body, last = "%x0";
    for (int i = 1; i < count; ++i) {
      body += name("y", i) + " = weft.add " + last + ", " + name("x", i) +
              " : tensor<8xf32>\n";
      last = name("y", i);
    }
    Fused fused(count, "tensor<8xf32>",
                body + "return " + last + " : tensor<8xf32>\n");
    fused.check();
    return fused.numGroups();
  };
  EXPECT_EQ(sum(63), 1);
  EXPECT_EQ(sum(64), 2);
}

TEST(Fuse, ConcatenationsOfManyTensors) {
  auto concatenation = [](int count, bool isReturned) {
    std::string names, types,
        result = "tensor<" + std::to_string(8 * count) + "xf32>";
    for (int i = 0; i < count; ++i) {
      names += (i ? ", " : "") + name("x", i);
      types += (i ? ", " : "") + std::string("tensor<8xf32>");
    }
    std::string body = "%c = weft.concatenate " + names +
                       " along 0 : " + types + " -> " + result + "\n";
    if (!isReturned) {
      body += "%y = weft.sum %c over [0] : " + result + " -> tensor<f32>\n";
      result = "tensor<f32>";
    }
    body += (isReturned ? "return %c : " : "return %y : ") + result + "\n";
    Fused fused(count, result, body);
    fused.check();
    return fused.numGroups();
  };
  for (bool isReturned : {true, false}) {
    EXPECT_EQ(concatenation(63, isReturned), 1);
    EXPECT_EQ(concatenation(64, isReturned), 2);
    EXPECT_GE(concatenation(1000, isReturned), 16);
  }
}

/// Every path through `count` views that read the one before twice.
std::string doubling(int count) {
  std::string body, last = "%x0";
  for (int i = 0; i < count; ++i) {
    body += name("c", i) + " = weft.concatenate " + last + ", " + last +
            " along 0 : tensor<8xf32>, tensor<8xf32> -> tensor<16xf32>\n" +
            name("v", i) + " = weft.slice " + name("c", i) +
            " from [3] by [1] : tensor<16xf32> -> tensor<8xf32>\n";
    last = name("v", i);
  }
  return body;
}

TEST(Fuse, ViewsAreKeptWhereTheirPathsAreMany) {
  for (auto [count, groups] : {std::pair(4, 1), {12, 2}, {40, 7}}) {
    std::string last = name("v", count - 1);
    for (const std::string &user : {"%y = weft.add " + last +
                                        ", %x0 : tensor<8xf32>\n"
                                        "return %y : tensor<8xf32>\n",
                                    "return " + last + " : tensor<8xf32>\n"}) {
      Fused fused(1, "tensor<8xf32>", doubling(count) + user);
      fused.check();
      EXPECT_EQ(fused.numGroups(), groups) << count;
    }
    Fused reduced(1, "tensor<f32>",
                  doubling(count) + "%y = weft.sum " + last +
                      " over [0] : tensor<8xf32> -> tensor<f32>\n"
                      "return %y : tensor<f32>\n");
    reduced.check();
    EXPECT_EQ(reduced.numGroups(), groups) << count;
  }
}

/// Whether a candidate fits does not depend on where its ops lie in memory.
TEST(Fuse, TheSameGraphGivesTheSameGroups) {
  std::string body, last = "%x0";
  for (int i = 1; i <= 50; ++i) {
    body += name("v", i) + " = weft.broadcast " + name("x", i) +
            " : tensor<8xf32> -> tensor<4x8xf32>\n";
    std::string x = i == 1 ? "%v1" : name("a", i - 1);
    body += name("a", i) + " = weft.add " + x + ", " + name("v", i) +
            " : tensor<4x8xf32>\n";
  }
  body += "%r = weft.reshape %a50 : tensor<4x8xf32> -> tensor<32xf32>\n"
          "%e = weft.neg %r : tensor<32xf32>\n"
          "%f = weft.reshape %e : tensor<32xf32> -> tensor<4x8xf32>\n"
          "%g = weft.abs %f : tensor<4x8xf32>\n"
          "return %g : tensor<4x8xf32>\n";
  for (int run = 0; run < 20; ++run)
    EXPECT_EQ(Fused(51, "tensor<4x8xf32>", body).numGroups(), 1);
}

} // namespace
