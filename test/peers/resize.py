# SPDX-License-Identifier: Apache-2.0
# Resizing of torch.compile, beside that of `weft bench`.
"""Times interpolation compiled by PyTorch, as `weft bench` does Weft's.

    weft bench resize resize_nearest --device gpu:0 --json resize.json
    python3 test/peers/resize.py resize.json
"""
import math

from comparison import Row, compiled, main, microseconds, sizes, tables, tensors


def time(name, label, dtype):
    def on(device):
        from torch.nn.functional import interpolate

        shape, size = (sizes(text) for text in label.split(" to "))
        mode = "nearest" if name == "resize_nearest" else ["linear", "bilinear", "trilinear"][len(size) - 1]
        sets = tensors(device, dtype, shape, outputs=math.prod(shape[:2] + size))
        return microseconds(device, compiled(lambda x: interpolate(x, size=size, mode=mode)), sets)

    return on


def rows(results):
    for name, _, each in tables(results, "resize", "resize_nearest"):
        for row in each:
            yield Row(name, row["shape"], row["type"], "us", row["median us"],
                      time(name, row["shape"], row["type"]))


if __name__ == "__main__":
    main(__doc__, rows)
