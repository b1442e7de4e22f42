# SPDX-License-Identifier: Apache-2.0
# Networks of torch.compile, beside those of `weft bench`.
"""Times networks compiled by PyTorch, and eager PyTorch's memory, as `weft bench` does Weft's.

    weft bench resnet50 mobilenet_v2 encoder --device gpu:0 --dtype float16 --json networks.json
    python3 test/peers/network_times.py networks.json

The time is that of the kernels alone: torch.compile with frozen weights,
channels last, several runs in one CUDA graph. The memory is the peak of a run
of eager PyTorch, weights, input and output among it.
"""
import re

from comparison import Row, compiled, main, microseconds, tables

NAMES = ("mlp", "encoder", "mobilenet_v2", "resnet18", "resnet50")


def network(name, shape, device, dtype):
    """The network and an input, images with their channels last."""
    import torch

    from models import make

    layout = torch.channels_last if len(shape) == 4 else torch.contiguous_format
    x = torch.randn(shape, device=device, dtype=getattr(torch, dtype)).to(memory_format=layout)
    return make(name).to(device, x.dtype, memory_format=layout), x


def time(name, shape, dtype):
    def on(device):
        net, x = network(name, shape, device, dtype)
        return microseconds(device, compiled(net), [(x,)] * (8 if device == "cuda" else 1))

    return on


def memory(name, shape, dtype):
    def on(device):
        import gc

        import torch

        if device != "cuda":
            raise RuntimeError("PyTorch counts no memory of a CPU")
        gc.collect()
        before = torch.cuda.memory_allocated()
        with torch.no_grad():
            net, x = network(name, shape, device, dtype)
            net(x)  # cuDNN's trials take memory of their own
            torch.cuda.reset_peak_memory_stats()
            net(x)
            torch.cuda.synchronize()
        return (torch.cuda.max_memory_allocated() - before) / 1e6

    return on


def rows(results):
    for name, title, each in tables(results, *NAMES):
        if subject := re.fullmatch(r".* on .*, (\w+) \[([\d, ]+)\]", title):
            dtype, text = subject.groups()
            shape = tuple(int(size) for size in text.split(","))
            label = "x".join(map(str, shape))
            for row in each:
                if row["step"] == "kernels alone":
                    yield Row(name, label, dtype, "us", row["median us"], time(name, shape, dtype))
        elif title.startswith("pool of gpu"):
            for row in each:
                if row["what"] == "peak of a run":
                    yield Row(name, label, dtype, "MB", row["bytes"] / 1e6, memory(name, shape, dtype))


if __name__ == "__main__":
    main(__doc__, rows)
