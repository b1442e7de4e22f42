// SPDX-License-Identifier: Apache-2.0
// What OpenMP finds in the environment when a library brings it, and what is
// there afterwards; which OpenMP is asked.
#include "runtime/OpenMp.h"

#include "TempFolder.h"
#include "runtime/OneDnnFunctions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <dlfcn.h>
#include <filesystem>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern char **environ;

namespace weft::runtime {
namespace {

using testing::ElementsAreArray;
using testing::IsNull;
using testing::StrEq;

std::vector<std::string> environment() {
  std::vector<std::string> result;
  for (char **entry = environ; *entry; ++entry)
    result.emplace_back(*entry);
  return result;
}

/// The fake library, loaded for the first time: a copy of its own.
class FakeLibrary {
public:
  FakeLibrary() {
    const std::string file = folder_.path() + "/libdnnl.so.3";
    std::filesystem::copy(WEFT_TEST_ONEDNN, file);
    handle_ = openWithOpenMp(file.c_str());
    EXPECT_NE(handle_, nullptr) << dlerror();
  }

  const char *waitPolicy() const { return text("fake_wait_policy"); }
  const char *spinCount() const { return text("fake_spin_count"); }

private:
  const char *text(const char *symbol) const {
    return *static_cast<const char **>(dlsym(handle_, symbol));
  }

  TempFolder folder_;
  void *handle_;
};

class OpenMp : public testing::Test {
  // Nothing is said of what the program has decided.
  ScopedVariable policy_{"OMP_WAIT_POLICY", nullptr},
      count_{"GOMP_SPINCOUNT", nullptr};
};

TEST_F(OpenMp, WaitsBriefly) {
  FakeLibrary library;
  EXPECT_THAT(library.waitPolicy(), StrEq("passive"));
  ASSERT_NE(library.spinCount(), nullptr);
  // A hundred microseconds: of pauses, or of nothing but looking.
  EXPECT_GE(std::stoi(library.spinCount()), 500);
  EXPECT_LE(std::stoi(library.spinCount()), 400'000);
}

TEST_F(OpenMp, WaitsAsTheProgramSays) {
  {
    ScopedVariable policy("OMP_WAIT_POLICY", "active");
    FakeLibrary library;
    EXPECT_THAT(library.waitPolicy(), StrEq("active"));
    EXPECT_THAT(library.spinCount(), IsNull());
  }
  ScopedVariable count("GOMP_SPINCOUNT", "7");
  FakeLibrary library;
  EXPECT_THAT(library.waitPolicy(), IsNull());
  EXPECT_THAT(library.spinCount(), StrEq("7"));
}

TEST_F(OpenMp, LeavesTheEnvironmentAsItWas) {
  const std::vector<std::string> before = environment();
  EXPECT_EQ(openWithOpenMp("libnone.so"), nullptr);
  EXPECT_THAT(environment(), ElementsAreArray(before));
}

// The library puts in a variable, or another value for one.
TEST_F(OpenMp, LeavesWhatOthersSayMeanwhile) {
  for (const char *value : {static_cast<const char *>(nullptr), "other"}) {
    ScopedVariable variable("WEFT_TEST_FAKE", value);
    std::vector<std::string> right = environment();
    if (value)
      *std::find(right.begin(), right.end(), "WEFT_TEST_FAKE=other") =
          "WEFT_TEST_FAKE=loaded";
    else
      right.push_back("WEFT_TEST_FAKE=loaded");
    FakeLibrary library;
    EXPECT_THAT(library.waitPolicy(), StrEq("passive"));
    EXPECT_THAT(environment(), ElementsAreArray(right));
  }
}

TEST_F(OpenMp, MayHaveNoThreadsForOthers) {
  static StatusOr<const OneDnn *> dnn = OneDnn::open(WEFT_TEST_ONEDNN); // kept
  ASSERT_TRUE(dnn.ok()) << dnn.status();
  EXPECT_EQ((*dnn)->version(), "3.1.4");
  EXPECT_EQ((*dnn)->functions().team, nullptr);
  EXPECT_EQ((*dnn)->functions().getLevel(), 0);
}

TEST_F(OpenMp, MustSayWhereAThreadIs) {
  StatusOr<const OneDnn *> dnn = OneDnn::open(WEFT_TEST_ONEDNN_INCOMPLETE);
  ASSERT_FALSE(dnn.ok());
  EXPECT_EQ(dnn.status().message(),
            WEFT_TEST_ONEDNN_INCOMPLETE " lacks omp_get_level");
}

// As the loader does for the library: a program's own OpenMP comes first.
TEST_F(OpenMp, IsTheProgramsOwn) {
  void *library = openWithOpenMp(WEFT_TEST_ONEDNN);
  ASSERT_NE(library, nullptr);
  EXPECT_EQ(openMpOf(library), library);
  pid_t child = fork();
  if (child == 0) {
    dlopen(WEFT_TEST_ONEDNN, RTLD_NOW | RTLD_GLOBAL);
    _exit(openMpOf(library) == RTLD_DEFAULT ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

} // namespace
} // namespace weft::runtime
