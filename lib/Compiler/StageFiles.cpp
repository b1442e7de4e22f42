// SPDX-License-Identifier: Apache-2.0
// The stages of a compilation as files.
#include "weft/Compiler/Compiler.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <array>

using namespace llvm;

namespace weft::compiler {

/// `03-relu`: equal names are common, and files sort in the order of the
/// kernels.
static std::string numbered(size_t index, const KernelText &kernel) {
  std::string digits = std::to_string(index + 1);
  return (digits.size() < 2 ? "0" : "") + digits + "-" + kernel.name;
}

/// Columns as wide as their widest entry; the first one is text.
static std::string tableOf(ArrayRef<std::array<std::string, 7>> rows) {
  std::array<size_t, 7> widths = {};
  for (const auto &row : rows)
    for (auto [width, text] : zip(widths, row))
      width = std::max(width, text.size());
  std::string table;
  for (const auto &row : rows) {
    table += row[0] + std::string(widths[0] - row[0].size(), ' ');
    for (size_t i = 1; i < row.size(); ++i)
      table.append(2 + widths[i] - row[i].size(), ' ').append(row[i]);
    table += '\n';
  }
  return table;
}

/// What the kernels take; empty if nobody asked the assembler.
static std::string resourceTable(ArrayRef<KernelText> kernels) {
  std::vector<std::array<std::string, 7>> rows = {
      {"kernel", "registers", "stack bytes", "spill stores", "spill loads",
       "shared bytes", "barriers"}};
  for (auto [i, kernel] : enumerate(kernels))
    if (const auto &r = kernel.resources)
      rows.push_back(
          {numbered(i, kernel), std::to_string(r->registers),
           std::to_string(r->stackBytes), std::to_string(r->spillStoreBytes),
           std::to_string(r->spillLoadBytes),
           std::to_string(r->sharedBytes + kernel.dynamicSharedBytes),
           std::to_string(r->barriers)});
  return rows.size() == 1 ? "" : tableOf(rows);
}

std::vector<StageFile> filesOf(const Stages &stages) {
  std::vector<StageFile> files;
  auto add = [&](std::string_view stage, std::string name,
                 const std::string &text) {
    if (!text.empty())
      files.push_back({stage, std::move(name), text});
  };
  add("trace", "trace.mlir", stages.trace);
  add("graph", "graph.mlir", stages.graph);
  add("folded", "folded.mlir", stages.folded);
  add("fused", "fused.mlir", stages.fused);
  add("plan", "plan.mlir", stages.plan);
  bool isCpu = stages.device == Device::Kind::cpu;
  for (auto [i, kernel] : enumerate(stages.kernels)) {
    std::string name = "kernel-" + numbered(i, kernel);
    add(isCpu ? "llvm" : "cuda", name + (isCpu ? ".ll" : ".cu"), kernel.source);
    add("ptx", name + ".ptx", kernel.ptx);
  }
  add("resources", "resources.txt", resourceTable(stages.kernels));
  return files;
}

Status writeFiles(std::span<const StageFile> files, const std::string &folder) {
  if (std::error_code error = sys::fs::create_directories(folder))
    return failed_precondition_error(
        folder + ": cannot make the folder: " + error.message());
  for (const StageFile &file : files) {
    std::string path = folder + "/" + file.name;
    std::error_code error;
    raw_fd_ostream os(path, error);
    if (!error) {
      os << file.text;
      os.close();
      error = os.error();
      os.clear_error(); // reported here, not by the destructor
    }
    if (error)
      return failed_precondition_error(
          path + ": cannot be written: " + error.message());
  }
  return {};
}

} // namespace weft::compiler
