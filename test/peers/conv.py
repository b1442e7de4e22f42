# SPDX-License-Identifier: Apache-2.0
# Convolutions of torch.compile, beside those of `weft bench`.
"""Times the convolutions of ResNet-50 compiled by PyTorch, as `weft bench` does Weft's.

    weft bench conv --device gpu:0 --dtype float16 --json conv.json
    python3 test/peers/conv.py conv.json

The batch norm is part of the weights before PyTorch compiles; images have their
channels last, and cuDNN chooses its kernel by trying them.
"""
from comparison import Row, compiled, main, microseconds, sizes, tables, tensors


def folded(channels, outputs, kernel, stride, padding):
    """conv and batch norm as one conv, of PyTorch's own making."""
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    conv = nn.Conv2d(channels, outputs, kernel, stride, padding, bias=False)
    bn = nn.BatchNorm2d(outputs)
    nn.init.uniform_(bn.weight, 0.5, 1.5)
    nn.init.uniform_(bn.running_var, 0.5, 1.5)
    return fuse_conv_bn_eval(conv.eval(), bn.eval())


def result_shape(x, outputs, kernel, stride, padding):
    size = lambda of, k: (of + 2 * padding - k) // stride + 1
    return (x[0], outputs, size(x[2], kernel[0]), size(x[3], kernel[1]))


def time(x, outputs, kernel, stride, padding, form, dtype):
    def on(device):
        import torch
        from torch.nn.functional import relu

        conv = folded(x[1], outputs, kernel, stride, padding)
        conv = conv.to(device, getattr(torch, dtype), memory_format=torch.channels_last)
        forms = {"bn": lambda x: conv(x), "bn+relu": lambda x: relu(conv(x)),
                 "bn+add": lambda x, r: conv(x) + r, "bn+add+relu": lambda x, r: relu(conv(x) + r)}
        y = result_shape(x, outputs, kernel, stride, padding)
        shapes = (x, y) if "add" in form else (x,)
        sets = tensors(device, dtype, *shapes, outputs=torch.Size(y).numel(), channels_last=True)
        return microseconds(device, compiled(forms[form]), sets)

    return on


def rows(results):
    for name, _, each in tables(results, "conv"):
        for row in each:
            label = f"{row['input']} to {row['outputs']}, {row['kernel']}/{row['stride']} {row['followed by']}"
            yield Row(name, label, row["type"], "us", row["median us"],
                      time(sizes(row["input"]), row["outputs"], sizes(row["kernel"]), row["stride"], row["padding"],
                           row["followed by"], row["type"]))


if __name__ == "__main__":
    main(__doc__, rows)
