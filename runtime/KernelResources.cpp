// SPDX-License-Identifier: Apache-2.0
#include "runtime/KernelResources.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace weft::runtime {

static bool contains(std::string_view line, std::string_view text) {
  return line.find(text) != std::string_view::npos;
}

/// The number before `what`: 32 in "Used 32 registers, ..." for " registers";
/// 0 where the line does not speak of it.
static int64_t numberBefore(std::string_view line, std::string_view what) {
  size_t end = line.find(what);
  if (end == std::string_view::npos)
    return 0;
  size_t begin = end;
  while (begin > 0 && line[begin - 1] >= '0' && line[begin - 1] <= '9')
    --begin;
  int64_t number = 0; // stays 0 without digits
  std::from_chars(line.data() + begin, line.data() + end, number);
  return number;
}

// The report of one kernel, as NVRTC 12 and 13 write it:
//
//   ptxas info    : Compiling entry function 'relu' for 'sm_90a'
//   ptxas info    : Function properties for relu
//   ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes ...
//   ptxas info    : Used 32 registers, used 1 barriers, 1200 bytes smem
//
// A function that was not inlined has properties of its own before the last
// line; the stack frame and the spills counted are those of the kernel.
StatusOr<KernelResources> readAssemblerReport(std::string_view log,
                                              std::string_view kernel) {
  const std::string entry =
      "Compiling entry function '" + std::string(kernel) + "' ";
  const std::string properties =
      "Function properties for " + std::string(kernel);
  KernelResources resources;
  bool inEntry = false, inProperties = false;
  while (!log.empty()) {
    std::string_view line = log.substr(0, log.find('\n'));
    log.remove_prefix(std::min(line.size() + 1, log.size()));
    if (contains(line, "Compiling entry function"))
      inEntry = contains(line, entry);
    if (contains(line, "Function properties for"))
      inProperties = inEntry && line.ends_with(properties);
    if (inProperties && contains(line, " bytes stack frame")) {
      resources.stackBytes = numberBefore(line, " bytes stack frame");
      resources.spillStoreBytes = numberBefore(line, " bytes spill stores");
      resources.spillLoadBytes = numberBefore(line, " bytes spill loads");
    }
    if (inEntry && contains(line, " registers")) {
      resources.registers = numberBefore(line, " registers");
      resources.barriers = numberBefore(line, " barriers");
      resources.sharedBytes = numberBefore(line, " bytes smem");
      return resources;
    }
  }
  return not_found_error("assembler's report: nothing about kernel \"" +
                         std::string(kernel) + "\"");
}

} // namespace weft::runtime
