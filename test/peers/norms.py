# SPDX-License-Identifier: Apache-2.0
# Batch norms of torch.compile, beside those of `weft bench`.
"""Times batch norms compiled by PyTorch, as `weft bench` does Weft's.

    weft bench bn bn+relu bn+add+relu --device gpu:0 --json norms.json
    python3 test/peers/norms.py norms.json
"""
from comparison import Row, compiled, main, microseconds, sizes, tables, tensors


def norm(channels, rank, device, dtype):
    import torch
    from torch import nn

    bn = {3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}[rank](channels)
    for values, low, high in ((bn.weight, 0.5, 1.5), (bn.bias, -0.5, 0.5),
                              (bn.running_mean, -0.5, 0.5),
                              (bn.running_var, 0.5, 1.5)):
        nn.init.uniform_(values, low, high)
    return bn.to(device, getattr(torch, dtype)).eval()


def time(form, shape, dtype):
    def on(device):
        from torch.nn.functional import relu

        bn = norm(shape[1], len(shape), device, dtype)
        forms = {"bn": lambda x: bn(x), "bn+relu": lambda x: relu(bn(x)),
                 "bn+add+relu": lambda x, r: relu(bn(x) + r)}
        inputs = [shape] * (2 if "add" in form else 1)
        elements = 1
        for size in shape:
            elements *= size
        sets = tensors(device, dtype, *inputs, outputs=elements)
        return microseconds(device, compiled(forms[form]), sets)

    return on


def rows(results):
    for form, _, each in tables(results, "bn", "bn+relu", "bn+add+relu"):
        for row in each:
            yield Row(form, row["shape"], row["type"], "us", row["median us"],
                      time(form, sizes(row["shape"]), row["type"]))


if __name__ == "__main__":
    main(__doc__, rows)
