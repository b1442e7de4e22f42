// SPDX-License-Identifier: Apache-2.0
// Which device is chosen, and what is said about one that cannot be used.
#include "runtime/Driver.h"
#include "weft/Runtime.h"

#include "TempFolder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace weft {
namespace {

using runtime::ScopedVariable;
using testing::HasSubstr;
using testing::StartsWith;

bool hasDriver() { return runtime::Driver::get().ok(); }

TEST(Devices, CpuIsUsable) {
  EXPECT_TRUE(is_usable(Device::cpu()).ok());
  EXPECT_TRUE(synchronize(Device::cpu()).ok());
  Device second = Device::cpu();
  second.index = 1;
  EXPECT_EQ(is_usable(second).message(),
            "cpu:1: no such device: there is one CPU, cpu:0");
}

TEST(Devices, MissingDriverIsNamed) {
  if (hasDriver())
    GTEST_SKIP() << "there is a driver";
  EXPECT_EQ(is_usable(Device::gpu()).code(), StatusCode::unavailable);
  // The loader names the file.
  EXPECT_THAT(std::string(is_usable(Device::gpu()).message()),
              testing::AllOf(StartsWith("gpu: no driver: "),
                             HasSubstr("libcuda.so.1")));
  EXPECT_EQ(set_default_device(Device::gpu()), is_usable(Device::gpu()));
  EXPECT_EQ(set_memory_limit(Device::gpu(), 5), is_usable(Device::gpu()));
  EXPECT_EQ(synchronize(Device::gpu()), is_usable(Device::gpu()));
  EXPECT_EQ(memory_stats(Device::gpu()).live, 0);
}

TEST(Devices, LibraryThatIsNoDriverIsNamed) {
  EXPECT_EQ(runtime::Driver::open("libm.so.6").status().message(),
            "gpu: driver libm.so.6 lacks cuInit");
  EXPECT_THAT(
      std::string(runtime::Driver::open("/no/libcuda.so").status().message()),
      StartsWith("gpu: no driver: /no/libcuda.so: "));
}

TEST(Devices, LimitsAreChecked) {
  EXPECT_EQ(set_memory_limit(Device::cpu(), -1).message(),
            "set_memory_limit: must not be negative: got -1");
}

TEST(Devices, DefaultCanBeSet) {
  Device before = default_device();
  EXPECT_TRUE(set_default_device(Device::cpu()).ok());
  EXPECT_EQ(default_device(), Device::cpu());
  EXPECT_TRUE(set_default_device(before).ok());
}

/// What a process started with these variables logs when it asks for its
/// default device, and which that is.
struct Choice {
  std::string device;
  std::string log;
};

Choice chooseWith(const char *weftDevice) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    close(ends[0]);
    if (weftDevice)
      setenv("WEFT_DEVICE", weftDevice, 1);
    else
      unsetenv("WEFT_DEVICE");
    setenv("WEFT_LOG", "info", 1);
    // A new image of this program: the choice is made once a process.
    execl("/proc/self/exe", "weft-runtime-tests",
          "--gtest_filter=DevicesChild.*", "--gtest_also_run_disabled_tests",
          "--gtest_brief=1", static_cast<char *>(nullptr));
    _exit(98);
  }
  close(ends[1]);
  Choice choice;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof(buffer))) > 0;)
    choice.log.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << choice.log;
  size_t at = choice.log.find("chosen ");
  if (at != std::string::npos)
    choice.device =
        choice.log.substr(at + 7, choice.log.find('\n', at) - at - 7);
  return choice;
}

// Not a test of its own: what `chooseWith` runs.
TEST(DevicesChild, DISABLED_Choose) {
  Device device = default_device();
  default_device(); // says nothing again
  std::printf("chosen %s\n", to_string(device).c_str());
}

TEST(Devices, DefaultSaysWhyItIsNotTheGpu) {
  if (is_usable(Device::gpu()).ok())
    GTEST_SKIP() << "the GPU can be used";
  Choice choice = chooseWith(nullptr);
  EXPECT_EQ(choice.device, "cpu:0");
  EXPECT_THAT(choice.log, HasSubstr("weft: info: device cpu:0, "));
  EXPECT_THAT(choice.log,
              HasSubstr(std::string(is_usable(Device::gpu()).message())));
  size_t first = choice.log.find("weft: info: device");
  EXPECT_EQ(choice.log.find("weft: info: device", first + 1),
            std::string::npos);
}

TEST(Devices, EnvironmentChooses) {
  Choice choice = chooseWith("CPU");
  EXPECT_EQ(choice.device, "cpu:0");
  EXPECT_THAT(choice.log, HasSubstr(", as WEFT_DEVICE says"));
}

TEST(Devices, UnusableDeviceOfTheEnvironmentStaysAndIsSaid) {
  Choice choice = chooseWith("gpu:99");
  EXPECT_EQ(choice.device, "gpu:99"); // evaluating there is the error
  EXPECT_THAT(choice.log, HasSubstr("weft: warning: WEFT_DEVICE: gpu"));
}

TEST(Devices, UnknownDeviceOfTheEnvironmentIsSaid) {
  Choice choice = chooseWith("tpu");
  EXPECT_THAT(choice.log, HasSubstr("weft: warning: WEFT_DEVICE: device: "
                                    "unknown kind: got \"tpu\""));
}

} // namespace
} // namespace weft
