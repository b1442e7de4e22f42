// SPDX-License-Identifier: Apache-2.0
// From the module that Emitter builds to machine code.
#pragma once

#include "weft/Target/CPU/Compile.h"

#include "mlir/IR/BuiltinOps.h"

namespace weft::cpu {

/// Approximates math functions, moves what loops repeat out of them, and turns
/// everything into the LLVM dialect.
mlir::LogicalResult lowerToLLVM(mlir::ModuleOp module);

/// Machine code of a module in the LLVM dialect, as an ELF object; the LLVM IR
/// goes to `text` unless that is null. No IR pass runs beyond those of the code
/// generator: the vector code is what it shall be already.
mlir::LogicalResult generateCode(mlir::ModuleOp module, const CpuTarget &target,
                                 std::string *text, std::string &object,
                                 std::string &why);

} // namespace weft::cpu
