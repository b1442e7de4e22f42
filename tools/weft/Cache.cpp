// SPDX-License-Identifier: Apache-2.0
// weft cache: what is kept on disk between processes.
#include "Cache.h"
#include "Command.h"

#include "weft/Compiler/Compiler.h"

#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

namespace weft::tools {

static int run();
static Command command("cache",
                       "Print where compiled kernels are kept; with "
                       "`clear`, remove them",
                       run);
static cl::opt<std::string> action(cl::Positional, cl::desc("[clear]"),
                                   cl::sub(command));

static std::string counted(int64_t count, const char *one, const char *many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string bytesText(int64_t bytes) {
  if (bytes < 1024)
    return counted(bytes, "byte", "bytes");
  const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
  double size = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; size >= 1024 && unit < 3; ++unit)
    size /= 1024;
  return formatv("{0:F1} {1}", size, units[unit]).str();
}

/// Says nothing where nobody has tuned.
static std::string tunedText(runtime::DiskCache &cache) {
  int64_t tuned = cache.count(compiler::kTunedKey);
  return tuned == 0 ? ""
                    : "; " + counted(tuned, "tuned kernel", "tuned kernels");
}

std::string cacheText(runtime::DiskCache *cache) {
  if (!cache)
    return "none";
  if (Status status = cache->refusal(); !status.ok()) {
    StringRef why(status.message());
    why.consume_front("cache: ");
    return "refused: " + why.str();
  }
  runtime::DiskCache::Stats stats = cache->stats();
  return cache->folder() + ": " + counted(stats.entries, "entry", "entries") +
         ", " + bytesText(stats.bytes) + " of at most " +
         bytesText(cache->limit()) + tunedText(*cache);
}

static Status clear() {
  std::shared_ptr<runtime::DiskCache> cache = runtime::diskCache();
  if (!cache)
    return failed_precondition_error("cache: there is none: WEFT_CACHE_DIR is "
                                     "empty or no absolute path, or HOME is "
                                     "unset");
  StatusOr<runtime::DiskCache::Removed> removed = cache->clear();
  if (!removed.ok())
    return removed.status();
  print("removed " + counted(removed->entries, "entry", "entries") + ", " +
        bytesText(removed->bytes) + ", from " + cache->folder());
  return {};
}

static int run() {
  if (action == "clear")
    return exitCode(clear());
  if (!action.empty())
    return misuse(invalid_argument_error("cache: got \"" + action +
                                         "\", expected clear"));
  print(cacheText(runtime::diskCache().get()));
  return kSuccess;
}

} // namespace weft::tools
