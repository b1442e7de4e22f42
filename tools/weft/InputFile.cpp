// SPDX-License-Identifier: Apache-2.0
#include "InputFile.h"

#include "llvm/Support/MemoryBuffer.h"

namespace weft::tools {

StatusOr<std::string> readFile(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return not_found_error(path +
                           ": cannot be read: " + buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

} // namespace weft::tools
