// SPDX-License-Identifier: Apache-2.0
// The tiles of kernels, compiled and timed on a GPU.
#pragma once

#include "Kernels.h"
#include "TileSearch.h"

#include "runtime/PlanTimer.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weft::compiler {

/// A kernel that has a choice of tiles.
struct Tunable {
  ir::GroupOp group;
  std::string text;  // its groupText
  CudaKernel kernel; // with the tile that the model chooses
};

/// Measures kernels as a program runs them: with arguments of their sizes, and
/// one behind the other.
class GpuMeter final : public TileMeter {
public:
  GpuMeter(llvm::ArrayRef<const Tunable *> kernels, const Target &target);

  Status compile(size_t kernel, size_t tile) override;
  StatusOr<double> time(size_t kernel, size_t tile, double limit) override;
  void finish(size_t kernel, std::optional<size_t> fastest) override;
  double now() override;

private:
  /// Of a kernel: what is compiled, and the memory it works on.
  struct Made {
    std::vector<std::pair<CudaKernel, std::string>> tiles; // texts, code
    std::unique_ptr<runtime::PlanTimer> timer;
  };

  llvm::ArrayRef<const Tunable *> kernels_;
  const Target &target_;
  std::vector<Made> made_;
};

} // namespace weft::compiler
