// SPDX-License-Identifier: Apache-2.0
// A multilayer perceptron.
#pragma once

#include "weft/Weft.h"

namespace mlp {
using namespace weft;

/// [N, 784] -> [N, 10].
struct MLP : nn::Module {
  nn::Linear fc1{784, 1024}, fc2{1024, 1024}, fc3{1024, 10};
  WEFT_FIELDS(fc1, fc2, fc3)

  Tensor operator()(const Tensor &x) const {
    return fc3(gelu(fc2(gelu(fc1(x)))));
  }
};

} // namespace mlp
