// SPDX-License-Identifier: Apache-2.0
// An encoder block: [N, 512, 768] -> [N, 512, 768].
#include "Encoder.h"

#include "../Network.h"

int main(int argc, char **argv) {
  return network::exit_code(
      network::program(encoder::Block(), {512, 768}, argc, argv));
}
