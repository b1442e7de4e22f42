// SPDX-License-Identifier: Apache-2.0
// Chooses the tiles of a program's kernels by timing them on the GPU.
#include "Tune.h"

#include "BuildId.h"
#include "GpuMeter.h"

#include "weft/Compiler/Compiler.h"

#include "runtime/DiskCache.h"
#include "runtime/Log.h"
#include "runtime/Nvrtc.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"

#include <chrono>
#include <cmath>
#include <mutex>
#include <tuple>

using namespace mlir;
using namespace weft::ir;

namespace weft::compiler {
namespace {

/// Names of the fastest tiles, kept in memory and on disk.
class KnownTiles {
public:
  explicit KnownTiles(const Target &target) {
    static const std::string *build = new std::string(buildId());
    StatusOr<const runtime::Nvrtc *> nvrtc = runtime::Nvrtc::get();
    isOnDisk_ = !build->empty();
    surroundings_ = *build + "\n" + target.arch + "\n" +
                    std::string(name(target.float32Precision)) + "\n" +
                    target.gpu + "\n" +
                    std::to_string(nvrtc.ok() ? (*nvrtc)->version() : 0) + "\n";
  }

  /// Nothing if it has to be measured. What was found among all tiles serves
  /// those who ask for the best of a few.
  std::optional<std::string> find(const Tunable &kernel, Tuning tuning) const {
    for (bool isOfAll : {true, false})
      if (isOfAll || tuning == Tuning::fast)
        if (auto tile = find(keyOf(kernel, isOfAll)))
          if (llvm::is_contained(kernel.kernel.tiles, *tile))
            return tile;
    return std::nullopt;
  }

  void keep(const Tunable &kernel, const std::string &tile,
            bool isOfAll) const {
    std::string key = keyOf(kernel, isOfAll);
    (void)memory().get(key, [&]() -> OnceMap<std::string>::Result {
      return std::make_shared<const std::string>(tile);
    });
    if (auto disk = runtime::diskCache(); disk && isOnDisk_)
      disk->put(key, tile);
  }

private:
  static OnceMap<std::string> &memory() {
    static auto *tiles = new OnceMap<std::string>(4096); // never destroyed
    return *tiles;
  }

  std::string keyOf(const Tunable &kernel, bool isOfAll) const {
    return std::string(kTunedKey) + (isOfAll ? "all " : "some ") +
           surroundings_ + kernel.text;
  }

  std::optional<std::string> find(const std::string &key) const {
    if (std::shared_ptr<const std::string> tile = memory().find(key))
      return *tile;
    if (auto disk = runtime::diskCache(); disk && isOnDisk_)
      return disk->get(key);
    return std::nullopt;
  }

  std::string surroundings_;
  bool isOnDisk_ = false;
};

/// Different kernels with a choice, those with most work first.
std::vector<Tunable> tunablesOf(llvm::ArrayRef<GroupOp> groups,
                                const Target &target) {
  std::vector<Tunable> all;
  llvm::StringSet<> seen;
  for (GroupOp group : groups)
    if (std::string text = groupText(group); seen.insert(text).second)
      all.push_back({group, std::move(text), {}});
  inParallel(all.size(), [&](size_t i) {
    // A group without a kernel says why when that is asked for in earnest.
    if (auto kernel = emitKernel(all[i].group, target, ""); kernel.ok())
      all[i].kernel = std::move(*kernel);
  });
  llvm::erase_if(all, [](const Tunable &tunable) {
    return tunable.kernel.tiles.size() < 2;
  });
  llvm::sort(all, [](const Tunable &a, const Tunable &b) {
    return std::tie(b.kernel.cycles, a.text) <
           std::tie(a.kernel.cycles, b.text);
  });
  return all;
}

std::string timeText(double microseconds) {
  return std::isinf(microseconds)
             ? "unknown"
             : llvm::formatv("{0:F1} us", microseconds).str();
}

void logResult(const Tunable &tunable, const TunedKernel &result) {
  if (!runtime::logEnabled(LogLevel::debug))
    return;
  const std::vector<std::string> &tiles = tunable.kernel.tiles;
  runtime::log(LogLevel::debug,
               llvm::formatv("kernel {0}: tiles: {1}, timed: {2}, failed: {3}; "
                             "takes {4} with {5}, {6} with {7}",
                             tunable.kernel.name, tiles.size(), result.timed,
                             result.failed, timeText(result.after),
                             tiles[*result.tile], timeText(result.before),
                             tiles[0])
                   .str());
}

/// What `tune` says in the end.
struct Summary {
  size_t timed = 0, known = 0, leftToModel = 0;
};

void log(const Summary &did, const KernelTiles &tiles, Tuning tuning,
         std::chrono::steady_clock::time_point start) {
  runtime::log(LogLevel::info,
               llvm::formatv("tuning ({0}) took {1}; kernels timed: {2}, known "
                             "before: {3}, left to the model: {4}; not as the "
                             "model would have it: {5}",
                             std::string(name(tuning)),
                             runtime::millisecondsSince(start), did.timed,
                             did.known, did.leftToModel, tiles.size())
                   .str());
}

} // namespace

KernelTiles tune(llvm::ArrayRef<GroupOp> groups, const Target &target) {
  if (groups.empty())
    return {};
  // Two at once would disturb each other, and do the same work.
  static std::mutex &tuning = *new std::mutex;
  std::lock_guard<std::mutex> lock(tuning);
  ThreadedContext threads(*groups[0]->getContext());
  auto start = std::chrono::steady_clock::now();
  const std::vector<Tunable> all = tunablesOf(groups, target);
  if (all.empty())
    return {};
  const KnownTiles known(target);
  KernelTiles tiles;
  // The model's choice is what kernels have without a word.
  auto choose = [&](const Tunable &tunable, const std::string &tile) {
    if (tile != tunable.kernel.tiles[0])
      tiles[tunable.text] = tile;
  };
  std::vector<const Tunable *> unknown;
  std::vector<size_t> numTiles;
  for (const Tunable &tunable : all)
    if (auto tile = known.find(tunable, target.tuning)) {
      choose(tunable, *tile);
    } else {
      unknown.push_back(&tunable);
      numTiles.push_back(tunable.kernel.tiles.size());
    }
  GpuMeter meter(unknown, target);
  auto results = searchTiles(numTiles, limitsOf(target.tuning), meter);
  Summary did{.known = all.size() - unknown.size()};
  for (auto [tunable, result] : llvm::zip_equal(unknown, results)) {
    ++(result.tile ? did.timed : did.leftToModel);
    if (!result.tile)
      continue;
    const std::string &tile = tunable->kernel.tiles[*result.tile];
    choose(*tunable, tile);
    known.keep(*tunable, tile, result.isOfAll);
    logResult(*tunable, result);
  }
  log(did, tiles, target.tuning, start);
  return tiles;
}

} // namespace weft::compiler
