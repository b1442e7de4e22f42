// SPDX-License-Identifier: Apache-2.0
// trace: what recording an op costs, its destruction included, and recording
// and finding a whole network.
#include "Bench.h"
#include "BenchBuffers.h"
#include "BenchNetworks.h"
#include "BenchTimer.h"

#include "weft/Weft.h"

#include "lib/Compiler/KnownGraphs.h"

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

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

/// One chain, once: seconds to record and to destroy.
std::pair<double, double> once(const Chain &chain, const Tensor &x) {
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

Status timeChains(const std::string &name, const BenchOptions &options,
                  Report &report) {
  report.table(name + " on the host", {"op", "record ns", "destroy ns",
                                       "total ns", "allocs", "bytes"});
  std::vector<float> elements(16);
  Tensor x = Tensor::from_host<float>(elements, {{4, 4}}, options.device);
  for (const Chain &chain : kChains) {
    if (Status status = check(chain, x); !status.ok())
      return status;
    (void)once(chain, x); // leaves memory for the nodes to come
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

/// A network recorded anew while its graph is known, step by step.
Status timeNetwork(const BenchNetwork &network, const BenchOptions &options,
                   Report &report) {
  const BenchFunction net = network.make(options.device, float32);
  const std::vector<float> elements(
      static_cast<size_t>(network.input.num_elements()));
  const Tensor x =
      Tensor::from_host<float>(elements, network.input, options.device);
  compiler::KnownGraphs graphs(1);
  int64_t ops = 0;
  {
    const Tensor y = net({x});
    if (!y.ok())
      return y.status();
    compiler::Capture capture = compiler::capture({&y.node(), 1});
    ops = static_cast<int64_t>(capture.program.ops.size());
    graphs.add(compiler::KnownGraphs::signatureOf({&y.node(), 1}),
               std::move(capture.key), // is only to be found
               std::make_shared<const compiler::Sequence>());
  }
  std::vector<double> seconds[4];
  int64_t allocations = 0;
  for (int i = 0; i < (options.quick ? 50 : 2000); ++i) {
    allocations = -numAllocations;
    auto start = Clock::now();
    Tensor y = net({x});
    auto recorded = Clock::now();
    auto found = graphs.find({&y.node(), 1});
    auto done = Clock::now();
    if (!found)
      return internal_error("trace: " + network.name +
                            ": a known graph was not found");
    y = Tensor();
    found.reset();
    auto destroyed = Clock::now();
    allocations += numAllocations;
    size_t step = 0;
    for (auto duration : {recorded - start, done - recorded, destroyed - done,
                          destroyed - start})
      seconds[step++].push_back(Seconds(duration).count());
  }
  std::vector<llvm::json::Value> row = {network.name, ops};
  for (std::vector<double> &step : seconds)
    row.push_back(timesOf(std::move(step)).least * 1e6);
  row.push_back(static_cast<double>(allocations) / static_cast<double>(ops));
  report.row(std::move(row));
  return {};
}

Status timeAll(const std::string &name, const BenchOptions &options,
               Report &report) {
  report.method("Host time, the fastest of many rounds. Of chains of 1000 ops: "
                "recording and destroying them, in ns per\nop; allocations "
                "and bytes asked of operator new, per op. Of networks: "
                "recording them, finding what\ncomputes them, and destroying "
                "the graph. Nothing is evaluated.");
  if (Status status = timeChains(name, options, report); !status.ok())
    return status;
  report.table("networks recorded anew",
               {"network", "ops", "record us", "find us", "destroy us",
                "total us", "allocs/op"});
  for (const BenchNetwork &network : benchNetworks()) {
    if (options.quick && network.name != "digits")
      continue; // the weights of others take their time
    if (Status status = timeNetwork(network, options, report); !status.ok())
      return status;
    trim();
  }
  return {};
}

} // namespace

Status benchTrace(const std::string &name, const BenchOptions &asked,
                  Report &report) {
  // Recording is the same for every device, and needs none.
  BenchOptions options = asked;
  options.device = Device::cpu();
  const Device before = default_device();
  (void)set_default_device(options.device);
  Status status = timeAll(name, options, report);
  (void)set_default_device(before);
  return status;
}

} // namespace weft::tools
