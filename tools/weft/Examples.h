// SPDX-License-Identifier: Apache-2.0
// Graphs that commands take by name. Shapes are real, weights are not loaded.
#pragma once

#include "weft/Tensor.h"

#include <string>
#include <vector>

namespace weft::tools {

/// The tensors that a built-in example computes, recorded only; an error that
/// lists the examples for an unknown name.
StatusOr<std::vector<Tensor>> example(const std::string &name);

bool isExample(const std::string &name);

/// `batchnorm, conv-bn-relu, digits or first`
std::string exampleNames();

} // namespace weft::tools
