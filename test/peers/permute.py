# SPDX-License-Identifier: Apache-2.0
# Permutations of torch.compile, beside those of `weft bench`.
"""Times another order of axes made by PyTorch, as `weft bench` does Weft's.

    weft bench permute --device gpu:0 --json permute.json
    python3 test/peers/permute.py permute.json
"""
import math

from comparison import Row, compiled, main, microseconds, sizes, tables, tensors


def order_of(shape, result):
    """The axes of `result`; those of equal sizes keep their order."""
    left = list(range(len(shape)))
    order = []
    for size in result:
        order.append(next(axis for axis in left if shape[axis] == size))
        left.remove(order[-1])
    return order


def time(label, dtype):
    def on(device):
        shape, last = (sizes(text) for text in label.split(" to "))
        order = order_of(shape, shape[: len(shape) - len(last)] + last)
        sets = tensors(device, dtype, shape, outputs=math.prod(shape))
        return microseconds(device, compiled(lambda x: x.permute(order).contiguous()), sets)

    return on


def rows(results):
    for name, _, each in tables(results, "permute"):
        for row in each:
            yield Row(name, row["shape"], row["type"], "us", row["median us"],
                      time(row["shape"], row["type"]))


if __name__ == "__main__":
    main(__doc__, rows)
