// SPDX-License-Identifier: Apache-2.0
// Messages to the user: a callback, standard error by default.
#include "runtime/Log.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>

namespace weft {

std::string_view name(LogLevel level) {
  switch (level) {
  case LogLevel::debug:
    return "debug";
  case LogLevel::info:
    return "info";
  case LogLevel::warning:
    return "warning";
  }
  return "unknown";
}

namespace runtime {
namespace {

LogLevel levelFromEnvironment() {
  const char *text = std::getenv("WEFT_LOG");
  std::string_view wanted = text ? text : "";
  if (wanted == "debug")
    return LogLevel::debug;
  return wanted == "info" ? LogLevel::info : LogLevel::warning;
}

struct Sink {
  std::mutex mutex;
  std::shared_ptr<const LogCallback> callback; // null: standard error
};

// Leaked: messages may come from destructors of the program's own statics.
Sink &sink() {
  static Sink &instance = *new Sink;
  return instance;
}

void writeToStandardError(LogLevel level, std::string_view line) {
  std::string text = "weft: ";
  text += name(level);
  text += ": ";
  text += line;
  text += '\n';
  // One call, so that lines of several threads do not mix.
  std::fwrite(text.data(), 1, text.size(), stderr);
}

} // namespace

bool logEnabled(LogLevel level) {
  static const LogLevel least = levelFromEnvironment();
  return level >= least;
}

std::string millisecondsSince(std::chrono::steady_clock::time_point start) {
  std::chrono::duration<double, std::milli> passed =
      std::chrono::steady_clock::now() - start;
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f ms", passed.count());
  return text;
}

static void emit(LogLevel level, std::string_view line) {
  std::shared_ptr<const LogCallback> callback;
  {
    std::lock_guard lock(sink().mutex);
    callback = sink().callback;
  }
  // Outside the lock: the callback may take its time or replace itself.
  if (callback)
    (*callback)(level, line);
  else
    writeToStandardError(level, line);
}

void log(LogLevel level, std::string_view line) {
  static const bool known = [] {
    const char *text = std::getenv("WEFT_LOG");
    std::string_view wanted = text ? text : "";
    if (wanted.empty() || wanted == "debug" || wanted == "info" ||
        wanted == "warning")
      return true;
    emit(LogLevel::warning, "WEFT_LOG: got \"" + std::string(wanted) +
                                "\", expected debug, info or warning");
    return false;
  }();
  (void)known;
  if (logEnabled(level))
    emit(level, line);
}

} // namespace runtime

void set_log_callback(LogCallback callback) {
  std::shared_ptr<const LogCallback> next;
  if (callback)
    next = std::make_shared<const LogCallback>(std::move(callback));
  std::lock_guard lock(runtime::sink().mutex);
  runtime::sink().callback.swap(next);
}

} // namespace weft
