// SPDX-License-Identifier: Apache-2.0
// What is said about a driver or device that fails, with a driver that does so
// when asked to (Fakes/driver.cpp).
#include "runtime/Executor.h"
#include "runtime/Gpu.h"
#include "runtime/LaunchGraphs.h"
#include "runtime/PlanTimer.h"
#include "runtime/Storage.h"
#include "runtime/StreamOrder.h"
#include "weft/Runtime.h"

#include "ChildTest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <dlfcn.h>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>

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

/// A function that the fake driver has besides those of a driver.
template <typename Function> Function fake(const char *name) {
  return reinterpret_cast<Function>(
      dlsym(dlopen("libcuda.so.1", RTLD_NOW), name));
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
  auto *count = fake<int (*)(int *, int *)>("fakeGraphs");
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
  auto *last = fake<int (*)(runtime::CudaStream *)>("fakeLastUpload");
  runtime::CudaStream stream = nullptr;
  last(&stream);
  std::printf("uploads: %s\n", !stream ? "none"
                               : stream == (*runtime::Gpu::get(0))->stream()
                                   ? "Weft's stream"
                                   : "its own stream");
}

// Nor is this: on which streams the host's copies go.
TEST(FakeDriverChild, DISABLED_Copies) {
  runtime::Gpu &gpu = **runtime::Gpu::get(0);
  auto name = [&](runtime::CudaStream stream) {
    return stream == gpu.stream() ? "own" : "beside";
  };
  std::printf("up: %s\n", name(gpu.uploads()));
  runtime::Use first = *gpu.useOf(gpu.stream());
  std::printf("down, last: %s\n", name(gpu.downloads(first)));
  runtime::Use same = *gpu.useOf(gpu.stream());
  std::printf("marks: %s\n", first.mark == same.mark ? "one" : "two");
  say("begin", gpu.begin(gpu.stream()));
  runtime::Use next = *gpu.useOf(gpu.stream());
  std::printf("later: %d, %d\n", next.mark->isLaterThan(*first.mark),
              first.mark->isLaterThan(*next.mark));
  std::printf("down, followed: %s\n", name(gpu.downloads(first)));
  std::printf("down, last: %s\n", name(gpu.downloads(next)));
  // A copy has the work before it and the work after it recorded.
  for (int i = 0; i < 4; ++i) {
    runtime::Use use = *gpu.useOf(gpu.stream());
    say("begin", gpu.begin(gpu.stream()));
    bool isNew = gpu.useOf(gpu.stream())->mark != use.mark;
    std::printf("mark after: %s\n", isNew ? "new" : "old");
  }
  runtime::Use before = *gpu.useOf(gpu.stream());
  auto up = *copyTo(**Storage::allocate(Device::cpu(), 8), Device::gpu());
  say("begin", gpu.begin(gpu.stream()));
  runtime::Use after = *gpu.useOf(gpu.stream());
  say("begin", gpu.begin(gpu.stream()));
  std::printf("down, before a copy: %s\n", name(gpu.downloads(before)));
  std::printf("down, after it: %s\n", name(gpu.downloads(after)));
  std::printf("down, nobody's: %s\n", name(gpu.downloads({})));
}

// Nor is this: a stream that its owner captures, in mode FAKE_MODE, meets work
// of others, and they meet its work.
TEST(FakeDriverChild, DISABLED_Captures) {
  runtime::Gpu &gpu = **runtime::Gpu::get(0);
  const runtime::Driver &driver = gpu.driver();
  runtime::CudaStream stream = nullptr, other = nullptr;
  driver.streamCreate(&stream, 0);
  driver.streamCreate(&other, 0);
  runtime::Use own = *gpu.useOf(gpu.stream()), others = *gpu.useOf(other),
               before = *gpu.useOf(stream);
  runtime::Pool::Block block = *gpu.pool().allocate(512);
  auto free = [&](const runtime::Use &use) {
    block.uses = {use};
    gpu.pool().free(block);
  };
  auto take = [&](const char *who, runtime::CudaStream on) {
    void *old = std::exchange(block, *gpu.pool().allocate(512, on)).data;
    std::printf("%s takes: %s\n", who, block.data == old ? "old" : "new");
  };
  free(own);

  driver.streamBeginCapture(stream, std::atoi(std::getenv("FAKE_MODE")));
  for (const runtime::Use *use : {&own, &others, &before})
    say("graph waits", gpu.wait(stream, *use));
  take("graph", stream);
  std::printf("up: %s\n", gpu.uploads() == gpu.stream() ? "own" : "beside");
  runtime::Use inside = *gpu.useOf(stream);
  say("graph goes on", gpu.wait(stream, inside));
  say("other waits", gpu.wait(other, inside));
  say("host waits", gpu.finish(inside));
  std::printf("graph over: %d\n", gpu.isOver(inside));
  free(inside);
  take("graph", stream);
  free(inside);
  take("other", other);
  runtime::CudaGraph graph = nullptr;
  int waits = 0;
  std::printf("captured: %d\n", driver.streamEndCapture(stream, &graph));
  driver.graphDestroy(graph);
  block.uses.clear();
  gpu.pool().free(block);
  fake<int (*)(int *)>("fakeHostWaits")(&waits);
  std::printf("host waits: %d\n", waits);
}

// Nor this: memory that a stream is still at, and streams with equal handles.
TEST(FakeDriverChild, DISABLED_Handles) {
  runtime::Gpu &gpu = **runtime::Gpu::get(0);
  const runtime::Driver &driver = gpu.driver();
  runtime::Pool::Block block = *gpu.pool().allocate(512);
  auto freeAfter = [&](runtime::CudaStream stream) {
    block.uses = {*gpu.useOf(*gpu.resolve(stream))};
    gpu.pool().free(block);
  };
  auto take = [&](const char *who, runtime::CudaStream on) {
    void *old = std::exchange(block, *gpu.pool().allocate(512, on)).data;
    std::printf("%s takes: %s\n", who, block.data == old ? "old" : "new");
  };
  const auto perThread = reinterpret_cast<runtime::CudaStream>(2);
  std::thread([&] { freeAfter(perThread); }).join();
  take("other thread", perThread);
  freeAfter(perThread);
  take("same thread", perThread);

  runtime::CudaStream first = nullptr, second = nullptr;
  runtime::ScopedContext scope(gpu);
  driver.streamCreate(&first, 0);
  freeAfter(first);
  driver.streamDestroy(first);
  driver.streamCreate(&second, 0);
  std::printf("equal handles: %d\n", first == second);
  take("other stream", second);
  freeAfter(second);
  take("same stream", second);
}

// Nor this: a stream for each of many runs, which all read one storage.
TEST(FakeDriverChild, DISABLED_Readers) {
  runtime::Gpu &gpu = **runtime::Gpu::get(0);
  const Device device = Device::gpu();
  auto weights = *Storage::allocate(device, 4);
  for (int i = 0; i < 100; ++i) {
    runtime::CudaStream stream = nullptr;
    runtime::ScopedContext scope(gpu);
    gpu.driver().streamCreate(&stream, 0);
    const runtime::Accesses accesses{device, stream, {weights.get()}, {}};
    say("mark", accesses.mark());
    gpu.driver().streamDestroy(stream);
  }
  int events = 0;
  fake<int (*)(int *)>("fakeEvents")(&events);
  std::printf("events: %d\n", events);
}

// Nor this: two streams read and write one memory; how often each waits.
TEST(FakeDriverChild, DISABLED_Waits) {
  runtime::Gpu &gpu = **runtime::Gpu::get(0);
  const Device device = Device::gpu();
  auto memory = *Storage::allocate(device, 4);
  runtime::CudaStream other = nullptr;
  {
    runtime::ScopedContext scope(gpu);
    gpu.driver().streamCreate(&other, 0);
  }
  auto work = [&](const char *what, runtime::CudaStream stream, bool writes) {
    runtime::Accesses accesses{device, stream, {}, {}};
    (writes ? accesses.writes : accesses.reads).push_back(memory.get());
    int before = 0, after = 0;
    fake<int (*)(int *)>("fakeStreamWaits")(&before);
    const bool ok = accesses.wait().ok() && accesses.mark().ok();
    fake<int (*)(int *)>("fakeStreamWaits")(&after);
    std::printf("%s: %d\n", ok ? what : "failed", after - before);
  };
  work("other reads", other, false);
  for (const char *what : {"own reads", "own reads again"})
    work(what, nullptr, false);
  work("own writes", nullptr, true);
  work("own reads", nullptr, false);
  work("other reads", other, false);
  work("other writes", other, true);
  work("own reads", nullptr, false);
  setenv("FAKE_CUDA", "nothing", 1); // all is over
  work("own reads", nullptr, false);
  setenv("FAKE_CUDA", "busy", 1);
  work("own reads", nullptr, false);
  work("other writes", other, true);
}

// Nor this: a plan runs into a graph, and all its memory is let go of.
TEST(FakeDriverChild, DISABLED_GraphsHold) {
  runtime::Gpu &gpu = **runtime::Gpu::get(0);
  const runtime::Driver &driver = gpu.driver();
  const Device device = Device::gpu();
  runtime::Plan plan;
  plan.device = Device::Kind::gpu;
  plan.inputs.resize(1);
  plan.outputs.resize(1);
  plan.kernels = {{"k", "code", ""}};
  plan.launches.resize(1);
  plan.launches[0].grid[0] = plan.launches[0].block[0] = 1;
  plan.steps = {0};
  plan.arenaBytes = 4096;
  auto loaded = *runtime::LoadedPlan::load(plan, device);
  auto live = [&] { return static_cast<int>(memory_stats(device).live); };
  runtime::CudaStream stream = nullptr;
  {
    runtime::ScopedContext scope(gpu);
    driver.streamCreate(&stream, 0);
  }
  std::atomic<int> released = 0;
  driver.streamBeginCapture(stream, 0); // global
  {
    char loan[4];
    auto in = std::make_shared<Storage>(device, loan, 4, [&] { ++released; });
    auto out = *Storage::allocate(device, 1024, stream);
    const runtime::Accesses accesses{device, stream, {in.get()}, {out.get()}};
    say("wait", accesses.wait());
    say("run", loaded->run({{in->data()}}, {}, {{out->data()}}, {}, stream));
    say("mark", accesses.mark());
    loaded = nullptr;
  }
  // Nobody else gets what the graph works on.
  auto other = *Storage::allocate(device, 4096, stream);
  std::printf("live: %d, released: %d\n", live() - 4096, released.load());
  runtime::CudaGraph graph = nullptr;
  runtime::CudaGraphExec executable = nullptr;
  std::printf("captured: %d\n", driver.streamEndCapture(stream, &graph));
  driver.graphInstantiate(&executable, graph, 0);
  driver.graphDestroy(graph);
  std::printf("live: %d, released: %d\n", live() - 4096, released.load());
  driver.graphExecDestroy(executable);
  while (live() > 4096 || !released) // by a thread of Weft's
    std::this_thread::yield();
  std::printf("pooled: %d\n", static_cast<int>(memory_stats(device).pooled));
  auto reused = *Storage::allocate(device, 4096);
  std::printf("pooled: %d\n", static_cast<int>(memory_stats(device).pooled));
}

// Nor this: memory of one context, and work of a thread in another.
TEST(FakeDriverChild, DISABLED_Contexts) {
  const Device device = Device::gpu();
  runtime::Gpu &primary = **runtime::Gpu::get(0);
  auto memory = *Storage::allocate(device, 1024);
  runtime::Plan plan;
  plan.device = Device::Kind::gpu;
  auto loaded = *runtime::LoadedPlan::load(plan, device);
  int another = 0;
  primary.driver().ctxPushCurrent(
      reinterpret_cast<runtime::CudaContext>(&another));
  std::printf("context: %s\n",
              *runtime::Gpu::get(0) == &primary ? "same" : "another");
  say("run", loaded->run({}, {}, {}, {}));
  say("wait", runtime::Accesses{device, nullptr, {memory.get()}, {}}.wait());
  char host[4];
  say("copy", runtime::copyToHost(host, *memory, 4));
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

TEST(FakeDriver, CopiesGoBesideWhatTheyNeedNotWaitFor) {
  const char *downs = "down, last: own\n"
                      "marks: one\n"
                      "begin: ok\n"
                      "later: 1, 0\n"
                      "down, followed: beside\n"
                      "down, last: own\n"
                      "begin: ok\nmark after: new\n"
                      "begin: ok\nmark after: new\n"
                      "begin: ok\nmark after: old\n"
                      "begin: ok\nmark after: old\n"
                      "begin: ok\nbegin: ok\n"
                      "down, before a copy: beside\n"
                      "down, after it: beside\n"
                      "down, nobody's: beside\n";
  EXPECT_THAT(report("Copies", "nothing"),
              HasSubstr(std::string("up: own\n") + downs));
  EXPECT_THAT(report("Copies", "busy"),
              HasSubstr(std::string("up: beside\n") + downs));
}

TEST(FakeDriver, AStreamThatItsOwnerCapturesGoesOnBeingCaptured) {
  for (const char *mode : {"0", "2"}) { // global, relaxed
    runtime::ScopedVariable variable("FAKE_MODE", mode);
    std::string started = "graph waits: ok\ngraph waits: ok\ngraph waits: ok\n",
                inside = "graph goes on: ok\n"
                         "other waits: ok\n"
                         "host waits: ok\n"
                         "graph over: 0\n"
                         "graph takes: old\n"
                         "other takes: new\n"
                         "captured: 0\n";
    EXPECT_THAT(report("Captures", "nothing"),
                HasSubstr(started + "graph takes: old\nup: own\n" + inside +
                          "host waits: 1\n")) // the others are over
        << mode;
    // Memory that is not free yet is not waited for.
    EXPECT_THAT(report("Captures", "busy"),
                HasSubstr(started + "graph takes: new\nup: beside\n" + inside +
                          "host waits: 3\n"))
        << mode;
  }
}

TEST(FakeDriver, StreamsAreToldApartWhereHandlesAreEqual) {
  EXPECT_THAT(report("Handles", "busy"), HasSubstr("other thread takes: new\n"
                                                   "same thread takes: old\n"
                                                   "equal handles: 1\n"
                                                   "other stream takes: new\n"
                                                   "same stream takes: old\n"));
}

TEST(FakeDriver, ReadersThatAreOverAreForgotten) {
  EXPECT_THAT(report("Readers", "nothing"), HasSubstr("mark: ok\nevents: 2\n"));
  EXPECT_THAT(report("Readers", "busy"), HasSubstr("mark: ok\nevents: 100\n"));
}

TEST(FakeDriver, StreamsWaitForWhatOthersDid) {
  EXPECT_THAT(report("Waits", "busy"),
              HasSubstr("other reads: 0\nown reads: 0\nown reads again: 0\n"
                        "own writes: 1\n" // the other's read
                        "own reads: 0\n"
                        "other reads: 1\n"  // the write
                        "other writes: 2\n" // the write, the own read
                        "own reads: 1\n"    // the other's write
                        "own reads: 0\n"    // which is over
                        "own reads: 0\n"    // and forgotten
                        "other writes: 1\n"));
}

TEST(FakeDriver, AGraphHoldsWhatItWorksOn) {
  // The output, the arena, and constants of no bytes, which take 512.
  EXPECT_THAT(report("GraphsHold", "nothing"),
              HasSubstr("wait: ok\nrun: ok\nmark: ok\n"
                        "live: 5632, released: 0\n"
                        "captured: 0\n"
                        "live: 5632, released: 0\n"
                        "pooled: 5632\n"
                        "pooled: 1536\n"));
}

TEST(FakeDriver, AGraphThatCannotHoldMemoryIsAnError) {
  for (const char *fault : {"cuUserObjectCreate", "cuGraphRetainUserObject"}) {
    const std::string failed = ": run: " + std::string(fault) +
                               " failed: CUDA_ERROR_UNKNOWN (a fake error)\n";
    EXPECT_THAT(report("GraphsHold", fault),
                HasSubstr("wait" + failed + "run" + failed + "mark: ok\n"));
  }
}

TEST(FakeDriver, AnotherContextIsNamed) {
  EXPECT_THAT(
      report("Contexts", "nothing"),
      HasSubstr("context: another\n"
                "run: run: loaded in another CUDA context of gpu:0 than this "
                "thread works in\n"
                "wait: memory on gpu:0 belongs to another CUDA context than "
                "this thread works in\n"
                "copy: memory on gpu:0 belongs to another CUDA context than "
                "this thread works in\n"));
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
