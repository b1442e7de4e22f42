// SPDX-License-Identifier: Apache-2.0
// A multilayer perceptron: [N, 784] -> [N, 10].
#include "MLP.h"

#include "../Network.h"

int main(int argc, char **argv) {
  return network::exit_code(network::program(mlp::MLP(), {784}, argc, argv));
}
