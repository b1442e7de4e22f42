// SPDX-License-Identifier: Apache-2.0
// Messages: where they go and which are passed on.
#include "runtime/Log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace weft {
namespace {

using runtime::log;
using testing::ElementsAre;

class Log : public testing::Test {
protected:
  void TearDown() override { set_log_callback({}); }
};

TEST_F(Log, CallbackGetsWarnings) {
  std::vector<std::string> lines;
  set_log_callback([&](LogLevel level, std::string_view line) {
    lines.push_back(std::string(name(level)) + "|" + std::string(line));
  });
  log(LogLevel::warning, "disk is full");
  EXPECT_THAT(lines, ElementsAre("warning|disk is full"));
}

TEST_F(Log, DebugIsOffByDefault) {
  if (std::getenv("WEFT_LOG"))
    GTEST_SKIP() << "WEFT_LOG is set";
  int calls = 0;
  set_log_callback([&](LogLevel, std::string_view) { ++calls; });
  log(LogLevel::debug, "x");
  log(LogLevel::info, "x");
  EXPECT_EQ(calls, 0);
  EXPECT_FALSE(runtime::logEnabled(LogLevel::info));
  EXPECT_TRUE(runtime::logEnabled(LogLevel::warning));
}

TEST_F(Log, EmptyCallbackRestoresStandardError) {
  set_log_callback([](LogLevel, std::string_view) { FAIL(); });
  set_log_callback({});
  testing::internal::CaptureStderr();
  log(LogLevel::warning, "to the terminal");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "weft: warning: to the terminal\n");
}

TEST_F(Log, CallbackMayReplaceItself) {
  set_log_callback([](LogLevel, std::string_view) { set_log_callback({}); });
  log(LogLevel::warning, "once");
  testing::internal::CaptureStderr();
  log(LogLevel::warning, "twice");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "weft: warning: twice\n");
}

TEST_F(Log, LevelsHaveNames) {
  EXPECT_EQ(name(LogLevel::debug), "debug");
  EXPECT_EQ(name(LogLevel::info), "info");
  EXPECT_EQ(name(LogLevel::warning), "warning");
}

} // namespace
} // namespace weft
