// SPDX-License-Identifier: Apache-2.0
// Plans survive being written and read; damage is noticed.
#include "runtime/Plan.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weft::runtime {
namespace {

using Kind = BufferRef::Kind;

Plan example() {
  Plan plan;
  plan.device = Device::Kind::gpu;
  plan.inputs = {{float16, {2, 3}, 12}, {int64, {}, 8}};
  plan.prepared = {{float32, {4}, 16}};
  plan.outputs = {{float8, {0, 7}, 0}, {boolean, {5}, 64}};
  plan.scalars = {float32, int32};
  plan.kernels = {{"relu", std::string("\0\1\2", 3), "text"}, {"k", "", ""}};
  Launch launch;
  launch.kernel = 1;
  launch.arguments = {{false, {Kind::input, 1}, 0, float32},
                      {true, {}, 1, int32},
                      {false, {Kind::arena, 128}, 0, float32},
                      {false, {Kind::constant, 2}, 0, float32},
                      {false, {Kind::prepared, 0}, 0, float32},
                      {false, {Kind::output, 1}, 0, float32}};
  launch.tensorMaps = {{.argument = 2,
                        .dtype = bfloat16,
                        .offset = 32,
                        .sizes = {64, 14, 7, 3},
                        .strides = {128, 1792, 12544},
                        .box = {64, 128},
                        .lower = {-1, -2},
                        .upper = {-1, 0},
                        .steps = {2, 1}}};
  launch.grid[0] = 3;
  launch.grid[2] = 5;
  launch.block[1] = 32;
  launch.sharedBytes = 99;
  launch.startsEarly = true;
  launch.extent = 1 << 20;
  launch.grain = 77;
  Primitive primitive;
  primitive.x = {{2, 3, 7}, {21, 1, 3}};
  primitive.w = {{2, 2, 1, 3}, {6, 3, 3, 1}, 8};
  primitive.y = {{2, 4, 5}, {20, 5, 1}};
  primitive.stride = {1};
  primitive.dilation = {2};
  primitive.before = {0};
  primitive.after = {3};
  primitive.dtype = bfloat16;
  primitive.isPacked = true;
  primitive.threads = 6;
  plan.primitives = {primitive};
  plan.library = "oneDNN";
  Launch call;
  call.primitive = 0;
  call.arguments = {{false, {Kind::input, 0}, 0, float32},
                    {false, {Kind::prepared, 0}, 0, float32},
                    {false, {Kind::arena, 0}, 0, float32}};
  plan.launches = {launch, Launch(), call};
  plan.copies = {{{Kind::input, 0}, {Kind::output, 1}, 12}};
  plan.steps = {1, -1, 0};
  plan.constants = "abcd";
  plan.arenaBytes = 256;
  plan.liveBytes = 512;
  return plan;
}

TEST(Plan, SurvivesWritingAndReading) {
  Plan plan = example(), read;
  std::string bytes = serialize(plan);
  ASSERT_TRUE(deserialize(bytes, read));
  EXPECT_EQ(serialize(read), bytes);
  EXPECT_EQ(read.device, Device::Kind::gpu);
  ASSERT_EQ(read.inputs.size(), 2u);
  EXPECT_EQ(read.inputs[0].shape, (Shape{2, 3}));
  EXPECT_EQ(read.inputs[0].dtype, float16);
  EXPECT_EQ(read.inputs[1].bytes, 8);
  EXPECT_EQ(read.outputs[0].shape, (Shape{0, 7}));
  EXPECT_EQ(read.scalars, (std::vector<DType>{float32, int32}));
  EXPECT_EQ(read.kernels[0].name, "relu");
  EXPECT_EQ(read.kernels[0].code, std::string("\0\1\2", 3));
  EXPECT_EQ(read.kernels[0].source, "text");
  const Launch &launch = read.launches[0];
  EXPECT_EQ(launch.kernel, 1);
  EXPECT_EQ(launch.grid[0], 3u);
  EXPECT_EQ(launch.grid[2], 5u);
  EXPECT_EQ(launch.block[1], 32u);
  EXPECT_EQ(launch.sharedBytes, 99u);
  ASSERT_EQ(launch.tensorMaps.size(), 1u);
  const TensorMap &map = launch.tensorMaps[0];
  EXPECT_EQ(map.argument, 2);
  EXPECT_EQ(map.dtype, bfloat16);
  EXPECT_EQ(map.offset, 32);
  EXPECT_EQ(map.sizes, (std::vector<int64_t>{64, 14, 7, 3}));
  EXPECT_EQ(map.strides, (std::vector<int64_t>{128, 1792, 12544}));
  EXPECT_EQ(map.box, (std::vector<int32_t>{64, 128}));
  EXPECT_EQ(map.lower, (std::vector<int32_t>{-1, -2}));
  EXPECT_EQ(map.upper, (std::vector<int32_t>{-1, 0}));
  EXPECT_EQ(map.steps, (std::vector<int32_t>{2, 1}));
  EXPECT_TRUE(launch.startsEarly);
  EXPECT_EQ(launch.extent, 1 << 20);
  EXPECT_EQ(launch.grain, 77);
  ASSERT_EQ(launch.arguments.size(), 6u);
  EXPECT_TRUE(launch.arguments[1].isScalar);
  EXPECT_EQ(launch.arguments[1].scalar, 1);
  EXPECT_EQ(launch.arguments[1].scalarType, int32);
  EXPECT_EQ(launch.arguments[2].buffer, (BufferRef{Kind::arena, 128}));
  EXPECT_EQ(read.launches[2].primitive, 0);
  ASSERT_EQ(read.primitives.size(), 1u);
  EXPECT_EQ(read.primitives[0].x, plan.primitives[0].x);
  EXPECT_EQ(read.primitives[0].dilation, (std::vector<int64_t>{2}));
  EXPECT_TRUE(read.primitives[0].isPacked);
  EXPECT_EQ(read.primitives[0].threads, 6);
  EXPECT_EQ(read.library, "oneDNN");
  EXPECT_EQ(read.copies[0].to, (BufferRef{Kind::output, 1}));
  EXPECT_EQ(read.copies[0].bytes, 12);
  EXPECT_EQ(read.steps, (std::vector<int32_t>{1, -1, 0}));
  EXPECT_EQ(read.constants, "abcd");
  EXPECT_EQ(read.arenaBytes, 256);
  EXPECT_EQ(read.liveBytes, 512);
}

/// The same on the CPU, for three parts of a batch.
Plan inParts() {
  Plan plan = example();
  plan.device = Device::Kind::cpu;
  plan.parts = 3;
  plan.inputs[0].bytes = 36;
  plan.inputs[0].partBytes = 12;
  plan.outputs = {{float16, {3}, 6, 2}, {boolean, {45}, 45, 15}};
  return plan;
}

TEST(Plan, PartsSurviveWritingAndReading) {
  Plan read;
  ASSERT_TRUE(deserialize(serialize(inParts()), read));
  EXPECT_EQ(read.parts, 3);
  EXPECT_EQ(read.inputs[0].partBytes, 12);
  EXPECT_EQ(read.inputs[1].partBytes, 0);
  EXPECT_EQ(read.outputs[1].partBytes, 15);
}

TEST(Plan, ReadingADamagedOneLeavesTheTargetAlone) {
  Plan target;
  target.constants = "mine";
  EXPECT_FALSE(deserialize("WEFTPLN2 nothing", target));
  EXPECT_EQ(target.constants, "mine");
}

TEST(Plan, NoticesTruncationAndTrailingBytes) {
  std::string bytes = serialize(example());
  Plan read;
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(deserialize(bytes.substr(0, size), read)) << size;
  EXPECT_FALSE(deserialize(bytes + '\0', read));
}

TEST(Plan, NoticesAnyChangedByte) {
  std::string bytes = serialize(example());
  Plan read;
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] ^= 0x10;
    EXPECT_FALSE(deserialize(damaged, read)) << i;
  }
}

TEST(Plan, SurvivesDamageThatTheChecksumDoesNotShow) {
  std::string bytes = serialize(example());
  std::mt19937 random(1);
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string damaged = bytes;
    for (int i = 0; i < 2; ++i)
      damaged[16 + random() % (damaged.size() - 16)] =
          static_cast<char>(random());
    uint64_t checksum = XXH3_64bits(damaged.data() + 16, damaged.size() - 16);
    std::memcpy(&damaged[8], &checksum, 8);
    Plan read;
    if (deserialize(damaged, read))
      EXPECT_EQ(read.steps.size(), 3u);
    else
      ++refused;
  }
  EXPECT_GT(refused, 1000);
}

TEST(Plan, ChecksParts) {
  const std::pair<const char *, std::function<void(Plan &)>> breaks[] = {
      {"none", [](Plan &p) { p.parts = 0; }},
      {"on a GPU", [](Plan &p) { p.device = Device::Kind::gpu; }},
      {"beyond an input", [](Plan &p) { p.inputs[0].bytes = 35; }},
      {"beyond an output", [](Plan &p) { p.parts = 4; }},
      {"negative", [](Plan &p) { p.inputs[0].partBytes = -12; }},
      {"one output", [](Plan &p) { p.outputs[0].partBytes = 0; }},
      {"prepared", [](Plan &p) { p.prepared[0].partBytes = 1; }},
      {"copy beyond source", [](Plan &p) { p.copies[0].bytes = 13; }},
      {"copy beyond target", [](Plan &p) { p.outputs[1].partBytes = 11; }}};
  for (const auto &[what, damage] : breaks) {
    Plan plan = inParts(), read;
    damage(plan);
    EXPECT_FALSE(deserialize(serialize(plan), read)) << what;
  }
}

TEST(Plan, ChecksEveryIndex) {
  const std::pair<const char *, std::function<void(Plan &)>> breaks[] = {
      {"kernel", [](Plan &p) { p.launches[0].kernel = 2; }},
      {"negative kernel", [](Plan &p) { p.launches[0].kernel = -1; }},
      {"input", [](Plan &p) { p.launches[0].arguments[0].buffer.index = 2; }},
      {"scalar", [](Plan &p) { p.launches[0].arguments[1].scalar = 2; }},
      {"arena", [](Plan &p) { p.launches[0].arguments[2].buffer.index = 257; }},
      {"constant",
       [](Plan &p) { p.launches[0].arguments[3].buffer.index = 5; }},
      {"prepared",
       [](Plan &p) { p.launches[0].arguments[4].buffer.index = 1; }},
      {"output", [](Plan &p) { p.launches[0].arguments[5].buffer.index = -1; }},
      {"extent", [](Plan &p) { p.launches[1].extent = -1; }},
      {"grain", [](Plan &p) { p.launches[1].grain = -1; }},
      {"primitive", [](Plan &p) { p.launches[2].primitive = 1; }},
      {"arguments", [](Plan &p) { p.launches[2].arguments.pop_back(); }},
      {"scalar argument",
       [](Plan &p) { p.launches[2].arguments[0] = {true, {}, 0, float32}; }},
      {"primitive kind",
       [](Plan &p) { p.primitives[0].kind = Primitive::Kind(3); }},
      {"primitive type", [](Plan &p) { p.primitives[0].dtype = float16; }},
      {"primitive size", [](Plan &p) { p.primitives[0].x.sizes[0] = 0; }},
      {"primitive offset", [](Plan &p) { p.primitives[0].w.offset = -1; }},
      {"primitive stride", [](Plan &p) { p.primitives[0].y.strides[0] = -1; }},
      {"primitive ranks", [](Plan &p) { p.primitives[0].w.sizes.pop_back(); }},
      {"window", [](Plan &p) { p.primitives[0].after.clear(); }},
      {"threads", [](Plan &p) { p.primitives[0].threads = 0; }},
      {"mapped argument",
       [](Plan &p) { p.launches[0].tensorMaps[0].argument = 6; }},
      {"mapped scalar",
       [](Plan &p) { p.launches[0].tensorMaps[0].argument = 1; }},
      {"mapped type",
       [](Plan &p) { p.launches[0].tensorMaps[0].dtype = float64; }},
      {"mapped strides",
       [](Plan &p) { p.launches[0].tensorMaps[0].strides.pop_back(); }},
      {"mapped rank",
       [](Plan &p) {
         TensorMap &map = p.launches[0].tensorMaps[0];
         map.sizes.assign(6, 1);
         map.strides.assign(5, 16);
       }},
      {"mapped window",
       [](Plan &p) { p.launches[0].tensorMaps[0].steps.pop_back(); }},
      {"copy source", [](Plan &p) { p.copies[0].from.index = 9; }},
      {"copy target", [](Plan &p) { p.copies[0].to.index = 9; }},
      {"copy beyond source", [](Plan &p) { p.copies[0].bytes = 13; }},
      {"copy beyond target", [](Plan &p) { p.outputs[1].bytes = 11; }},
      {"negative copy", [](Plan &p) { p.copies[0].bytes = -1; }},
      {"launch step", [](Plan &p) { p.steps[0] = 3; }},
      {"copy step", [](Plan &p) { p.steps[0] = -2; }},
      {"arena size", [](Plan &p) { p.arenaBytes = -1; }},
      {"live size", [](Plan &p) { p.liveBytes = -1; }},
      {"buffer size", [](Plan &p) { p.inputs[0].bytes = -1; }},
      {"size", [](Plan &p) { p.inputs[0].shape[0] = -1; }},
      {"type", [](Plan &p) { p.scalars[0] = DType(11); }},
      {"buffer kind",
       [](Plan &p) { p.launches[0].arguments[0].buffer.kind = Kind(5); }},
      {"device", [](Plan &p) { p.device = Device::Kind(2); }}};
  for (const auto &[what, damage] : breaks) {
    Plan plan = example(), read;
    damage(plan);
    EXPECT_FALSE(deserialize(serialize(plan), read)) << what;
  }
}

} // namespace
} // namespace weft::runtime
