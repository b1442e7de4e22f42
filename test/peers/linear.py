# SPDX-License-Identifier: Apache-2.0
# gelu(linear(x)) of torch.compile, beside that of `weft bench`.
"""Times products with gelu compiled by PyTorch, as `weft bench` does Weft's.

    weft bench linear --device gpu:0 --json linear.json
    python3 test/peers/linear.py linear.json
"""
from comparison import Row, compiled, main, microseconds, sizes, tables


def time(m, n, k, dtype):
    def on(device):
        import torch
        from torch import nn
        from torch.nn.functional import gelu

        layer = nn.Linear(k, n).to(device, getattr(torch, dtype)).eval()
        x = torch.randn(m, k, device=device, dtype=getattr(torch, dtype))
        # As Weft's: on the same buffers in every call.
        sets = [(x,)] * (20 if device == "cuda" else 3)
        return microseconds(device, compiled(lambda x: gelu(layer(x))), sets)

    return on


def rows(results):
    for name, _, each in tables(results, "linear"):
        for row in each:
            m, n, k = sizes(row["m x n x k"])
            yield Row(name, row["m x n x k"], row["type"], "us", row["median us"], time(m, n, k, row["type"]))


if __name__ == "__main__":
    main(__doc__, rows)
