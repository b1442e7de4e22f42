// SPDX-License-Identifier: Apache-2.0
// What a module is run on: .npy files, numbers, random values.
#pragma once

#include "weft/Compiler/Compiler.h"
#include "weft/Tensor.h"

#include "llvm/ADT/ArrayRef.h"

#include <string>
#include <vector>

namespace weft::tools {

/// The arguments of @main, each checked against its type. `given` are texts
/// `[name=]x.npy` or `[name=]number`; one without a name is for the
/// first input that nothing was given for before it. Inputs that nothing is
/// given for are random: numbers of [0, 1), integers of 0 to 7, equal for equal
/// seeds.
///
/// Errors: `input x: shape differs: @main expects [2, 3], x.npy has [3, 2]`.
StatusOr<std::vector<compiler::CompiledModule::Argument>>
argumentsOf(llvm::ArrayRef<compiler::ModuleValue> inputs,
            llvm::ArrayRef<std::string> given, uint64_t seed, Device device);

/// A result as a tensor.
Tensor tensorOf(const compiler::ModuleValue &value,
                std::shared_ptr<runtime::Storage> storage, Device device);

} // namespace weft::tools
