// SPDX-License-Identifier: Apache-2.0
// The tiles of kernels, compiled and timed on a GPU.
#include "GpuMeter.h"

#include <algorithm>
#include <chrono>
#include <cmath>

using namespace mlir;
using namespace weft::ir;

namespace weft::compiler {

/// A plan that launches the kernel of a group `times` times.
static runtime::Plan planOf(GroupOp group, const LaunchableKernel &kernel,
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
static int64_t lengthOfChain(const CudaKernel &kernel) {
  constexpr double cycles = 350'000;
  return std::lround(std::clamp(cycles / kernel.cycles, 4.0, 32.0));
}

GpuMeter::GpuMeter(llvm::ArrayRef<const Tunable *> kernels,
                   const Target &target)
    : kernels_(kernels), target_(target), made_(kernels.size()) {
  for (size_t i = 0; i < kernels.size(); ++i)
    made_[i].tiles.resize(kernels[i]->kernel.tiles.size());
}

Status GpuMeter::compile(size_t kernel, size_t tile) {
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

StatusOr<double> GpuMeter::time(size_t kernel, size_t tile, double limit) {
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
void GpuMeter::finish(size_t kernel, std::optional<size_t> fastest) {
  if (fastest) {
    const auto &[text, code] = made_[kernel].tiles[*fastest];
    keepCode(text, target_, code);
  }
  made_[kernel] = {};
}

double GpuMeter::now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

} // namespace weft::compiler
