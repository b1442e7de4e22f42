// SPDX-License-Identifier: Apache-2.0
// trace: what recording an op costs, its destruction included.
#include "Bench.h"
#include "BenchTimer.h"

#include "weft/Weft.h"

#include <chrono>
#include <cstdlib>
#include <new>

// Every allocation of the tool is counted, those of the library among them.
static thread_local int64_t numAllocations = 0, numBytes = 0;

static void *countedAllocation(std::size_t bytes) {
  ++numAllocations;
  numBytes += static_cast<int64_t>(bytes);
  if (void *memory = std::malloc(bytes ? bytes : 1))
    return memory;
  std::abort();
}

void *operator new(std::size_t bytes) { return countedAllocation(bytes); }
void *operator new[](std::size_t bytes) { return countedAllocation(bytes); }
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete[](void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void *memory, std::size_t) noexcept {
  std::free(memory);
}

namespace weft::tools {
namespace {

struct Chain {
  const char *name;
  Tensor (*step)(const Tensor &x, const Tensor &other);
};

constexpr Chain kChains[] = {
    {"relu(x)", [](const Tensor &x, const Tensor &) { return relu(x); }},
    {"x + y", [](const Tensor &x, const Tensor &y) { return x + y; }},
    {"x * 2", [](const Tensor &x, const Tensor &) { return x * 2; }},
    {"reshape(x, {...})",
     [](const Tensor &x, const Tensor &) {
       return reshape(x, x.shape()[0] == 4 ? Shape{2, 8} : Shape{4, 4});
     }},
    {"permute(x, {1, 0})",
     [](const Tensor &x, const Tensor &) { return permute(x, {1, 0}); }},
};

constexpr int kOps = 1000;

/// One chain, once: seconds to record and to destroy.
std::pair<double, double> once(const Chain &chain, const Tensor &x) {
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;
  auto start = Clock::now();
  Tensor y = x;
  for (int i = 0; i < kOps; ++i)
    y = chain.step(y, x);
  auto recorded = Clock::now();
  y = Tensor();
  return {Seconds(recorded - start).count(),
          Seconds(Clock::now() - recorded).count()};
}

/// The chain is recorded as written, and means what it says.
Status check(const Chain &chain, const Tensor &x) {
  std::vector<float> twos(16, 2);
  Tensor two = Tensor::from_host<float>(twos, x.shape(), x.device());
  Tensor y = chain.step(two, two);
  StatusOr<std::vector<float>> values = y.to_vector<float>();
  if (!values.ok())
    return values.status();
  std::string name = chain.name;
  float want = name == "x + y" || name == "x * 2" ? 4 : 2;
  for (float value : *values)
    if (value != want)
      return internal_error("trace: " + name + ": expected " +
                            std::to_string(want) + ", got " +
                            std::to_string(value));
  return {};
}

} // namespace

Status benchTrace(const std::string &name, const BenchOptions &options,
                  Report &report) {
  report.method("Host time of recording chains of 1000 ops and of destroying "
                "them, in ns per op, the fastest of many\nrounds; allocations "
                "and bytes asked of operator new, per op. Nothing is "
                "evaluated.");
  report.table(name + " on the host", {"op", "record ns", "destroy ns",
                                       "total ns", "allocs", "bytes"});
  std::vector<float> elements(16);
  Tensor x = Tensor::from_host<float>(elements, {{4, 4}}, options.device);
  for (const Chain &chain : kChains) {
    if (Status status = check(chain, x); !status.ok())
      return status;
    int64_t allocations = numAllocations, bytes = numBytes;
    (void)once(chain, x);
    allocations = numAllocations - allocations, bytes = numBytes - bytes;
    std::vector<double> record, destroy, total;
    for (int i = 0; i < (options.quick ? 50 : 1000); ++i) {
      auto [recorded, destroyed] = once(chain, x);
      record.push_back(recorded);
      destroy.push_back(destroyed);
      total.push_back(recorded + destroyed);
    }
    auto perOp = [](std::vector<double> seconds) {
      return timesOf(std::move(seconds)).least * 1e9 / kOps;
    };
    report.row({chain.name, perOp(record), perOp(destroy), perOp(total),
                static_cast<double>(allocations) / kOps,
                static_cast<double>(bytes) / kOps});
  }
  return {};
}

} // namespace weft::tools
