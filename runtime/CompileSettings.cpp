// SPDX-License-Identifier: Apache-2.0
// How graphs are compiled, and whether: settings of the process.
#include "runtime/Log.h"
#include "weft/Runtime.h"

#include <atomic>
#include <cstdlib>

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

std::string_view name(Compilation compilation) {
  switch (compilation) {
  case Compilation::allow:
    return "allow";
  case Compilation::forbid:
    return "forbid";
  }
  return "unknown";
}

static Tuning tuningFromEnvironment() {
  const char *text = std::getenv("WEFT_TUNING");
  if (!text || !*text)
    return Tuning::off;
  for (Tuning tuning : {Tuning::off, Tuning::fast, Tuning::full})
    if (text == name(tuning))
      return tuning;
  runtime::log(LogLevel::warning, "WEFT_TUNING: got \"" + std::string(text) +
                                      "\", expected off, fast or full");
  return Tuning::off;
}

static std::atomic<Tuning> &currentTuning() {
  static std::atomic<Tuning> tuning = tuningFromEnvironment();
  return tuning;
}

void set_tuning(Tuning tuning) { currentTuning() = tuning; }
Tuning tuning() { return currentTuning(); }

static std::atomic<Compilation> currentCompilation = Compilation::allow;

void set_compilation(Compilation compilation) {
  currentCompilation = compilation;
}
Compilation compilation() { return currentCompilation; }

} // namespace weft
