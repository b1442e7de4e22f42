// SPDX-License-Identifier: Apache-2.0
// From a candidate to its group.
#pragma once

#include "FusionRules.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

namespace weft {

/// The group of `candidate`, where `builder` is, if it is anywhere: its ops,
/// and copies of the free ones between them. It reads what `outer` maps values
/// of the function to, these values where it does not. `shared` are ops whose
/// results are rounded where the group reads them.
ir::GroupOp buildGroup(mlir::OpBuilder &builder, const Candidate &candidate,
                       ir::ScheduleKind schedule,
                       const llvm::DenseSet<mlir::Operation *> &shared,
                       const mlir::IRMapping &outer);

} // namespace weft
