// SPDX-License-Identifier: Apache-2.0
// The meaning of a graph: an interpreter that is slow and obvious, and that the
// tests hold both back ends and every pass against.
#pragma once

#include "weft/Core/DType.h"
#include "weft/Core/Shape.h"
#include "weft/Core/Status.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace weft::reference {

/// A tensor, elements in row-major order: `reals` of a floating-point type,
/// `ints` of all others (bool as 0 and 1). The other list is empty.
struct Value {
  DType dtype = DType::float32;
  Shape shape;
  std::vector<double> reals;
  std::vector<int64_t> ints;

  bool isReal() const { return is_floating(dtype); }
  int64_t size() const { return shape.num_elements(); }
  /// Element `i` as a number, whatever the type.
  double at(int64_t i) const;
};

/// A value whose elements are all 0.
Value zeros(DType dtype, const Shape &shape);
/// The elements of an array in memory, and back: floats round once.
Value fromMemory(DType dtype, const Shape &shape, const void *data);
void toMemory(const Value &value, void *data);

/// `value` as an element of an integer type or bool: wraps, bool is != 0.
int64_t wrap(DType dtype, int64_t value);
/// `value` rounded to nearest, ties to even, as an element of a float type.
double roundTo(DType dtype, double value);
/// The same as `weft.reduce_precision` says of TF32.
double roundToTf32(double value);
/// What `weft.cast` makes of every element.
Value cast(const Value &value, DType dtype);

struct Options {
  /// Rounds the result of every op to its type. Otherwise floats stay double
  /// from the arguments to the results, and only `weft.cast` rounds, which is
  /// nearer to the truth than any kernel.
  bool roundEachOp = false;
  /// Not 0: moves every inexact result by random amounts of up to so many units
  /// in the last place of its type, more where the row claims less accuracy.
  /// How far the results of several such runs lie apart says how exact a kernel
  /// can be expected to be.
  double noise = 0;
  uint64_t noiseSeed = 0;
};

/// Runs one function on one value for each of its arguments (rank 0 for an
/// argument of builtin scalar type); groups are run op by op. The function has
/// passed the verifier.
///
///   func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
///     %y = weft.mul %x, %x : tensor<2xf32>
///     return %y : tensor<2xf32>
///   }
///   interpret(main, {{float32, {2}, {3, 4}, {}}})   // reals: 9, 16
///
/// Errors: number, shape or type of arguments; an op of another dialect; more
/// than 2^28 elements in one value.
StatusOr<std::vector<Value>> interpret(mlir::func::FuncOp function,
                                       llvm::ArrayRef<Value> arguments,
                                       const Options &options = {});

/// What a module is run on: values of the arguments of `@main` in order but for
/// parameters, which are found by their `weft.name`, and prepared values, which
/// `@prepare` computes first.
struct Arguments {
  std::vector<Value> inputs;
  std::map<std::string, Value> parameters;
};
StatusOr<std::vector<Value>> interpret(mlir::ModuleOp module,
                                       const Arguments &arguments,
                                       const Options &options = {});

} // namespace weft::reference
