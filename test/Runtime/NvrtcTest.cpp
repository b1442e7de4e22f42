// SPDX-License-Identifier: Apache-2.0
// CUDA text becomes machine code, without a driver; what goes wrong is named.
#include "runtime/Nvrtc.h"

#include "ReadFile.h"
#include "TempFolder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

namespace weft::runtime {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char *kText = R"(
extern "C" __global__ void scale(const float *x, float *y, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n)
    y[i] = x[i] * 2.0f + 1.0f;
}
)";

class NvrtcCompile : public testing::Test {
protected:
  void SetUp() override {
    StatusOr<const Nvrtc *> found = Nvrtc::get();
    if (!found.ok())
      GTEST_SKIP() << "no NVRTC: " << found.status();
    nvrtc = *found;
  }
  const Nvrtc *nvrtc = nullptr;
};

TEST_F(NvrtcCompile, MakesMachineCodeForEachArchitecture) {
  for (const char *arch : {"sm_80", "sm_90a", "sm_100a"}) {
    StatusOr<CompiledText> compiled = nvrtc->compile(kText, "scale", arch);
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    EXPECT_EQ(compiled->cubin.substr(0, 4), "\177ELF") << arch;
    EXPECT_THAT(compiled->cubin, HasSubstr("scale"));
  }
}

TEST_F(NvrtcCompile, MakesPtx) {
  StatusOr<CompiledText> compiled =
      nvrtc->compile(kText, "scale", "compute_80");
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  EXPECT_THAT(compiled->cubin, HasSubstr(".visible .entry scale"));
}

TEST_F(NvrtcCompile, DoesNotContract) {
  StatusOr<CompiledText> compiled =
      nvrtc->compile(kText, "scale", "compute_80");
  ASSERT_TRUE(compiled.ok());
  EXPECT_THAT(compiled->cubin, HasSubstr("mul"));
  EXPECT_THAT(compiled->cubin, testing::Not(HasSubstr("fma")));
}

TEST_F(NvrtcCompile, PlainFunctionsAreDeviceFunctions) {
  StatusOr<CompiledText> compiled = nvrtc->compile(
      "float twice(float x) { return 2 * x; }\n"
      "extern \"C\" __global__ void k(float *x) { *x = twice(*x); }",
      "k", "sm_80");
  EXPECT_TRUE(compiled.ok()) << compiled.status();
}

TEST_F(NvrtcCompile, ErrorHasTheLogAndTheSource) {
  TempFolder temp;
  ScopedVariable variable("TMPDIR", temp.path().c_str());
  Status status =
      nvrtc->compile("__global__ void k() { no_such(); }", "k/1", "sm_80")
          .status();
  std::string message(status.message());
  EXPECT_THAT(message,
              AllOf(StartsWith("nvrtc: k/1 for sm_80: NVRTC_ERROR_COMPILATION: "
                               "source " +
                               temp.path() + "/weft-k_1-"),
                    HasSubstr("\"no_such\" is undefined")));
  size_t begin = message.find(temp.path());
  std::string path = message.substr(begin, message.find('\n') - begin);
  EXPECT_EQ(readFile(path), "__global__ void k() { no_such(); }");
}

TEST_F(NvrtcCompile, ErrorWithoutAPlaceForTheSource) {
  ScopedVariable variable("TMPDIR", "/no/such/folder");
  EXPECT_THAT(std::string(nvrtc->compile("x", "k", "sm_80").status().message()),
              HasSubstr(": source not kept\n"));
}

TEST_F(NvrtcCompile, UnknownArchitectureIsAnError) {
  TempFolder temp;
  ScopedVariable variable("TMPDIR", temp.path().c_str());
  EXPECT_THAT(
      std::string(nvrtc->compile(kText, "k", "sm_1").status().message()),
      HasSubstr("nvrtc: k for sm_1: NVRTC_ERROR_INVALID_OPTION"));
}

TEST_F(NvrtcCompile, KnowsItsArchitectures) {
  std::vector<int> archs = nvrtc->supportedArchs();
  EXPECT_THAT(archs, AllOf(Contains(80), Contains(90)));
  EXPECT_TRUE(std::is_sorted(archs.begin(), archs.end()));
  EXPECT_EQ(nvrtc->archFor(80).value_or(""), "sm_80");
  EXPECT_EQ(nvrtc->archFor(90).value_or(""), "sm_90a");
  // Newer than anything: PTX of the newest, which its driver compiles.
  EXPECT_EQ(nvrtc->archFor(9990).value_or(""),
            "compute_" + std::to_string(archs.back()));
  EXPECT_THAT(std::string(nvrtc->archFor(10).status().message()),
              HasSubstr(" does not compile for sm_10: it knows "));
}

TEST_F(NvrtcCompile, NewerArchitectureFallsBackToPtx) {
  StatusOr<CompiledText> compiled = compileCuda(kText, "scale", "sm_9990a");
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  EXPECT_THAT(compiled->cubin, HasSubstr(".entry scale"));
  compiled = compileCuda(kText, "scale", "sm_90a");
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  EXPECT_EQ(compiled->cubin.substr(0, 4), "\177ELF");
}

TEST_F(NvrtcCompile, ServesSeveralThreads) {
  std::vector<std::string> cubins(4);
  std::vector<std::thread> threads;
  for (std::string &cubin : cubins)
    threads.emplace_back([&] {
      StatusOr<CompiledText> compiled = nvrtc->compile(kText, "scale", "sm_80");
      if (compiled.ok())
        cubin = compiled->cubin;
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_FALSE(cubins[0].empty());
  EXPECT_THAT(cubins, testing::Each(cubins[0]));
}

TEST_F(NvrtcCompile, NewerThanTheDriverIsRefusedByName) {
  ScopedVariable only("WEFT_NVRTC", nvrtc->file().c_str());
  std::string message(Nvrtc::find(11080).status().message());
  EXPECT_THAT(message,
              AllOf(StartsWith("gpu: no NVRTC: "),
                    HasSubstr(nvrtc->file() + " is newer than the driver: "),
                    HasSubstr(", driver 11.8")));
  EXPECT_TRUE(Nvrtc::find(nvrtc->version()).ok());
}

TEST(NvrtcPreload, LoadsTheLibrary) {
  StatusOr<std::string> file = Nvrtc::locate();
  if (!file.ok())
    GTEST_SKIP() << file.status();
  auto isLoaded = [&] {
    void *library = dlopen(file->c_str(), RTLD_LAZY | RTLD_NOLOAD);
    if (library)
      dlclose(library);
    return library != nullptr;
  };
  Nvrtc::preload();
  Nvrtc::preload(); // does nothing more
  for (int i = 0; i < 3000 && !isLoaded(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_TRUE(isLoaded());
}

TEST(NvrtcSearch, NamesWhatWasTried) {
  ScopedVariable only("WEFT_NVRTC", "/no/such/libnvrtc.so");
  std::string message(Nvrtc::find(0).status().message());
  EXPECT_THAT(message, StartsWith("gpu: no NVRTC: /no/such/libnvrtc.so: "));
}

TEST(NvrtcSearch, LibraryThatIsNotNvrtcIsNamed) {
  ScopedVariable only("WEFT_NVRTC", "libm.so.6");
  EXPECT_EQ(Nvrtc::find(0).status().message(),
            "gpu: no NVRTC: libm.so.6: no NVRTC or too old: lacks "
            "nvrtcVersion");
}

TEST(NvrtcSearch, FolderOfTheEnvironmentIsTheOnlyPlace) {
  TempFolder temp;
  ScopedVariable only("WEFT_NVRTC", temp.path().c_str());
  EXPECT_THAT(nvrtcCandidates(),
              testing::ElementsAre(temp.path() + "/libnvrtc.so.13",
                                   temp.path() + "/libnvrtc.so.12"));
}

/// A folder with fakes (Fakes/nvrtc.c) under the names that are looked for.
struct Fakes {
  TempFolder folder;
  ScopedVariable only{"WEFT_NVRTC", folder.path().c_str()};
  std::string newer = folder.path() + "/libnvrtc.so.13";
  std::string older = folder.path() + "/libnvrtc.so.12";

  Fakes(const char *of13, const char *of12) {
    if (of13)
      std::filesystem::copy(of13, newer);
    if (of12)
      std::filesystem::copy(of12, older);
  }
};

TEST(NvrtcSearch, TooOldIsRefusedByName) {
  Fakes fakes(nullptr, WEFT_TEST_NVRTC_OLD);
  std::string message(Nvrtc::find(12000).status().message());
  EXPECT_THAT(message,
              AllOf(StartsWith("gpu: no NVRTC: "),
                    HasSubstr(fakes.newer + ": cannot open"),
                    HasSubstr(fakes.older + " is too old: 11.8, needs 12.0")));
}

TEST(NvrtcSearch, MissingFunctionIsNamed) {
  Fakes fakes(WEFT_TEST_NVRTC_INCOMPLETE, nullptr);
  EXPECT_THAT(std::string(Nvrtc::find(0).status().message()),
              HasSubstr(fakes.newer + ": no NVRTC or too old: lacks "
                                      "nvrtcGetErrorString"));
}

TEST(NvrtcSearch, OneThatTheDriverCannotServeIsPassedOver) {
  Fakes fakes(WEFT_TEST_NVRTC_FUTURE, WEFT_TEST_NVRTC_FAILING);
  auto found = Nvrtc::find(12040);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ((*found)->file(), fakes.older);
  EXPECT_EQ((*found)->version(), 12000);
  found = Nvrtc::find(0); // no driver to fit
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ((*found)->file(), fakes.newer);
  EXPECT_THAT(std::string(Nvrtc::find(11080).status().message()),
              AllOf(HasSubstr(fakes.newer +
                              " is newer than the driver: 99.0, driver 11.8"),
                    HasSubstr(fakes.older +
                              " is newer than the driver: 12.0, driver 11.8")));
}

TEST(NvrtcSearch, OneFileIsRefusedOnce) {
  TempFolder temp;
  const std::string file = temp.path() + "/libnvrtc.so";
  std::filesystem::copy(WEFT_TEST_NVRTC_FUTURE, file);
  for (const char *package : {"cu13", "cuda_nvrtc"}) {
    std::string folder = temp.path() + "/lib/python3.11/site-packages/nvidia/" +
                         package + "/lib";
    std::filesystem::create_directories(folder);
    std::filesystem::create_symlink(file, folder + "/libnvrtc.so.13");
  }
  ScopedVariable none("WEFT_NVRTC", nullptr);
  ScopedVariable prefix("VIRTUAL_ENV", temp.path().c_str());
  std::string message(Nvrtc::find(11080).status().message());
  const std::string refusal = " is newer than the driver: 99.0, driver 11.8";
  const size_t at = message.find(refusal);
  ASSERT_NE(at, std::string::npos) << message;
  EXPECT_EQ(message.find(refusal, at + 1), std::string::npos) << message;
}

TEST(NvrtcSearch, FilesThatAreNoLibrariesAreNamed) {
  Fakes fakes(nullptr, nullptr);
  std::ofstream(fakes.newer) << "";
  std::ofstream(fakes.older) << std::string(5000, 'x');
  EXPECT_THAT(std::string(Nvrtc::find(0).status().message()),
              AllOf(HasSubstr(fakes.newer + ": file too short"),
                    HasSubstr(fakes.older + ": invalid ELF header")));
}

TEST(NvrtcSearch, FailureOfTheCompilerIsReported) {
  Fakes fakes(nullptr, WEFT_TEST_NVRTC_FAILING);
  ScopedVariable temp("TMPDIR", fakes.folder.path().c_str());
  auto found = Nvrtc::find(0);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(
      std::string((*found)->compile("x", "k", "sm_90a").status().message()),
      AllOf(StartsWith("nvrtc: k for sm_90a: "
                       "NVRTC_ERROR_INTERNAL_ERROR: source "),
            testing::EndsWith("\nfake log")));
}

TEST(NvrtcSearch, SuccessWithoutCodeIsAnError) {
  Fakes fakes(WEFT_TEST_NVRTC_FUTURE, nullptr);
  ScopedVariable temp("TMPDIR", "/no/such/folder");
  auto found = Nvrtc::find(0);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ((*found)->compile("x", "k", "sm_90a").status().message(),
            "nvrtc: k for sm_90a: no code: source not kept\nfake log");
}

TEST(NvrtcSearch, LooksWherePythonPutsIt) {
  TempFolder temp;
  std::string folder =
      temp.path() + "/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/libnvrtc.so.12") << "";
  ScopedVariable none("WEFT_NVRTC", nullptr);
  ScopedVariable prefix("VIRTUAL_ENV", temp.path().c_str());
  std::vector<std::string> candidates = nvrtcCandidates();
  EXPECT_THAT(candidates, Contains(folder + "/libnvrtc.so.12"));
  EXPECT_EQ(candidates[0], "libnvrtc.so.13"); // the loader's path first
}

} // namespace
} // namespace weft::runtime
