// SPDX-License-Identifier: Apache-2.0
// Every case's kernel on a real GPU.
#include "Cases.h"

#include "runtime/Gpu.h"
#include "runtime/Nvrtc.h"
#include "runtime/StreamOrder.h"
#include "runtime/TensorMaps.h"

#include <gtest/gtest.h>

namespace weft::cuda_tests {
namespace {

using runtime::Storage;

class GpuKernels : public testing::Test {
protected:
  void SetUp() override {
    auto gpu = runtime::Gpu::get(0);
    if (!gpu.ok())
      GTEST_SKIP() << "no GPU";
    gpu_ = *gpu;
  }

  Status load(const CudaKernel &kernel, runtime::CudaFunction &function) {
    auto nvrtc = runtime::Nvrtc::get();
    if (!nvrtc.ok())
      return nvrtc.status();
    auto compiled = (*nvrtc)->compile(kernel.text, kernel.name, gpu_->arch());
    if (!compiled.ok())
      return compiled.status();
    runtime::CudaModule module = nullptr;
    const runtime::Driver &driver = gpu_->driver();
    EXPECT_EQ(driver.moduleLoadDataEx(&module, compiled->cubin.data(), 0,
                                      nullptr, nullptr),
              runtime::cuda::success);
    EXPECT_EQ(driver.moduleGetFunction(&function, module, kernel.name.c_str()),
              runtime::cuda::success);
    if (kernel.sharedBytes > 48 * 1024)
      EXPECT_EQ(driver.funcSetAttribute(function,
                                        runtime::cuda::maxDynamicSharedSize,
                                        static_cast<int>(kernel.sharedBytes)),
                runtime::cuda::success);
    return {};
  }

  void run(const Prepared &c) {
    runtime::CudaFunction function = nullptr;
    Status loaded = load(c.kernel, function);
    ASSERT_TRUE(loaded.ok()) << loaded;
    std::vector<Memory> memory;
    for (const reference::Value &value : c.inputs)
      memory.emplace_back(value);
    for (const reference::Value &value : c.expected)
      memory.emplace_back(value.dtype, value.shape);
    std::vector<std::shared_ptr<Storage>> storages;
    std::vector<void *> pointers, arguments;
    for (Memory &m : memory) {
      auto storage =
          Storage::allocate(Device::gpu(), static_cast<int64_t>(m.capacity()));
      ASSERT_TRUE(storage.ok()) << storage.status();
      ASSERT_TRUE(copyFromHost(**storage, m.data(), (*storage)->bytes()).ok());
      storages.push_back(*storage);
      pointers.push_back((*storage)->data());
    }
    for (size_t i = 0; i < pointers.size(); ++i) {
      pointers[i] = pointers[c.placeOf(i)];
      bool isScalar = i < c.inputs.size() && c.isScalar[i];
      arguments.push_back(isScalar ? memory[i].data() : &pointers[i]);
    }
    const CudaKernel &k = c.kernel;
    std::vector<runtime::EncodedTensorMap> maps(k.tensorMaps.size());
    for (size_t i = 0; i < maps.size(); ++i) {
      const TensorMap &map = k.tensorMaps[i];
      Status status =
          runtime::encode(gpu_->driver(), map, pointers[map.argument], maps[i]);
      ASSERT_TRUE(status.ok()) << status;
      arguments.push_back(&maps[i]);
    }
    runtime::CudaLaunchConfig config{{k.grid[0], k.grid[1], k.grid[2]},
                                     {k.block[0], k.block[1], k.block[2]},
                                     k.sharedBytes,
                                     gpu_->stream(),
                                     /*attributes=*/nullptr,
                                     /*numAttributes=*/0};
    ASSERT_EQ(gpu_->driver().launchKernelEx(&config, function, arguments.data(),
                                            nullptr),
              runtime::cuda::success);
    ASSERT_EQ(gpu_->driver().streamSynchronize(gpu_->stream()),
              runtime::cuda::success);
    std::vector<reference::Value> outputs;
    for (size_t i = 0; i < c.expected.size(); ++i) {
      size_t place = c.placeOf(c.inputs.size() + i);
      Memory &m = memory[place];
      Storage &storage = *storages[place];
      ASSERT_TRUE(copyToHost(m.data(), storage, storage.bytes()).ok());
      EXPECT_TRUE(m.isIntact()) << "wrote beyond output " << i;
      outputs.push_back(m.read(c.expected[i].dtype, c.expected[i].shape));
    }
    std::string difference = c.compare(outputs);
    EXPECT_TRUE(difference.empty()) << difference;
  }

  runtime::Gpu *gpu_ = nullptr;
};

TEST_F(GpuKernels, MatchReference) {
  runtime::ScopedContext context(*gpu_);
  for (bool isInPlace : {false, true})
    for (const Case &c : allCases()) {
      Prepared prepared(c, isInPlace);
      SCOPED_TRACE(prepared.name);
      ASSERT_TRUE(prepared.ok()) << prepared.error;
      bool runsHere =
          prepared.arch == kBaselineArch || prepared.arch == gpu_->arch();
      if (runsHere && (!isInPlace || prepared.runsInPlace()))
        ASSERT_NO_FATAL_FAILURE(run(prepared));
    }
}

} // namespace
} // namespace weft::cuda_tests
