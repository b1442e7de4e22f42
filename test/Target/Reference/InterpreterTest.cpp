// SPDX-License-Identifier: Apache-2.0
// Functions, groups, prepared values, and what is refused.
#include "Program.h"

namespace weft::reference {
namespace {

using testing::ElementsAre;

TEST(Interpreter, ApiExample) {
  Program program(R"(
    func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
      %y = weft.mul %x, %x : tensor<2xf32>
      return %y : tensor<2xf32>
    })");
  EXPECT_THAT(program({{float32, {2}, {3, 4}, {}}}).reals, ElementsAre(9, 16));
}

TEST(Interpreter, GroupsRunOpByOp) {
  Program program(R"(
    func.func @main(%x: tensor<2xf32>, %s: f32) -> tensor<2xf32> {
      %p, %q = weft.group(%a = %x, %b = %s) : tensor<2xf32>, f32 -> tensor<2xf32>, tensor<2xf32> {
        %0 = weft.splat %b : f32 -> tensor<2xf32>
        %1 = weft.add %a, %0 : tensor<2xf32>
        %2 = weft.mul %1, %1 : tensor<2xf32>
        weft.yield %1, %2 : tensor<2xf32>, tensor<2xf32>
      }
      %y = weft.sub %q, %p : tensor<2xf32>
      return %y : tensor<2xf32>
    })");
  EXPECT_THAT(program({f32({2}, {1, 2}), f32({}, {1})}).reals,
              ElementsAre(2, 6));
}

constexpr const char *kPrepared = R"(
    func.func @prepare(%w: tensor<2xf32> {weft.name = "w"}) -> tensor<2xf32> {
      %y = weft.add %w, %w : tensor<2xf32>
      return %y : tensor<2xf32>
    }
    func.func @main(%v: tensor<2xf32> {weft.parameter, weft.name = "v"},
                    %x: tensor<2xf32>,
                    %w2: tensor<2xf32> {weft.prepared = 0 : i64}) -> tensor<2xf32> {
      %0 = weft.mul %x, %w2 : tensor<2xf32>
      %1 = weft.add %0, %v : tensor<2xf32>
      return %1 : tensor<2xf32>
    })";

TEST(Interpreter, PrepareRunsFirst) {
  Program program(kPrepared);
  auto results = interpret(
      program.module(), {{f32({2}, {10, 100})},
                         {{"v", f32({2}, {1, 1})}, {"w", f32({2}, {2, 3})}}});
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_THAT((*results)[0].reals, ElementsAre(41, 601));
}

TEST(Interpreter, NamesWhatIsMissing) {
  Program program(kPrepared);
  Value x = f32({2}, {1, 2});
  EXPECT_EQ(interpret(program.module(), {{x}, {{"v", x}}}).status().message(),
            "interpret: no value for parameter 0 of @prepare: name \"w\"");
  EXPECT_EQ(interpret(program.module(), {{}, {{"v", x}, {"w", x}}})
                .status()
                .message(),
            "interpret: number of inputs differs: expects 1, got 0");
  Program empty("module {}");
  EXPECT_EQ(interpret(empty.module(), {}).status().message(),
            "interpret: module has no function @main");
  Program outOfRange(R"(
    func.func @main(%x: tensor<2xf32> {weft.prepared = 0 : i64}) {
      return
    })");
  EXPECT_EQ(interpret(outOfRange.module(), {}).status().message(),
            "interpret: no such prepared value: @prepare returns 0, argument "
            "wants number 0");
}

TEST(Interpreter, ChecksArguments) {
  Program program(R"(
    func.func @main(%x: tensor<2xf32>) { return })");
  auto message = [&](std::vector<Value> arguments) {
    return std::string(interpret(program.main(), arguments).status().message());
  };
  EXPECT_EQ(message({}),
            "interpret: number of arguments differs: expects 1, got 0");
  EXPECT_EQ(message({i32({2}, {1, 2})}),
            "interpret: argument 0 differs: expects float32 [2], got int32 "
            "[2]");
  EXPECT_EQ(message({f32({3}, {1, 2, 3})}),
            "interpret: argument 0 differs: expects float32 [2], got float32 "
            "[3]");
  EXPECT_EQ(message({f32({2}, {1})}),
            "interpret: argument 0 has another number of elements: shape [2], "
            "elements 1");
  Program foreign("func.func @main(%x: i17) { return }");
  EXPECT_EQ(interpret(foreign.main(), {f32({}, {1})}).status().message(),
            "interpret: argument 0 has a type that the dialect lacks");
}

TEST(Interpreter, RefusesWhatItCannotRun) {
  Program declaration("func.func private @main()");
  EXPECT_EQ(interpret(declaration.main(), {}).status().message(),
            "interpret: function has no body: @main");
  Program call(R"(
    func.func @main() {
      func.call @main() : () -> ()
      return
    })");
  EXPECT_EQ(interpret(call.main(), {}).status().message(),
            "interpret: op of another dialect: func.call");
  Program huge(R"(
    func.func @main() {
      %0 = weft.iota 0 : tensor<1000000x1000xf32>
      return
    })");
  EXPECT_EQ(interpret(huge.main(), {}).status().message(),
            "interpret: value has too many elements: limit 268435456, iota "
            "makes [1000000, 1000]");
}

} // namespace
} // namespace weft::reference
