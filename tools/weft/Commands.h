// SPDX-License-Identifier: Apache-2.0
// The commands of the tool `weft`. Results go to standard output.
#pragma once

#include "weft/Core/Status.h"
#include "weft/Tensor.h"

#include <string>
#include <vector>

namespace weft::tools {

struct DumpOptions {
  std::string stage;
  std::string target;
  bool explainFusion = false;
};
/// `input` is a file that ends in .mlir or the name of a built-in example.
Status dump(const std::string &input, const DumpOptions &options);

Status info();

/// The tensors that a built-in example computes, recorded only; an error that
/// lists the examples for an unknown name.
StatusOr<std::vector<Tensor>> example(const std::string &name);

} // namespace weft::tools
