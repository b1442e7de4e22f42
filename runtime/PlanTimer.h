// SPDX-License-Identifier: Apache-2.0
// How long plans take on a GPU.
#pragma once

#include "runtime/Plan.h"
#include "runtime/Storage.h"
#include "weft/Core/Scalar.h"
#include "weft/Core/Status.h"

#include <memory>
#include <vector>

namespace weft::runtime {

class LoadedPlan;

/// Runs plans on memory and a stream of its own. Other work on the GPU disturbs
/// what it measures, so use one at a time.
class PlanTimer {
public:
  /// Memory for the inputs and outputs of `plan`, which must have no others.
  /// Inputs hold numbers of [-1, 1), since zeros are multiplied with less
  /// power and so faster. Errors: those of `Gpu::get`; out of memory.
  static StatusOr<std::unique_ptr<PlanTimer>> make(const Plan &plan,
                                                   Device device);
  PlanTimer(const PlanTimer &) = delete;
  PlanTimer &operator=(const PlanTimer &) = delete;
  ~PlanTimer();

  /// Microseconds of a run of `plan`, which has the inputs and outputs of the
  /// plan that this was made for: the median of several runs after some that do
  /// not count. Ends with the first that takes longer than `limit`. Errors:
  /// those of LoadedPlan.
  StatusOr<double> time(const Plan &plan, double limit) const;

private:
  explicit PlanTimer(Gpu &gpu) : gpu_(gpu) {}
  Status prepare(const Plan &plan, Device device);
  Status run(const LoadedPlan &plan) const;
  StatusOr<double> timeOnce(const LoadedPlan &plan) const;

  Gpu &gpu_;
  CudaStream stream_ = nullptr;
  CudaEvent begin_ = nullptr, end_ = nullptr;
  std::vector<std::shared_ptr<Storage>> memory_;
  std::vector<void *> inputs_, outputs_;
  std::vector<Scalar> scalars_;
};

} // namespace weft::runtime
