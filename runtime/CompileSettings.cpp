// SPDX-License-Identifier: Apache-2.0
// How graphs are compiled, and whether: settings of the process.
#include "runtime/Log.h"
#include "weft/Runtime.h"

#include <atomic>
#include <cstdlib>
#include <initializer_list>

namespace weft {

std::string_view name(Tuning tuning) {
  switch (tuning) {
  case Tuning::off:
    return "off";
  case Tuning::fast:
    return "fast";
  case Tuning::full:
    return "full";
  }
  return "unknown";
}

std::string_view name(Float32Precision precision) {
  switch (precision) {
  case Float32Precision::ieee:
    return "ieee";
  case Float32Precision::tf32:
    return "tf32";
  }
  return "unknown";
}

std::string_view name(Compilation compilation) {
  switch (compilation) {
  case Compilation::allow:
    return "allow";
  case Compilation::forbid:
    return "forbid";
  }
  return "unknown";
}

/// The setting that a variable names, else the first of `all`, which is the
/// default; a wrong name is warned of.
template <typename Setting>
static Setting fromEnvironment(const char *variable,
                               std::initializer_list<Setting> all,
                               const char *expected) {
  const char *text = std::getenv(variable);
  if (!text || !*text)
    return *all.begin();
  for (Setting setting : all)
    if (text == name(setting))
      return setting;
  runtime::log(LogLevel::warning, std::string(variable) + ": got \"" + text +
                                      "\", expected " + expected);
  return *all.begin();
}

static std::atomic<Tuning> &currentTuning() {
  static std::atomic<Tuning> tuning =
      fromEnvironment("WEFT_TUNING", {Tuning::off, Tuning::fast, Tuning::full},
                      "off, fast or full");
  return tuning;
}

void set_tuning(Tuning tuning) { currentTuning() = tuning; }
Tuning tuning() { return currentTuning(); }

static std::atomic<Float32Precision> &currentFloat32Precision() {
  static std::atomic<Float32Precision> precision = fromEnvironment(
      "WEFT_FLOAT32_PRECISION",
      {Float32Precision::ieee, Float32Precision::tf32}, "ieee or tf32");
  return precision;
}

void set_float32_precision(Float32Precision precision) {
  currentFloat32Precision() = precision;
}
Float32Precision float32_precision() { return currentFloat32Precision(); }

static std::atomic<Compilation> currentCompilation = Compilation::allow;

void set_compilation(Compilation compilation) {
  currentCompilation = compilation;
}
Compilation compilation() { return currentCompilation; }

} // namespace weft
