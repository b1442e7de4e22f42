// SPDX-License-Identifier: Apache-2.0
// A transformer encoder block that normalises first.
#pragma once

#include "weft/Weft.h"

#include <cmath>

namespace encoder {
using namespace weft;

/// Attention of every token to every token, in several heads.
///
///   softmax(q k^T / sqrt(width of a head)) v
///
/// A. Vaswani et al., Attention Is All You Need, 2017.
struct Attention : nn::Module {
  int64_t width, heads;
  nn::Linear qkv, out;
  WEFT_FIELDS(qkv, out)

  Attention(int64_t width, int64_t heads)
      : width(width), heads(heads), qkv(width, 3 * width), out(width, width) {}

  Tensor operator()(const Tensor &x) const {
    const int64_t batch = x.shape()[0], tokens = x.shape()[1];
    // [3, batch, heads, tokens, width of a head]
    Tensor parts =
        permute(reshape(qkv(x), {batch, tokens, 3, heads, width / heads}),
                {2, 0, 3, 1, 4});
    auto part = [&](int64_t i) {
      return squeeze(slice(parts, {{i, i + 1}}), {0});
    };
    Tensor scores = matmul(part(0), transpose(part(1))) *
                    (1 / std::sqrt(static_cast<double>(width / heads)));
    Tensor y = matmul(softmax(scores), part(2));
    return out(reshape(permute(y, {0, 2, 1, 3}), {batch, tokens, width}));
  }
};

/// [batch, tokens, width] -> the same shape.
struct Block : nn::Module {
  nn::LayerNorm norm1, norm2;
  Attention attention;
  nn::Linear fc1, fc2;
  WEFT_FIELDS(norm1, attention, norm2, fc1, fc2)

  explicit Block(int64_t width = 768, int64_t heads = 12)
      : norm1({width}), norm2({width}), attention(width, heads),
        fc1(width, 4 * width), fc2(4 * width, width) {}

  Tensor operator()(const Tensor &x) const {
    Tensor y = x + attention(norm1(x));
    return y + fc2(gelu(fc1(norm2(y))));
  }
};

} // namespace encoder
