// SPDX-License-Identifier: Apache-2.0
// ResNet-18: images [N, 3, 224, 224] -> logits [N, 1000].
#include "ResNet.h"

#include "../Network.h"

int main(int argc, char **argv) {
  return network::exit_code(
      network::program(resnet::resnet18(), {3, 224, 224}, argc, argv));
}
