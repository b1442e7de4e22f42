// SPDX-License-Identifier: Apache-2.0
// What is said about a driver or device that fails, with a driver that does so
// when asked to (Fakes/driver.cpp).
#include "runtime/Gpu.h"
#include "runtime/LaunchGraphs.h"
#include "runtime/PlanTimer.h"
#include "runtime/Storage.h"
#include "weft/Runtime.h"

#include "ChildTest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dlfcn.h>
#include <filesystem>
#include <memory>
#include <string>

namespace weft {
namespace {

using runtime::Storage;
using testing::AllOf;
using testing::HasSubstr;

// Not a test of its own: what a program says that finds the fake driver.
TEST(FakeDriverChild, DISABLED_Report) {
  std::printf("usable: %s\n",
              std::string(is_usable(Device::gpu()).message()).c_str());
  std::printf("default: %s\n", to_string(default_device()).c_str());
  std::printf("set: %s\n",
              std::string(set_default_device(Device::gpu()).message()).c_str());
}

void say(const char *what, const Status &status) {
  std::printf("%s: %s\n", what,
              status.ok() ? "ok" : std::string(status.message()).c_str());
}

// Not a test of its own either: a device with 512 KiB.
TEST(FakeDriverChild, DISABLED_Memory) {
  const Device gpu = Device::gpu();
  constexpr int64_t kKiB = 1024;
  auto first = Storage::allocate(gpu, 256 * kKiB);
  say("first", first.status());
  say("second", Storage::allocate(gpu, 320 * kKiB).status());
  first = unavailable_error("given back");
  std::printf("pooled: %d\n", static_cast<int>(memory_stats(gpu).pooled));
  // Needs what is pooled to be given back to the device.
  auto second = Storage::allocate(gpu, 448 * kKiB);
  say("again", second.status());
  say("limit", set_memory_limit(gpu, 450 * kKiB));
  say("beyond", Storage::allocate(gpu, 4 * kKiB).status());
  std::printf("live: %d\n", static_cast<int>(memory_stats(gpu).live));
}

// Nor is this: launches with arguments 1 to 9, which come back.
TEST(FakeDriverChild, DISABLED_Graphs) {
  runtime::Gpu &gpu = **runtime::Gpu::get(0);
  runtime::CudaStream own = gpu.stream(), stream = nullptr;
  gpu.driver().streamCreate(&stream, 0);
  auto *count = reinterpret_cast<int (*)(int *, int *)>(
      dlsym(dlopen("libcuda.so.1", RTLD_NOW), "fakeGraphs"));
  int calls = 0, existing = 0, launched = 0;
  auto graphs = std::make_unique<runtime::LaunchGraphs>(gpu);
  auto run = [&](uint64_t argument, runtime::CudaStream on) {
    Status status = graphs->run({{7, argument}}, on, [&](runtime::CudaStream) {
      return ++calls, Status();
    });
    count(&existing, &launched);
    std::printf("%d%s %d calls, %d graphs, %d launches\n",
                static_cast<int>(argument),
                status.ok() ? ":" : " failed:", calls, existing, launched);
  };
  for (int i = 0; i < 4; ++i)
    run(1, own);
  for (uint64_t argument = 2; argument <= 9; ++argument)
    run(argument, own);
  run(1, own); // forgotten
  run(9, stream);
  graphs = nullptr;
  count(&existing, &launched);
  std::printf("end: %d graphs\n", existing);
}

// Nor this: where the inputs of a plan to time come from.
TEST(FakeDriverChild, DISABLED_Timer) {
  runtime::Plan plan;
  plan.device = Device::Kind::gpu;
  plan.inputs = {{float32, {64}, 256}};
  auto timer = runtime::PlanTimer::make(plan, Device::gpu());
  say("timer", timer.status());
  auto *last = reinterpret_cast<int (*)(runtime::CudaStream *)>(
      dlsym(dlopen("libcuda.so.1", RTLD_NOW), "fakeLastUpload"));
  runtime::CudaStream stream = nullptr;
  last(&stream);
  std::printf("uploads: %s\n", !stream ? "none"
                               : stream == (*runtime::Gpu::get(0))->stream()
                                   ? "Weft's stream"
                                   : "its own stream");
}

/// What the child `test` prints with the fake driver failing with `fault`.
std::string report(const char *test, const char *fault,
                   const char *weftDevice = nullptr,
                   const char *nvrtc = WEFT_TEST_NVRTC_FAILING) {
  return runtime::outputOfChild(std::string("FakeDriverChild.DISABLED_") + test,
                                WEFT_TEST_DRIVER,
                                {{"FAKE_CUDA", fault},
                                 {"WEFT_DEVICE", weftDevice},
                                 {"WEFT_NVRTC", nvrtc},
                                 {"WEFT_LOG", "info"}});
}

TEST(FakeDriver, AWholeOneIsUsable) {
  EXPECT_THAT(report("Report", "nothing"),
              HasSubstr("usable: \ndefault: gpu:0\nset: \n"));
  EXPECT_THAT(report("Report", "nothing", "gpu"),
              HasSubstr("weft: info: device gpu:0, Fake, sm_90a, driver for "
                        "CUDA 12.4 from FOLDER/libcuda.so.1, NVRTC "));
}

TEST(FakeDriver, FailingToStartIsNamed) {
  EXPECT_THAT(report("Report", "cuInit"),
              HasSubstr("usable: gpu: cuInit in FOLDER/libcuda.so.1 failed: "
                        "CUDA_ERROR_UNKNOWN (a fake error)\n"));
  EXPECT_THAT(report("Report", "cuDeviceGetCount"),
              HasSubstr("usable: gpu: cuDeviceGetCount in FOLDER/libcuda.so.1 "
                        "failed: CUDA_ERROR_UNKNOWN (a fake error)\n"));
}

TEST(FakeDriver, NoDeviceIsNamed) {
  EXPECT_THAT(report("Report", "devices"),
              AllOf(HasSubstr("usable: gpu: no device: FOLDER/libcuda.so.1 "
                              "reports 0\n"),
                    HasSubstr("default: cpu:0\n")));
}

TEST(FakeDriver, ADeviceThatFailsIsNamed) {
  EXPECT_THAT(report("Report", "cuDevicePrimaryCtxRetain"),
              HasSubstr("usable: gpu:0: cuDevicePrimaryCtxRetain failed: "
                        "CUDA_ERROR_UNKNOWN (a fake error)\n"));
  EXPECT_THAT(report("Report", "cuStreamCreate"),
              HasSubstr("usable: cuStreamCreate in gpu:0 failed: "
                        "CUDA_ERROR_UNKNOWN (a fake error)\n"));
}

TEST(FakeDriver, AMissingCompilerIsNamed) {
  EXPECT_THAT(report("Report", "nothing", nullptr, "/no/libnvrtc.so"),
              AllOf(HasSubstr("usable: gpu: no NVRTC: /no/libnvrtc.so: cannot "
                              "open"),
                    HasSubstr("default: cpu:0\n")));
}

TEST(FakeDriver, ACompilerNewerThanTheDriverIsPassedOver) {
  runtime::TempFolder folder;
  const std::string newer = folder.path() + "/libnvrtc.so.13",
                    older = folder.path() + "/libnvrtc.so.12";
  std::filesystem::copy(WEFT_TEST_NVRTC_FUTURE, newer);
  EXPECT_THAT(report("Report", "nothing", nullptr, folder.path().c_str()),
              AllOf(HasSubstr("usable: gpu: no NVRTC: " + newer +
                              " is newer than the driver: 99.0, driver 12.4; " +
                              older + ": cannot open"),
                    HasSubstr("default: cpu:0\n")));
  std::filesystem::copy(WEFT_TEST_NVRTC_FAILING, older);
  EXPECT_THAT(report("Report", "nothing", nullptr, folder.path().c_str()),
              AllOf(HasSubstr("usable: \ndefault: gpu:0\n"),
                    HasSubstr(", NVRTC " + older)));
}

TEST(FakeDriver, ADeviceAskedForByNameIsNeverReplaced) {
  std::string output = report("Report", "cuInit", "gpu");
  EXPECT_THAT(output, HasSubstr("weft: warning: WEFT_DEVICE: gpu: cuInit in "
                                "FOLDER/libcuda.so.1 failed: "));
  EXPECT_THAT(output, HasSubstr("default: gpu:0\n"));
}

TEST(FakeDriver, LaunchesThatComeBackAreReplayed) {
  EXPECT_THAT(report("Graphs", "nothing"),
              HasSubstr("1: 1 calls, 0 graphs, 0 launches\n"
                        "1: 2 calls, 1 graphs, 1 launches\n"
                        "1: 2 calls, 1 graphs, 2 launches\n"
                        "1: 2 calls, 1 graphs, 3 launches\n"
                        "2: 3 calls, 1 graphs, 3 launches\n"
                        "3: 4 calls, 1 graphs, 3 launches\n"
                        "4: 5 calls, 1 graphs, 3 launches\n"
                        "5: 6 calls, 1 graphs, 3 launches\n"
                        "6: 7 calls, 1 graphs, 3 launches\n"
                        "7: 8 calls, 1 graphs, 3 launches\n"
                        "8: 9 calls, 1 graphs, 3 launches\n"
                        "9: 10 calls, 0 graphs, 3 launches\n"
                        "1: 11 calls, 0 graphs, 3 launches\n"
                        "9: 12 calls, 1 graphs, 4 launches\n"
                        "end: 0 graphs\n"));
}

TEST(FakeDriver, WhatCannotBeCapturedIsLaunched) {
  // The second time, capturing is tried: where it fails, `launch` was called
  // once more, or not at all if nothing could be begun.
  for (auto [fault, calls] : {std::pair("cuStreamBeginCapture", 2),
                              std::pair("cuStreamEndCapture", 3),
                              std::pair("cuGraphInstantiate", 3)}) {
    std::string output = report("Graphs", fault);
    EXPECT_THAT(
        output,
        HasSubstr("1: 1 calls, 0 graphs, 0 launches\n1: " +
                  std::to_string(calls) + " calls, 0 graphs, 0 launches\n1: " +
                  std::to_string(calls + 1) + " calls, 0 graphs, 0 launches\n"))
        << fault;
    EXPECT_THAT(output, HasSubstr("end: 0 graphs\n")) << fault;
  }
}

TEST(FakeDriver, AStreamThatItsOwnerCapturesTakesLaunches) {
  EXPECT_THAT(report("Graphs", "captured"),
              HasSubstr("9: 12 calls, 0 graphs, 3 launches\n"));
}

TEST(FakeDriver, InputsToTimeAreWrittenInTheOrderOfTheirMemory) {
  EXPECT_THAT(report("Timer", "nothing"),
              HasSubstr("timer: ok\nuploads: its own stream\n"));
}

TEST(FakeDriver, OutOfMemoryIsReportedAndPooledMemoryFreed) {
  EXPECT_THAT(report("Memory", "memory"),
              HasSubstr("first: ok\n"
                        "second: out of memory on gpu:0: asked for 327680 "
                        "bytes, 262144 in use, no limit\n"
                        "pooled: 262144\n"
                        "again: ok\n"
                        "limit: ok\n"
                        "beyond: out of memory on gpu:0: asked for 4096 "
                        "bytes, 458752 in use, limit 460800\n"
                        "live: 458752\n"));
}

} // namespace
} // namespace weft
