// SPDX-License-Identifier: Apache-2.0
// Chooses the tiles of a program's kernels by timing them on the GPU.
#include "Tune.h"

#include "BuildId.h"
#include "Kernels.h"
#include "TileSearch.h"

#include "weft/Compiler/Compiler.h"

#include "runtime/DiskCache.h"
#include "runtime/Gpu.h"
#include "runtime/Log.h"
#include "runtime/Nvrtc.h"
#include "runtime/PlanTimer.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>
#include <tuple>

using namespace mlir;
using namespace weft::ir;

namespace weft::compiler {
namespace {

/// A kernel that has a choice of tiles, as the model would have it.
struct Tunable {
  GroupOp group;
  std::string text; // its groupText
  CudaKernel kernel;
};

// ---- what is known ----------------------------------------------------------

/// Names of the fastest tiles, kept in memory and on disk.
class KnownTiles {
public:
  explicit KnownTiles(const Target &target) {
    static const std::string *build = new std::string(buildId());
    StatusOr<const runtime::Nvrtc *> nvrtc = runtime::Nvrtc::get();
    isOnDisk_ = !build->empty();
    surroundings_ = *build + "\n" + target.arch + "\n" + target.gpu + "\n" +
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

// ---- measuring --------------------------------------------------------------

/// A plan that launches the kernel of a group `times` times.
runtime::Plan planOf(GroupOp group, const LaunchableKernel &kernel,
                     int64_t times) {
  using Kind = runtime::BufferRef::Kind;
  runtime::Plan plan;
  plan.device = Device::Kind::gpu;
  plan.kernels.push_back(kernel.kernel);
  runtime::Launch launch = kernel.shape;
  auto addBuffer = [&](Kind kind, std::vector<runtime::TensorSpec> &specs,
                       Type type) {
    runtime::Argument argument;
    argument.buffer = {kind, static_cast<int64_t>(specs.size())};
    launch.arguments.push_back(argument);
    specs.push_back(specOf(type));
  };
  for (Value input : group.getInputs()) {
    if (isa<RankedTensorType>(input.getType())) {
      addBuffer(Kind::input, plan.inputs, input.getType());
      continue;
    }
    runtime::Argument argument;
    argument.isScalar = true;
    argument.scalar = static_cast<int32_t>(plan.scalars.size());
    argument.scalarType = toDType(input.getType());
    launch.arguments.push_back(argument);
    plan.scalars.push_back(argument.scalarType);
  }
  for (Value result : group.getResults())
    addBuffer(Kind::output, plan.outputs, result.getType());
  plan.launches.push_back(std::move(launch));
  plan.steps.assign(static_cast<size_t>(times), 0);
  return plan;
}

/// Kernels start before the one in front of them ends, so a chain of them is
/// timed: some 200 microseconds of work.
int64_t lengthOfChain(const CudaKernel &kernel) {
  constexpr double cycles = 350'000;
  return std::lround(std::clamp(cycles / kernel.cycles, 4.0, 32.0));
}

class GpuMeter final : public TileMeter {
public:
  GpuMeter(llvm::ArrayRef<const Tunable *> kernels, const Target &target)
      : kernels_(kernels), target_(target), made_(kernels.size()) {
    for (size_t i = 0; i < kernels.size(); ++i)
      made_[i].tiles.resize(kernels[i]->kernel.tiles.size());
  }

  Status compile(size_t kernel, size_t tile) override {
    const Tunable &tunable = *kernels_[kernel];
    StatusOr<CudaKernel> emitted =
        emitKernel(tunable.group, target_, tunable.kernel.tiles[tile]);
    if (!emitted.ok())
      return emitted.status();
    StatusOr<std::string> code = codeOf(*emitted, target_, /*isKept=*/false);
    if (!code.ok())
      return code.status();
    made_[kernel].tiles[tile] = {std::move(*emitted), std::move(*code)};
    return {};
  }

  StatusOr<double> time(size_t kernel, size_t tile, double limit) override {
    const Tunable &tunable = *kernels_[kernel];
    Made &made = made_[kernel];
    const auto &[text, code] = made.tiles[tile];
    const int64_t length = lengthOfChain(tunable.kernel);
    runtime::Plan plan = planOf(tunable.group, launchable(text, code), length);
    if (!made.timer) {
      auto timer = runtime::PlanTimer::make(plan, Device::gpu(target_.index));
      if (!timer.ok())
        return timer.status();
      made.timer = std::move(*timer);
    }
    const auto scale = static_cast<double>(length);
    StatusOr<double> time = made.timer->time(plan, limit * scale);
    if (!time.ok())
      return time;
    return *time / scale;
  }

  /// The code of tiles that lost is not worth its place on disk.
  void finish(size_t kernel, std::optional<size_t> fastest) override {
    if (fastest) {
      const auto &[text, code] = made_[kernel].tiles[*fastest];
      keepCode(text, target_, code);
    }
    made_[kernel] = {};
  }

  double now() override {
    return std::chrono::duration<double>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }

private:
  /// Of a kernel: what is compiled, and the memory it works on.
  struct Made {
    std::vector<std::pair<CudaKernel, std::string>> tiles;
    std::unique_ptr<runtime::PlanTimer> timer;
  };

  llvm::ArrayRef<const Tunable *> kernels_;
  const Target &target_;
  std::vector<Made> made_;
};

// ---- the whole --------------------------------------------------------------

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
  for (const Tunable &tunable : all) {
    if (auto tile = known.find(tunable, target.tuning)) {
      choose(tunable, *tile);
      continue;
    }
    unknown.push_back(&tunable);
    numTiles.push_back(tunable.kernel.tiles.size());
  }
  GpuMeter meter(unknown, target);
  std::vector<TunedKernel> results =
      searchTiles(numTiles, limitsOf(target.tuning), meter);
  size_t numTimed = 0;
  for (auto [tunable, result] : llvm::zip_equal(unknown, results)) {
    if (!result.tile)
      continue;
    ++numTimed;
    const std::string &tile = tunable->kernel.tiles[*result.tile];
    choose(*tunable, tile);
    known.keep(*tunable, tile, result.isOfAll);
    logResult(*tunable, result);
  }
  runtime::log(LogLevel::info,
               llvm::formatv("tuning ({0}) took {1}; kernels timed: {2}, known "
                             "before: {3}, left to the model: {4}; not as the "
                             "model would have it: {5}",
                             std::string(name(target.tuning)),
                             runtime::millisecondsSince(start), numTimed,
                             all.size() - unknown.size(),
                             unknown.size() - numTimed, tiles.size())
                   .str());
  return tiles;
}

} // namespace weft::compiler
