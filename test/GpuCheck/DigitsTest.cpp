// SPDX-License-Identifier: Apache-2.0
// The example net with its trained weights on the GPU.
#include "docs/examples/digits/Net.h"

#include "gtest/gtest.h"

#include <cstdlib>

namespace weft::gpu_check {
namespace {

std::string file(const std::string &name) {
  const char *folder = std::getenv("WEFT_DIGITS_DIR");
  return std::string(folder ? folder : WEFT_DIGITS) + "/" + name;
}

TEST(Digits, AreReadAsInDoublePrecision) {
  auto weights = load_safetensors(file("digits_resnet.safetensors"));
  auto test = load_safetensors(file("digits_test.safetensors"));
  ASSERT_TRUE(weights.ok()) << weights.status();
  ASSERT_TRUE(test.ok()) << test.status();
  digits::Net net;
  auto loaded = net.load_state_dict(*weights);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  Tensor logits = net((*test)["images"]);
  Tensor right = argmax(logits, 1) == cast((*test)["labels"], int32);
  Tensor correct = sum(cast(right, int32));
  Tensor error = max(abs(logits - (*test)["logits_f64_reference"]));
  Status status = eval({correct, error});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(logits.device(), Device::gpu());
  EXPECT_EQ(*correct.item<int>(), 445);
  EXPECT_LT(*error.item<float>(), 1e-5f);
}

} // namespace
} // namespace weft::gpu_check
