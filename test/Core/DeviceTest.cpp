// SPDX-License-Identifier: Apache-2.0
// Devices: reading and printing.
#include "weft/Core/Device.h"

#include "test/Core/Expect.h"

#include <gtest/gtest.h>
#include <sstream>

namespace weft {
namespace {

TEST(Device, ApiExamples) {
  EXPECT_VALUE(Device::parse("GPU:1"), Device::gpu(1));
  EXPECT_MESSAGE(Device::parse("tpu"),
                 "device: unknown kind: got \"tpu\", expected cpu or gpu");
}

TEST(Device, ReadsWhatItPrints) {
  for (Device device :
       {Device::cpu(), Device::gpu(), Device::gpu(7), Device::gpu(127)}) {
    EXPECT_VALUE(Device::parse(to_string(device)), device);
    std::ostringstream os;
    os << device;
    EXPECT_EQ(os.str(), to_string(device));
  }
  EXPECT_EQ(to_string(Device::gpu(1)), "gpu:1");
  EXPECT_EQ(to_string(Device::cpu()), "cpu:0");
}

TEST(Device, IndexIsZeroUnlessGiven) {
  EXPECT_VALUE(Device::parse("cpu"), Device::cpu());
  EXPECT_VALUE(Device::parse("Gpu"), Device::gpu(0));
}

TEST(Device, RefusesUnknownKinds) {
  for (std::string text : {"", ":", ":0", "cuda:0", "gp", "gpu ", " cpu"})
    EXPECT_MESSAGE(Device::parse(text), "device: unknown kind: got \"" + text +
                                            "\", expected cpu or gpu");
}

TEST(Device, RefusesBadIndices) {
  for (std::string text : {"gpu:", "gpu:x", "gpu:-1", "gpu:+1", "gpu: 1",
                           "gpu:128", "gpu:99999999999999999999", "gpu:1:1"})
    EXPECT_MESSAGE(Device::parse(text), "device: bad index: got \"" + text +
                                            "\", expected gpu:0 to gpu:127");
  EXPECT_MESSAGE(Device::parse("cpu:1"),
                 "device: bad index: got \"cpu:1\", expected cpu:0");
}

} // namespace
} // namespace weft
