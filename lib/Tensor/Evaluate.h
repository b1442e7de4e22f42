// SPDX-License-Identifier: Apache-2.0
// Getting at elements: evaluation, and what has to be there before it.
#pragma once

#include "weft/Core/Graph.h"

#include "runtime/Storage.h"

#include <memory>
#include <span>

namespace weft {

/// Makes the elements of parameters below `roots` that have none yet: initial
/// values, and values given as lazy tensors.
Status make_parameters(std::span<const NodePtr> roots);

/// Computes the nodes; afterwards each has storage.
Status evaluate(std::span<const NodePtr> roots);

/// The elements of a node, evaluated if need be, on its device.
StatusOr<std::shared_ptr<runtime::Storage>> storage_of(const NodePtr &node);

} // namespace weft
