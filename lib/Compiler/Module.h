// SPDX-License-Identifier: Apache-2.0
// Modules in text form: read, and checked for what compilation relies on.
#pragma once

#include "weft/Core/Status.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string_view>

namespace weft::compiler {

/// Reads any module. `name` is what messages call the text. Errors name line
/// and column.
StatusOr<mlir::OwningOpRef<mlir::ModuleOp>>
readModule(std::string_view text, std::string_view name,
           mlir::MLIRContext *context);

/// Reads a module that has not been compiled yet: one function, `@main`, of
/// tensors of static shape and numbers, made of weft ops.
StatusOr<mlir::OwningOpRef<mlir::ModuleOp>>
parseModule(std::string_view text, std::string_view name,
            mlir::MLIRContext *context);

} // namespace weft::compiler
