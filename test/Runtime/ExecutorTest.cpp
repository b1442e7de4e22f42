// SPDX-License-Identifier: Apache-2.0
// Plans run on the CPU: kernels, scalars, constants, the arena, copies.
#include "runtime/Executor.h"

#include "ReadFile.h"
#include "weft/Runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

namespace weft::runtime {
namespace {

using testing::ElementsAre;
using Kind = BufferRef::Kind;

Argument buffer(Kind kind, int64_t index) {
  return {false, {kind, index}, 0, float32};
}

Launch launchOf(int32_t kernel, std::vector<Argument> arguments) {
  Launch launch;
  launch.kernel = kernel;
  launch.arguments = std::move(arguments);
  launch.extent = 4;
  return launch;
}

/// out0 = (x * scalar + constant) + prepared, out1 = x; the product and the
/// sum lie in the arena, at 0 and 64.
Plan example() {
  std::string code = readFile(WEFT_TEST_KERNELS);
  Plan plan;
  plan.inputs = {{float32, {4}, 16}};
  plan.prepared = plan.inputs;
  plan.outputs = {{float32, {4}, 16}, {float32, {4}, 16}};
  plan.scalars = {float32};
  plan.kernels = {{"scale", code, ""}, {"add", code, ""}};
  plan.constants.resize(80);
  float constant[4] = {100, 200, 300, 400};
  std::memcpy(&plan.constants[64], constant, 16);
  plan.launches = {
      launchOf(0, {buffer(Kind::input, 0),
                   {true, {}, 0, float32},
                   buffer(Kind::arena, 0)}),
      launchOf(1, {buffer(Kind::arena, 0), buffer(Kind::constant, 64),
                   buffer(Kind::arena, 64)}),
      launchOf(1, {buffer(Kind::arena, 64), buffer(Kind::prepared, 0),
                   buffer(Kind::output, 0)})};
  plan.copies = {{{Kind::input, 0}, {Kind::output, 1}, 16}};
  plan.steps = {0, 1, -1, 2};
  plan.arenaBytes = 80;
  return plan;
}

struct Buffers {
  std::vector<float> x = {1, 2, 3, 4}, prepared = {0.5, 0.5, 0.5, 0.5};
  std::vector<float> out0 = std::vector<float>(4), out1 = out0;

  Status run(const LoadedPlan &plan, Scalar factor) {
    void *inputs[] = {x.data()}, *kept[] = {prepared.data()},
         *outputs[] = {out0.data(), out1.data()};
    return plan.run(inputs, kept, outputs, {&factor, 1});
  }
};

TEST(Executor, RunsKernelsInOrder) {
  auto plan = LoadedPlan::load(example(), Device::cpu());
  ASSERT_TRUE(plan.ok()) << plan.status();
  Buffers b;
  ASSERT_TRUE(b.run(**plan, 10).ok());
  EXPECT_THAT(b.out0, ElementsAre(110.5, 220.5, 330.5, 440.5));
  EXPECT_THAT(b.out1, ElementsAre(1, 2, 3, 4));
  ASSERT_TRUE(b.run(**plan, -1).ok()); // another scalar, the same plan
  EXPECT_THAT(b.out0, ElementsAre(99.5, 198.5, 297.5, 396.5));
}

/// The example for `parts` parts of 4 elements each, which share what is
/// prepared.
Plan inParts(int32_t parts) {
  Plan plan = example();
  plan.parts = parts;
  for (auto *specs : {&plan.inputs, &plan.outputs})
    for (TensorSpec &spec : *specs)
      spec = {float32, {4 * parts}, 16 * parts, 16};
  return plan;
}

TEST(Executor, RunsPartsOfABatchInMemoryOfTheirOwn) {
  auto plan = LoadedPlan::load(inParts(3), Device::cpu());
  ASSERT_TRUE(plan.ok()) << plan.status();
  for (int threads : {1, 2, 3, 8}) {
    ASSERT_TRUE(set_num_threads(threads).ok());
    Buffers b;
    b.x = {1, 2, 3, 4, 10, 20, 30, 40, -1, -2, -3, -4};
    b.out0.assign(12, 0);
    b.out1.assign(12, 0);
    for (int round = 0; round < 100; ++round) {
      ASSERT_TRUE(b.run(**plan, 10).ok());
      ASSERT_THAT(b.out0, ElementsAre(110.5, 220.5, 330.5, 440.5, 200.5, 400.5,
                                      600.5, 800.5, 90.5, 180.5, 270.5, 360.5));
      ASSERT_EQ(b.out1, b.x);
    }
  }
  EXPECT_TRUE(set_num_threads(0).ok());
}

TEST(Executor, SurvivesSerialisation) {
  Plan read;
  ASSERT_TRUE(deserialize(serialize(example()), read));
  auto plan = LoadedPlan::load(read, Device::cpu());
  ASSERT_TRUE(plan.ok());
  Buffers b;
  ASSERT_TRUE(b.run(**plan, 1).ok());
  EXPECT_THAT(b.out0, ElementsAre(101.5, 202.5, 303.5, 404.5));
}

TEST(Executor, KeepsNoMemoryAfterARun) {
  auto plan = LoadedPlan::load(example(), Device::cpu());
  ASSERT_TRUE(plan.ok());
  int64_t before = memory_stats(Device::cpu()).live;
  Buffers b;
  ASSERT_TRUE(b.run(**plan, 1).ok());
  EXPECT_EQ(memory_stats(Device::cpu()).live, before);
}

TEST(Executor, NeedsThePlanNoMore) {
  auto source = std::make_unique<Plan>(example());
  auto plan = LoadedPlan::load(*source, Device::cpu());
  source.reset();
  Buffers b;
  ASSERT_TRUE(plan.ok() && b.run(**plan, 0).ok());
  EXPECT_THAT(b.out0, ElementsAre(100.5, 200.5, 300.5, 400.5));
}

TEST(Executor, RunsFromSeveralThreads) {
  auto plan = LoadedPlan::load(example(), Device::cpu());
  ASSERT_TRUE(plan.ok());
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      Buffers b;
      for (int i = 0; i < 500; ++i)
        wrong += !b.run(**plan, t).ok() || b.out0[1] != 200.5 + 2 * t;
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Executor, EmptyLaunchesAndCopiesDoNothing) {
  Plan source = example();
  for (Launch &launch : source.launches)
    launch.extent = 0;
  source.copies[0].bytes = 0;
  source.arenaBytes = 64;
  auto plan = LoadedPlan::load(source, Device::cpu());
  ASSERT_TRUE(plan.ok());
  Buffers b;
  ASSERT_TRUE(b.run(**plan, 1).ok());
  EXPECT_THAT(b.out0, ElementsAre(0, 0, 0, 0));
}

TEST(Executor, OneScalarServesSeveralTypes) {
  Plan source;
  std::string code = readFile(WEFT_TEST_KERNELS);
  source.inputs = {{float32, {4}, 16}};
  source.outputs = source.inputs;
  source.scalars = {float32};
  source.kernels = {{"scale", code, ""}};
  // The kernel reads an f32: an int32 of 2^30 * 1 has the bits of 2.0f.
  source.launches = {launchOf(0, {buffer(Kind::input, 0),
                                  {true, {}, 0, int32},
                                  buffer(Kind::output, 0)}),
                     launchOf(0, {buffer(Kind::output, 0),
                                  {true, {}, 0, float32},
                                  buffer(Kind::output, 0)})};
  source.steps = {0, 1};
  auto plan = LoadedPlan::load(source, Device::cpu());
  ASSERT_TRUE(plan.ok());
  std::vector<float> x = {1, 2, 3, 4}, out(4);
  void *inputs[] = {x.data()}, *outputs[] = {out.data()};
  Scalar scalar = 1 << 30;
  ASSERT_TRUE((*plan)->run(inputs, {}, outputs, {&scalar, 1}).ok());
  EXPECT_EQ(out[0], 2.0f * float(1 << 30));
}

TEST(Executor, CountsItsArguments) {
  auto plan = LoadedPlan::load(example(), Device::cpu());
  ASSERT_TRUE(plan.ok());
  float memory[4] = {};
  void *one[] = {memory}, *two[] = {memory, memory};
  Scalar scalar = 1;
  auto message = [&](std::span<void *const> in, std::span<void *const> kept,
                     std::span<void *const> out,
                     std::span<const Scalar> scalars) {
    return std::string((*plan)->run(in, kept, out, scalars).message());
  };
  EXPECT_EQ(message(two, one, two, {&scalar, 1}),
            "run: expects 1 inputs, got 2");
  EXPECT_EQ(message(one, {}, two, {&scalar, 1}),
            "run: expects 1 prepared values, got 0");
  EXPECT_EQ(message(one, one, one, {&scalar, 1}),
            "run: expects 2 outputs, got 1");
  EXPECT_EQ(message(one, one, two, {}), "run: expects 1 scalars, got 0");
}

TEST(Executor, NamesAKernelThatDoesNotLoad) {
  Plan source = example();
  source.kernels[1].code = "damaged";
  EXPECT_EQ(LoadedPlan::load(source, Device::cpu()).status(),
            data_loss_error("plan: kernel \"add\": object: not an ELF file"));
  source = example();
  source.kernels[1].name = "nothing";
  EXPECT_EQ(LoadedPlan::load(source, Device::cpu()).status(),
            data_loss_error(
                "plan: kernel \"nothing\": no such symbol in its object"));
}

TEST(Executor, RefusesAnotherDevice) {
  EXPECT_EQ(LoadedPlan::load(example(), Device::gpu()).status().message(),
            "plan: made for cpu, loaded on gpu:0");
  Plan source = example();
  source.device = Device::Kind::gpu;
  EXPECT_EQ(LoadedPlan::load(source, Device::cpu()).status().message(),
            "plan: made for gpu, loaded on cpu:0");
}

TEST(Executor, OutOfMemoryIsAnError) {
  Plan source = example();
  source.arenaBytes = int64_t(1) << 61;
  auto plan = LoadedPlan::load(source, Device::cpu());
  ASSERT_TRUE(plan.ok());
  Buffers b;
  ASSERT_TRUE(set_memory_limit(Device::cpu(), int64_t(1) << 40).ok());
  EXPECT_EQ(b.run(**plan, 1).code(), StatusCode::resource_exhausted);
  ASSERT_TRUE(set_memory_limit(Device::cpu(), 0).ok());
}

} // namespace
} // namespace weft::runtime
