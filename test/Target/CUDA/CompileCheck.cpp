// SPDX-License-Identifier: Apache-2.0
#include "CompileCheck.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

namespace weft::cuda_tests {

static bool knows(const runtime::Nvrtc &nvrtc,
                  const std::string &architecture) {
  // atoi stops at the suffix.
  int capability = std::atoi(architecture.c_str() + std::strlen("sm_"));
  std::vector<int> known = nvrtc.supportedArchs();
  return std::binary_search(known.begin(), known.end(), capability);
}

/// The lines of a log, but for those about as much as a call of one of CUDA's
/// own functions (the reduction of large angles) keeps in memory.
static std::string withoutSmallSpills(const std::string &log) {
  static const std::regex spill("Registers are spilled .* ([0-9]+) bytes spill "
                                "stores");
  constexpr int ofCalls = 16;
  std::istringstream lines(log);
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    bool small = std::regex_search(line, match, spill) &&
                 std::atoi(match[1].str().c_str()) <= ofCalls;
    if (!small && !line.empty())
      kept += line + "\n";
  }
  return kept;
}

std::vector<std::string>
findWarnings(const runtime::Nvrtc &nvrtc, const std::string &architecture,
             std::span<const emulator::Source> sources) {
  std::vector<const emulator::Source *> work;
  std::set<std::string_view> texts;
  if (knows(nvrtc, architecture))
    for (const emulator::Source &source : sources)
      if (texts.insert(source.text).second)
        work.push_back(&source);
  std::vector<std::string> warnings;
  std::mutex mutex;
  std::atomic<size_t> next = 0;
  auto compileSome = [&] {
    for (size_t i = next++; i < work.size(); i = next++) {
      auto compiled = nvrtc.compile(work[i]->text, work[i]->name, architecture);
      std::string log = compiled.ok() ? withoutSmallSpills(compiled->log)
                                      : compiled.status().to_string();
      if (log.empty())
        continue;
      std::lock_guard lock(mutex);
      warnings.push_back(work[i]->name + ": " + log);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency());
       ++i)
    threads.emplace_back(compileSome);
  for (std::thread &thread : threads)
    thread.join();
  std::sort(warnings.begin(), warnings.end());
  return warnings;
}

} // namespace weft::cuda_tests
