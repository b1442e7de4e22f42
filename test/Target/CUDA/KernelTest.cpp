// SPDX-License-Identifier: Apache-2.0
// Every case's kernel is compiled for three architectures, run on the CPU by
// the emulator and, where there is one, on the GPU.
#include "Cases.h"
#include "CompileCheck.h"
#include "Emulator.h"

#include "runtime/Executor.h"
#include "weft/Runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::cuda_tests {
namespace {

/// All cases, then those that can run in place.
std::vector<Prepared> prepareAll() {
  std::vector<Prepared> all;
  for (bool isInPlace : {false, true})
    for (const Case &c : allCases()) {
      Prepared prepared(c, isInPlace);
      EXPECT_EQ(prepared.error, "");
      if (!isInPlace || prepared.runsInPlace())
        all.push_back(std::move(prepared));
    }
  return all;
}

/// Runs kernel `index`, that of `c`, on its inputs.
void expectRight(const emulator::Library &library, size_t index,
                 const Prepared &c, emulator::BulkCopies copies) {
  std::vector<Memory> memory;
  for (const reference::Value &value : c.inputs)
    memory.emplace_back(value);
  for (const reference::Value &value : c.expected)
    memory.emplace_back(value.dtype, value.shape);
  std::vector<void *> pointers, arguments;
  for (size_t j = 0; j < memory.size(); ++j)
    pointers.push_back(memory[c.placeOf(j)].data());
  // Tensors are passed as pointers, scalars as their bytes.
  for (size_t j = 0; j < pointers.size(); ++j) {
    bool isScalar = j < c.inputs.size() && c.isScalar[j];
    arguments.push_back(isScalar ? pointers[j] : &pointers[j]);
  }
  const CudaKernel &k = c.kernel;
  std::vector<emulator::EncodedTensorMap> maps;
  for (const TensorMap &map : k.tensorMaps)
    maps.push_back(emulator::encode(map, pointers[map.argument]));
  for (emulator::EncodedTensorMap &map : maps)
    arguments.push_back(&map);
  Status status = library.launch(index, {k.grid[0], k.grid[1], k.grid[2]},
                                 {k.block[0], k.block[1], k.block[2]},
                                 arguments, k.sharedBytes, copies);
  ASSERT_TRUE(status.ok()) << status;
  std::vector<reference::Value> outputs;
  for (size_t j = 0; j < c.expected.size(); ++j) {
    Memory &m = memory[c.placeOf(c.inputs.size() + j)];
    EXPECT_TRUE(m.isIntact()) << "wrote beyond output " << j;
    outputs.push_back(m.read(c.expected[j].dtype, c.expected[j].shape));
  }
  std::string difference = c.compare(outputs);
  EXPECT_TRUE(difference.empty()) << difference;
}

TEST(CudaKernels, EmulatorMatchesReference) {
  std::vector<Prepared> cases = prepareAll();
  std::vector<emulator::Source> sources;
  for (const Prepared &c : cases)
    sources.push_back({c.kernel.name, c.kernel.text});
  auto library = emulator::Library::compile(sources);
  ASSERT_TRUE(library.ok()) << library.status();
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].name);
    expectRight(**library, i, cases[i], emulator::BulkCopies::late);
    if (cases[i].kernel.tensorMaps.empty())
      continue;
    SCOPED_TRACE("copies are soon");
    expectRight(**library, i, cases[i], emulator::BulkCopies::soon);
  }
}

class NvrtcCompiles : public testing::TestWithParam<const char *> {
protected:
  std::vector<std::string>
  warningsOf(std::span<const emulator::Source> sources) {
    return findWarnings(**runtime::Nvrtc::get(), GetParam(), sources);
  }

private:
  void SetUp() override {
    if (auto nvrtc = runtime::Nvrtc::get(); !nvrtc.ok())
      GTEST_SKIP() << nvrtc.status();
  }
};

TEST_P(NvrtcCompiles, EveryCaseWithoutAWarning) {
  std::vector<emulator::Source> sources;
  for (const Prepared &c : prepareAll())
    if (c.arch == kBaselineArch || c.arch == GetParam())
      sources.push_back({c.kernel.name, c.kernel.text});
  EXPECT_THAT(warningsOf(sources), testing::IsEmpty());
}

TEST_P(NvrtcCompiles, WarningsAreFound) {
  // More registers than a thread of such a block has.
  std::vector<emulator::Source> sources = {{"spills", R"(
extern "C" __global__ void __launch_bounds__(1024, 2) spills(float *x) {
  float y[64];
#pragma unroll
  for (int i = 0; i < 64; ++i)
    y[i] = x[i * 7 + threadIdx.x];
  __syncthreads();
#pragma unroll
  for (int i = 0; i < 64; ++i)
    x[i * 9 + threadIdx.x] = y[63 - i] * y[i];
}
)"},
                                           {"unused", R"(
extern "C" __global__ void unused(float *x) { int y; x[0] = 1; }
)"}};
  using testing::AllOf, testing::HasSubstr, testing::StartsWith;
  EXPECT_THAT(
      warningsOf(sources),
      testing::ElementsAre(
          AllOf(StartsWith("spills: "), HasSubstr("spilled")),
          AllOf(StartsWith("unused: "), HasSubstr("never referenced"))));
}

INSTANTIATE_TEST_SUITE_P(For, NvrtcCompiles, testing::ValuesIn(kArchitectures),
                         [](const auto &info) { return info.param; });

} // namespace
} // namespace weft::cuda_tests
