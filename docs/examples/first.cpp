// SPDX-License-Identifier: Apache-2.0
// What an embedding program does: a net, weights, an Executable, an image from
// its own memory, the result.
#include "weft/Weft.h"

#include <iostream>
#include <string_view>

using namespace weft;

struct Net : nn::Module {
  nn::Conv conv1{1, 16, {.kernel = {3, 3}, .padding = {1}, .bias = false}};
  nn::BatchNorm bn1{16};
  WEFT_FIELDS(conv1, bn1)

  // An image [height, width, channels] of bytes, as cameras and files have it.
  Tensor operator()(const Tensor &image) const {
    Tensor x = permute(cast(image, float32) / 255, {2, 0, 1});
    return relu(bn1(conv1(unsqueeze(x, 0))));
  }
};

int main(int argc, char **argv) {
  if (argc > 1) {
    const bool help = std::string_view(argv[1]) == "--help";
    (help ? std::cout : std::cerr) << "usage: first\n";
    return help ? 0 : 1;
  }
  Net net;
  auto state = load_safetensors(WEFT_DIGITS "/digits_resnet.safetensors");
  auto loaded = state.ok() ? net.load_state_dict(*state, {.strict = false})
                           : StatusOr<nn::LoadResult>(state.status());
  auto exe = loaded.ok() ? compile(net, {{uint8, {8, 8, 1}}})
                         : StatusOr<Executable>(loaded.status());
  if (!exe.ok())
    return std::cerr << exe.status() << '\n', 1;

  uint8_t pixels[64] = {};
  for (int row = 1; row < 7; ++row)
    pixels[8 * row + 4] = 255; // a one
  auto result = exe->run({Tensor::from_host<uint8_t>(pixels, {{8, 8, 1}})});
  if (!result.ok())
    return std::cerr << result.status() << '\n', 1;
  std::cout << max(result->front(), {2, 3}) << '\n';
}
