// SPDX-License-Identifier: Apache-2.0
// Groups that the tests of emitted kernels share, run in the reference
// interpreter for what they must give.
#pragma once

#include "weft/IR/Dialect.h"
#include "weft/Target/CUDA/Emit.h"
#include "weft/Target/Reference/Interpreter.h"

#include <algorithm>
#include <string>
#include <vector>

namespace weft::cuda_tests {

/// Kernels for it run on every architecture of the tests.
inline constexpr const char *kBaselineArch = "sm_80";

/// A group as text. `inputs` declares its arguments (`%x: tensor<2xf32>, %n:
/// i64`), `body` computes values from them, `results` names those it yields
/// with their types (`%y : tensor<2xf32>`).
struct Case {
  std::string name, inputs, body, results;
  std::string schedule = ""; // `row`; empty: none is given
  std::string arch = kBaselineArch;
  std::string tile = "";       // by name; empty: the one that should be fastest
  int64_t multiprocessors = 0; // 0: those of a large device
  bool tf32 = false; // float32 products; of inputs that TF32 has, to be exact
};

/// Groups of every schedule, type and awkward size.
const std::vector<Case> &allCases();

/// x [2, 4, 20, width], four heads of 20 rows, as rows of 4 * width elements in
/// a product: neighbours in a row are neighbours in memory within a head.
Case headsCase(int64_t width);

/// The kernel of a case.
class Emitted {
public:
  /// `isInPlace`: results are written over operands where they may be.
  explicit Emitted(const Case &case_, bool isInPlace = false);

  bool ok() const { return error.empty(); }
  bool runsInPlace() const;
  std::string name, error;
  std::string arch; // that the kernel is for
  CudaKernel kernel;
  std::vector<int64_t> inPlace; // by result: the input that it replaces, or -1
};

/// A case made ready: its kernel, its inputs and the values that it must give.
class Prepared : public Emitted {
public:
  explicit Prepared(const Case &case_, bool isInPlace = false);

  /// The argument, an input or a result behind them, that holds the memory of
  /// this one.
  size_t placeOf(size_t argument) const;
  std::vector<reference::Value> inputs, expected;
  std::vector<bool> isScalar; // of inputs: passed by value

  /// Whether `outputs` are the expected values but for rounding; else why not.
  std::string compare(const std::vector<reference::Value> &outputs) const;
};

/// The elements of a value as they lie in memory, at a 64-byte boundary.
class Memory {
public:
  explicit Memory(const reference::Value &value);
  Memory(DType dtype, const Shape &shape); // filled with 0xa5
  void *data() { return bytes_.data(); }
  /// Of the elements and what lies behind them.
  size_t capacity() const { return bytes_.size() * sizeof(Line); }
  reference::Value read(DType dtype, const Shape &shape);
  /// Whether what lies behind the elements is as it was.
  bool isIntact() const;

private:
  struct alignas(64) Line {
    unsigned char bytes[64];
  };
  std::vector<Line> bytes_;
  size_t size_ = 0;
};

} // namespace weft::cuda_tests
