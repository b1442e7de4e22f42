// SPDX-License-Identifier: Apache-2.0
// What the benchmarks of `weft bench` share: their options, their list, and the
// tables they write.
#pragma once

#include "weft/Core/DType.h"
#include "weft/Core/Device.h"
#include "weft/Core/Shape.h"
#include "weft/Core/Status.h"

#include "llvm/Support/JSON.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::tools {

struct BenchOptions {
  Device device;
  std::vector<DType> dtypes;    // those a benchmark of several types runs
  std::optional<int64_t> batch; // of the inputs of networks
  bool quick = false;           // small shapes and few rounds
};

/// Prints tables while they are made, and keeps them for JSON.
///
///   report.method("Copies: ...");
///   report.table("relu", {"shape", "us"});
///   report.row({"2x3", 1.25});
class Report {
public:
  /// `isPrinted`: whether the tables go to standard output.
  Report(std::string benchmark, bool isPrinted);

  /// What is compared, and how: one paragraph.
  void method(std::string text);
  void table(std::string title, std::vector<std::string> columns);
  /// A cell for each column: text, or a number.
  void row(std::vector<llvm::json::Value> cells);

  llvm::json::Object json() const;

private:
  std::string benchmark_, method_;
  bool isPrinted_;
  std::vector<std::string> columns_;
  llvm::json::Array tables_;
};

/// "8192x4096"
std::string textOf(const Shape &shape);

struct Benchmark {
  std::string name, summary;
  Status (*run)(const std::string &name, const BenchOptions &options,
                Report &report);
  bool isOnHost = false; // whatever the device is, which may be missing then
};
/// All of them, in the order `all` runs them.
const std::vector<Benchmark> &benchmarks();

// Each but `compile`, which runs no kernels, checks its results first; a wrong
// one is an error.
Status benchNorm(const std::string &form, const BenchOptions &, Report &);
Status benchRows(const std::string &name, const BenchOptions &, Report &);
Status benchPermute(const std::string &name, const BenchOptions &, Report &);
Status benchResize(const std::string &name, const BenchOptions &, Report &);
Status benchLinear(const std::string &, const BenchOptions &, Report &);
Status benchConv(const std::string &, const BenchOptions &, Report &);
/// Whether this machine holds what benchConv needs for so many images.
Status checkConvBatch(int64_t batch);
Status benchFirstResult(const std::string &, const BenchOptions &, Report &);
Status benchTrace(const std::string &, const BenchOptions &, Report &);
Status benchNetwork(const std::string &name, const BenchOptions &, Report &);
Status benchCompile(const std::string &, const BenchOptions &, Report &);

/// The part of `first-result` that runs in a process of its own.
Status firstResultChild(const BenchOptions &options);

} // namespace weft::tools
