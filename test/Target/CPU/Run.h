// SPDX-License-Identifier: Apache-2.0
// Runs the ops of a function as one kernel of the CPU back end.
#pragma once

#include "weft/Target/CPU/Compile.h"
#include "weft/Target/Reference/Interpreter.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <random>

namespace weft {

/// A function `@main` whose ops become one group.
class OneKernel {
public:
  /// `inPlace`: by result, the argument that it is written over, or -1.
  explicit OneKernel(const std::string &text,
                     const CpuTarget &target = CpuTarget::host(),
                     llvm::ArrayRef<int64_t> inPlace = {});

  bool ok() const { return kernel_.extent >= 0 && why_.empty(); }
  const std::string &why() const { return why_; }
  const CpuKernel &kernel() const { return kernel_; }

  /// Arguments from a fixed sequence of random numbers in [low, high].
  std::vector<reference::Value> randomArguments(double low = -4,
                                                double high = 4);
  /// The results, computed in pieces of odd sizes. `isInPlace`: written over
  /// arguments where they may be.
  std::vector<reference::Value> run(const std::vector<reference::Value> &,
                                    bool isInPlace = false);
  /// What the interpreter makes of the same function.
  std::vector<reference::Value> expect(const std::vector<reference::Value> &);

private:
  mlir::func::FuncOp main();
  void outline();
  std::vector<int> inPlaceArguments();

  mlir::MLIRContext context_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  mlir::OwningOpRef<mlir::ModuleOp> grouped_;
  CpuKernel kernel_;
  std::string why_;
  std::mt19937 random_{1};
};

/// Runs `text` on random arguments and compares with the interpreter: equal
/// integers, floats within `tolerance` of 1 + |expected|. Then in place.
void checkAgainstReference(const std::string &text, double tolerance = 1e-5,
                           double low = -4, double high = 4,
                           const CpuTarget &target = CpuTarget::host());

} // namespace weft
