// SPDX-License-Identifier: Apache-2.0
// Times of calls on a device, several kinds of them in turn.
#pragma once

#include "weft/Core/Device.h"
#include "weft/Core/Status.h"

#include "runtime/Gpu.h"

#include <functional>
#include <memory>
#include <vector>

namespace weft::tools {

/// The middle and the least of some times, in seconds.
struct Times {
  double median = 0, least = 0;
};
Times timesOf(std::vector<double> seconds);

/// Enqueues call number `i`; rotates through its buffers by that number.
using Call = std::function<Status(int64_t i, runtime::CudaStream stream)>;

/// Measures calls by the wall clock on the CPU, and by events of the driver on
/// a GPU, where the calls of a round are one CUDA graph: launching them from
/// the host would take longer than small kernels do.
class BenchTimer {
public:
  static StatusOr<std::unique_ptr<BenchTimer>> create(Device device);
  virtual ~BenchTimer() = default;

  /// Adds a contender; a round makes `calls` calls of it.
  virtual Status add(Call call, int64_t calls) = 0;
  /// Times of one call of each contender: one round to warm up, then rounds
  /// that go through all contenders in turn, for so many seconds and at
  /// least 15.
  StatusOr<std::vector<Times>> measure(double atLeast);

protected:
  virtual size_t size() const = 0;
  /// Seconds for a call of a contender in one round.
  virtual StatusOr<double> round(size_t contender) = 0;
};

} // namespace weft::tools
