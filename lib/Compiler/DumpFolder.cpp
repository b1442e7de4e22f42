// SPDX-License-Identifier: Apache-2.0
#include "DumpFolder.h"

#include "runtime/Log.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

#include <atomic>
#include <cstdlib>

namespace weft::compiler {

const std::string *dumpFolder() {
  static const std::string *folder = [] {
    const char *text = std::getenv("WEFT_DUMP_DIR");
    return text && *text ? new std::string(text) : nullptr; // never destroyed
  }();
  return folder;
}

/// Makes the first numbered folder that nobody has made yet: several threads
/// and processes may share WEFT_DUMP_DIR.
static StatusOr<std::string> makeNextFolder() {
  using namespace llvm::sys::fs;
  static std::atomic<int> last{0};
  std::error_code error = create_directories(*dumpFolder());
  while (!error) {
    std::string folder =
        llvm::formatv("{0}/{1,0+4}", *dumpFolder(), ++last).str();
    error = create_directory(folder, /*IgnoreExisting=*/false);
    if (!error)
      return folder;
    if (error == std::errc::file_exists)
      error.clear();
  }
  return failed_precondition_error(*dumpFolder() + ": " + error.message());
}

void dumpStages(const Stages &stages) {
  StatusOr<std::string> folder = makeNextFolder();
  Status status =
      folder.ok() ? writeFiles(filesOf(stages), *folder) : folder.status();
  static std::atomic<bool> warned{false};
  if (!status.ok() && !warned.exchange(true))
    runtime::log(LogLevel::warning, "WEFT_DUMP_DIR: nothing is written: " +
                                        std::string(status.message()));
}

} // namespace weft::compiler
