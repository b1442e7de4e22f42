// SPDX-License-Identifier: Apache-2.0
// MobileNetV2: images [N, 3, 224, 224] -> logits [N, 1000].
#include "MobileNetV2.h"

#include "../Network.h"

int main(int argc, char **argv) {
  return network::exit_code(
      network::program(mobilenet_v2::MobileNetV2(), {3, 224, 224}, argc, argv));
}
