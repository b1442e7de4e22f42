// SPDX-License-Identifier: Apache-2.0
// Checkpoints as tensors: options, sharing of memory, errors passed on.
#include "weft/IO/Safetensors.h"

#include "test/Core/Expect.h"
#include "test/IO/Files.h"

#include "weft/Functions.h"
#include "weft/Runtime.h"

#include <gmock/gmock.h>
#include <sstream>

namespace weft {
namespace {

using testing::ElementsAre;

const LoadOptions kCpu{.device = Device::cpu()};

class SafetensorsFile : public testing::Test {
protected:
  /// Whether memory at `address`, or any if null, is this file's.
  bool is_mapped(const void *address = nullptr) const {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      if (line.find(path) == line.npos)
        continue;
      std::istringstream range(line);
      uintptr_t begin, end;
      char dash;
      range >> std::hex >> begin >> dash >> end;
      const auto place = reinterpret_cast<uintptr_t>(address);
      if (!address || (place >= begin && place < end))
        return true;
    }
    return false;
  }

  test::TemporaryFolder folder;
  const std::string path = folder / "net.safetensors";
};

template <typename T> std::vector<T> values(const Tensor &tensor) {
  StatusOr<std::vector<T>> result = tensor.to_vector<T>();
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result : std::vector<T>();
}

TEST_F(SafetensorsFile, ApiExamples) {
  StateDict net;
  net["fc.weight"] = tensor({{1.0, 2.0}, {3.0, 4.0}});
  net["fc.bias"] = tensor({0.5, 1.0 / 3});
  ASSERT_EQ(save_safetensors(path, net), Status());

  StatusOr<StateDict> state = load_safetensors(path);
  ASSERT_TRUE(state.ok()) << state.status();
  ASSERT_EQ(state->size(), 2u);
  EXPECT_EQ(state->begin()->first, "fc.weight"); // the order is kept
  EXPECT_EQ(state->find("fc.weight")->shape(), (Shape{2, 2}));
  EXPECT_THAT(values<float>(*state->find("fc.weight")),
              ElementsAre(1, 2, 3, 4));

  state = load_safetensors(path, {.dtype = float16});
  ASSERT_TRUE(state.ok()) << state.status();
  const Tensor &bias = *state->find("fc.bias");
  EXPECT_EQ(bias.dtype(), float16);
  EXPECT_THAT(values<float>(bias), ElementsAre(0.5f, 0x1.554p-2f));
}

TEST_F(SafetensorsFile, EveryTypeComesBack) {
  StateDict state;
  for (int i = 0; i < kNumDTypes; ++i) {
    const DType type = static_cast<DType>(i);
    state[name(type)] = type == boolean ? tensor({true, false})
                                        : tensor({1, 6}, type, Device::cpu());
  }
  ASSERT_EQ(save_safetensors(path, state), Status());
  StatusOr<StateDict> back = load_safetensors(path, kCpu);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->size(), static_cast<size_t>(kNumDTypes));
  for (const auto &[key, x] : *back) {
    SCOPED_TRACE(key);
    EXPECT_EQ(name(x.dtype()), key);
    const int64_t second = x.dtype() == boolean ? 0 : 6;
    if (is_floating(x.dtype()))
      EXPECT_THAT(values<double>(x), ElementsAre(1, second));
    else
      EXPECT_THAT(values<int64_t>(x), ElementsAre(1, second));
  }
}

TEST_F(SafetensorsFile, TheDtypeOptionLeavesIntegersAlone) {
  StateDict state;
  state["f"] = tensor({1.5}, float64);
  state["i"] = tensor({3}, int64);
  state["b"] = tensor({true});
  ASSERT_EQ(save_safetensors(path, state), Status());
  StatusOr<StateDict> back = load_safetensors(path, {.dtype = bfloat16});
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->find("f")->dtype(), bfloat16);
  EXPECT_THAT(values<float>(*back->find("f")), ElementsAre(1.5));
  EXPECT_EQ(back->find("i")->dtype(), int64);
  EXPECT_EQ(back->find("b")->dtype(), boolean);

  EXPECT_EQ(load_safetensors(path, {.dtype = int32}).status(),
            invalid_argument_error("load_safetensors: option dtype is not "
                                   "floating-point: got int32"));
}

TEST_F(SafetensorsFile, TensorsAreTheMappedFileForAsLongAsTheyLive) {
  ASSERT_EQ(save_safetensors(path, {{"x", tensor({1.0, 2.0})}}), Status());
  Tensor x;
  {
    StatusOr<StateDict> state = load_safetensors(path, kCpu);
    ASSERT_TRUE(state.ok()) << state.status();
    x = *state->find("x");
  }
  EXPECT_TRUE(is_mapped(x.host_data()->get()));
  // Replacing the file does not change what was loaded.
  ASSERT_EQ(save_safetensors(path, {{"x", tensor({3.0, 4.0})}}), Status());
  EXPECT_THAT(values<float>(x), ElementsAre(1, 2));
  x = Tensor();
  EXPECT_FALSE(is_mapped());
}

TEST_F(SafetensorsFile, AFileMayBeSavedOverItself) {
  ASSERT_EQ(save_safetensors(path, {{"x", tensor({1.0})}}), Status());
  StatusOr<StateDict> state = load_safetensors(path, kCpu);
  ASSERT_TRUE(state.ok());
  (*state)["y"] = *state->find("x") + 1;
  ASSERT_EQ(save_safetensors(path, *state), Status());
  state = load_safetensors(path, kCpu);
  ASSERT_TRUE(state.ok());
  EXPECT_THAT(values<float>(*state->find("x")), ElementsAre(1));
  EXPECT_THAT(values<float>(*state->find("y")), ElementsAre(2));
}

TEST_F(SafetensorsFile, AFailedTensorIsNotSaved) {
  const Tensor bad = tensor({1.0, 2.0}) + tensor({1.0, 2.0, 3.0});
  const Status status =
      save_safetensors(path, {{"good", tensor({1.0})}, {"bad", bad}});
  EXPECT_EQ(status, bad.status());
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(folder.names().empty());
}

TEST_F(SafetensorsFile, ErrorsOfTheFileArePassedOn) {
  EXPECT_EQ(load_safetensors(path).status(),
            not_found_error("load_safetensors: " + path +
                            ": cannot open: No such file or directory"));
  EXPECT_EQ(save_safetensors(folder / "none/x", {}),
            not_found_error("save_safetensors: " + (folder / "none/x") +
                            ": cannot create: No such file or directory"));
}

TEST_F(SafetensorsFile, ADeviceThatIsNotThereIsAnError) {
  ASSERT_EQ(save_safetensors(path, {{"x", tensor({1.0})}}), Status());
  const Status reason = is_usable(Device::gpu(100));
  ASSERT_FALSE(reason.ok());
  EXPECT_EQ(load_safetensors(path, {.device = Device::gpu(100)}).status(),
            Status(reason.code(), "load_safetensors: " + path + ": " +
                                      std::string(reason.message())));
}

TEST_F(SafetensorsFile, LoadsToTheGpu) {
  if (!is_usable(Device::gpu()).ok())
    GTEST_SKIP() << "no GPU";
  ASSERT_EQ(save_safetensors(path, {{"x", tensor({1.0, 2.0})}}), Status());
  StatusOr<StateDict> state =
      load_safetensors(path, {.dtype = float16, .device = Device::gpu()});
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->find("x")->device(), Device::gpu());
  EXPECT_THAT(values<float>(*state->find("x")), ElementsAre(1, 2));
}

// Values read from the files with another program.
TEST(SafetensorsOfPyTorch, LoadsACheckpoint) {
  StatusOr<StateDict> state = load_safetensors(
      test::source_path("docs/examples/digits/digits_resnet.safetensors"),
      kCpu);
  ASSERT_TRUE(state.ok()) << state.status();
  const Tensor &counter = *state->find("bn1.num_batches_tracked");
  EXPECT_EQ(counter.dtype(), int64);
  EXPECT_EQ(counter.shape(), Shape{});
  EXPECT_VALUE(counter.item<int64_t>(), 3300);
  const Tensor &fc = *state->find("fc.weight");
  EXPECT_EQ(fc.shape(), (Shape{10, 64}));
  EXPECT_EQ(values<float>(fc)[0], 0x1.731cfa0000000p-4f);
  EXPECT_EQ(state->find("layer3.1.conv1.weight")->shape(),
            (Shape{64, 64, 3, 3}));
}

TEST(SafetensorsOfPyTorch, LoadsImagesAndLabels) {
  StatusOr<StateDict> state = load_safetensors(
      test::source_path("docs/examples/digits/digits_test.safetensors"), kCpu);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->size(), 3u);
  EXPECT_EQ(state->find("images")->shape(), (Shape{450, 1, 8, 8}));
  EXPECT_EQ(values<int64_t>(*state->find("labels"))[0], 6);
  EXPECT_EQ(values<float>(*state->find("logits_f64_reference"))[0],
            -0x1.5e6dd80000000p+0f);
}

} // namespace
} // namespace weft
