// SPDX-License-Identifier: Apache-2.0
// Every op of the dialect.
include "weft/IR/Ops.td"
include "weft/IR/StructuredOps.td"
