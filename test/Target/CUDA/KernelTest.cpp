// SPDX-License-Identifier: Apache-2.0
// Every case's kernel is compiled for three architectures, run on the CPU by
// the emulator and, where there is one, on the GPU.
#include "Cases.h"
#include "Emulator.h"

#include "runtime/Executor.h"
#include "runtime/Nvrtc.h"
#include "weft/Runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::cuda_tests {
namespace {

std::vector<Prepared> prepareAll() {
  std::vector<Prepared> all;
  for (const Case &c : allCases()) {
    all.emplace_back(c);
    EXPECT_EQ(all.back().error, "");
  }
  return all;
}

TEST(CudaKernels, EmulatorMatchesReference) {
  std::vector<Prepared> cases = prepareAll();
  std::vector<emulator::Source> sources;
  for (const Prepared &c : cases)
    sources.push_back({c.kernel.name, c.kernel.text});
  auto library = emulator::Library::compile(sources);
  ASSERT_TRUE(library.ok()) << library.status();
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(allCases()[i].name);
    const Prepared &c = cases[i];
    std::vector<Memory> memory;
    for (const reference::Value &value : c.inputs)
      memory.emplace_back(value);
    for (const reference::Value &value : c.expected)
      memory.emplace_back(value.dtype, value.shape);
    std::vector<void *> pointers, arguments;
    for (Memory &m : memory)
      pointers.push_back(m.data());
    // Tensors are passed as pointers, scalars as their bytes.
    for (size_t j = 0; j < pointers.size(); ++j) {
      bool isScalar = j < c.inputs.size() && c.isScalar[j];
      arguments.push_back(isScalar ? pointers[j] : &pointers[j]);
    }
    const CudaKernel &k = c.kernel;
    Status status =
        (*library)->launch(i, {k.grid[0], k.grid[1], k.grid[2]},
                           {k.block[0], k.block[1], k.block[2]}, arguments);
    ASSERT_TRUE(status.ok()) << status;
    std::vector<reference::Value> outputs;
    for (size_t j = 0; j < c.expected.size(); ++j) {
      Memory &m = memory[c.inputs.size() + j];
      EXPECT_TRUE(m.isIntact()) << "wrote beyond output " << j;
      outputs.push_back(m.read(c.expected[j].dtype, c.expected[j].shape));
    }
    std::string difference = c.compare(outputs);
    EXPECT_TRUE(difference.empty()) << difference;
  }
}

TEST(CudaKernels, NvrtcCompilesForEveryArchitecture) {
  auto nvrtc = runtime::Nvrtc::get();
  if (!nvrtc.ok())
    GTEST_SKIP() << nvrtc.status();
  // Compiling is slow, and architectures differ in the prelude's PTX alone.
  std::vector<Prepared> cases = prepareAll();
  const char *architectures[] = {"sm_90a", "sm_80", "sm_100a"};
  for (size_t i = 0; i < cases.size(); i += 4) {
    const CudaKernel &kernel = cases[i].kernel;
    auto compiled =
        (*nvrtc)->compile(kernel.text, kernel.name, architectures[i / 4 % 3]);
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    EXPECT_EQ(compiled->log, "") << kernel.name;
  }
}

} // namespace
} // namespace weft::cuda_tests
