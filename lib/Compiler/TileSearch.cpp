// SPDX-License-Identifier: Apache-2.0
// Which tile of a kernel is the fastest.
#include "TileSearch.h"

#include "Progress.h"

#include "runtime/ThreadPool.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace weft::compiler {

/// Two times of one kernel differ by this much.
static constexpr double kNoise = 0.02;
/// A tile that is slower than the best by this factor is not timed to the end.
static constexpr double kHopeless = 1.3;

SearchLimits limitsOf(Tuning tuning) {
  if (tuning == Tuning::fast)
    return {.tiles = 6, .seconds = 2};
  return {};
}

namespace {

class Search {
public:
  Search(llvm::ArrayRef<size_t> numTiles, const SearchLimits &limits,
         TileMeter &meter)
      : numTiles_(numTiles), limits_(limits), meter_(meter),
        end_(meter.now() + limits.seconds), results_(numTiles.size()),
        progress_(Activity::tuning, count(numTiles)) {}

  std::vector<TunedKernel> run();

private:
  /// A tile of a kernel.
  struct Candidate {
    size_t kernel, tile;
    bool isLate = false;
    Status compiled = {};
  };

  size_t numTried(size_t kernel) const {
    return std::min(numTiles_[kernel], limits_.tiles);
  }
  int64_t count(llvm::ArrayRef<size_t> kernels) const {
    int64_t sum = 0;
    for (size_t i = 0; i < kernels.size(); ++i)
      sum += static_cast<int64_t>(numTried(i));
    return sum;
  }
  bool isLate() { return meter_.now() >= end_; }

  std::vector<Candidate> nextRound(size_t &next) const;
  void compile(std::vector<Candidate> &round);
  void time(Candidate &candidate);
  void timeAgain(size_t kernel);

  llvm::ArrayRef<size_t> numTiles_;
  SearchLimits limits_;
  TileMeter &meter_;
  double end_;
  std::vector<TunedKernel> results_;
  ProgressCount progress_;
};

/// Whole kernels, enough of them for all threads.
std::vector<Search::Candidate> Search::nextRound(size_t &next) const {
  std::vector<Candidate> round;
  for (; next < numTiles_.size() &&
         round.size() < static_cast<size_t>(num_threads());
       ++next)
    for (size_t tile = 0; tile < numTried(next); ++tile)
      round.push_back({next, tile});
  return round;
}

void Search::compile(std::vector<Candidate> &round) {
  runtime::parallelFor(
      static_cast<int64_t>(round.size()), 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          Candidate &each = round[static_cast<size_t>(i)];
          each.isLate = isLate();
          if (!each.isLate)
            each.compiled = meter_.compile(each.kernel, each.tile);
        }
      });
}

void Search::time(Candidate &candidate) {
  TunedKernel &result = results_[candidate.kernel];
  candidate.isLate |= isLate();
  if (candidate.isLate) {
    result.isOfAll = false;
    return;
  }
  StatusOr<double> time = candidate.compiled.ok()
                              ? meter_.time(candidate.kernel, candidate.tile,
                                            result.after * kHopeless)
                              : StatusOr<double>(candidate.compiled);
  if (!time.ok()) {
    ++result.failed;
    return;
  }
  ++result.timed;
  if (candidate.tile == 0)
    result.before = *time;
  if (*time >= result.after)
    return;
  result.after = *time;
  result.tile = candidate.tile;
}

/// The first tile was timed when the device came from rest, with low clocks. It
/// has another try against the one that seems to be faster.
void Search::timeAgain(size_t kernel) {
  TunedKernel &result = results_[kernel];
  if (!result.tile || *result.tile == 0 || std::isinf(result.before))
    return;
  for (auto [tile, least] : {std::pair(size_t(0), &result.before),
                             std::pair(*result.tile, &result.after)})
    if (StatusOr<double> time = meter_.time(kernel, tile, *least * kHopeless);
        time.ok())
      *least = std::min(*least, *time);
  if (result.after < result.before * (1 - kNoise))
    return;
  result.tile = 0;
  result.after = result.before;
}

std::vector<TunedKernel> Search::run() {
  for (size_t next = 0; next < numTiles_.size() && !isLate();) {
    const size_t first = next;
    std::vector<Candidate> round = nextRound(next);
    compile(round);
    for (size_t kernel = first; kernel < next; ++kernel)
      results_[kernel].isOfAll = numTried(kernel) == numTiles_[kernel];
    for (Candidate &candidate : round) {
      time(candidate);
      progress_.addDone();
    }
    for (size_t kernel = first; kernel < next; ++kernel) {
      timeAgain(kernel);
      meter_.finish(kernel, results_[kernel].tile);
    }
  }
  return std::move(results_);
}

} // namespace

std::vector<TunedKernel> searchTiles(llvm::ArrayRef<size_t> numTiles,
                                     const SearchLimits &limits,
                                     TileMeter &meter) {
  return Search(numTiles, limits, meter).run();
}

} // namespace weft::compiler
