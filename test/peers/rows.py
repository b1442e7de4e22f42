# SPDX-License-Identifier: Apache-2.0
# Softmax and layer norm of torch.compile, beside those of `weft bench`.
"""Times softmax and layer norms compiled by PyTorch, as `weft bench` does Weft's.

    weft bench softmax layer_norm --device gpu:0 --json rows.json
    python3 test/peers/rows.py rows.json
"""
from comparison import Row, compiled, main, microseconds, sizes, tables, tensors


def time(name, shape, dtype):
    def on(device):
        import torch
        from torch import nn

        if name == "softmax":
            function = nn.Softmax(-1)
        else:
            function = nn.LayerNorm(shape[-1]).to(device, getattr(torch, dtype)).eval()
            nn.init.uniform_(function.weight, 0.5, 1.5)
        sets = tensors(device, dtype, shape, outputs=shape[0] * shape[1])
        return microseconds(device, compiled(lambda x: function(x)), sets)

    return on


def rows(results):
    for name, _, each in tables(results, "softmax", "layer_norm"):
        for row in each:
            yield Row(name, row["shape"], row["type"], "us", row["median us"],
                      time(name, sizes(row["shape"]), row["type"]))


if __name__ == "__main__":
    main(__doc__, rows)
