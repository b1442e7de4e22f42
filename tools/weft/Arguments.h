// SPDX-License-Identifier: Apache-2.0
// What a module is run on: .npy files, numbers, random values.
#pragma once

#include "weft/Compiler/Compiler.h"
#include "weft/Tensor.h"

#include "llvm/ADT/ArrayRef.h"

#include <string>
#include <vector>

namespace weft::tools {

/// What a module is given.
struct Given {
  /// Texts `[name=]x.npy` or `[name=]number`; one without a name is for the
  /// first input that nothing was given for before it.
  llvm::ArrayRef<std::string> inputs;
  /// A safetensors file, or empty: other inputs take the tensor of their name,
  /// and every parameter must have one.
  std::string weights;
  /// A number that nothing is given for is its `weft.value`, if it has one. All
  /// else is random: numbers of [0, 1), integers of 0 to 7, equal for equal
  /// seeds.
  uint64_t seed = 0;
};

/// The arguments of @main, each checked against its type.
///
/// Errors: `input x: shape differs: @main expects [2, 3], x.npy has [3, 2]`.
StatusOr<std::vector<compiler::CompiledModule::Argument>>
argumentsOf(llvm::ArrayRef<compiler::ModuleValue> inputs, const Given &given,
            Device device);

/// A result as a tensor.
Tensor tensorOf(const compiler::ModuleValue &value,
                std::shared_ptr<runtime::Storage> storage, Device device);

} // namespace weft::tools
