# SPDX-License-Identifier: Apache-2.0
# Batch norms of torch.compile, beside those of `weft bench`.
"""Times batch norms compiled by PyTorch on a GPU, as `weft bench` does Weft's.

    weft bench bn bn+relu bn+add+relu --device gpu:0 --json norms.json
    python3 test/peers/norms.py norms.json

Needs PyTorch. Device time of a CUDA graph of many calls that rotate through
buffers larger than the L2 cache. Prints for each row of the file both times
and Weft's as a share of PyTorch's.
"""
import argparse
import json
import statistics

import torch
from torch import nn
from torch.nn import functional as F

FORMS = {"bn": lambda bn: lambda x, r: bn(x),
         "bn+relu": lambda bn: lambda x, r: F.relu(bn(x)),
         "bn+add+relu": lambda bn: lambda x, r: F.relu(bn(x) + r)}
NORMS = {3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}


def rows(file):
    """Form, shape, type and Weft's microseconds of each row of the file."""
    for result in json.load(file)["results"]:
        for table in result["tables"]:
            for row in table["rows"]:
                shape = tuple(int(size) for size in row["shape"].split("x"))
                yield result["benchmark"], shape, row["type"], row["median us"]


def norm(channels, rank, dtype):
    bn = NORMS[rank](channels)
    for values, low, high in ((bn.weight, 0.5, 1.5), (bn.bias, -0.5, 0.5),
                              (bn.running_mean, -0.5, 0.5),
                              (bn.running_var, 0.5, 1.5)):
        nn.init.uniform_(values, low, high)
    return bn.to("cuda", dtype).eval()


def sets_of(form, shape, dtype):
    """As many pairs of inputs as exceed the L2 cache four times, outputs too."""
    streams = 3 if "add" in form else 2
    one = streams * torch.Size(shape).numel() * dtype.itemsize
    count = max(2, 4 * torch.cuda.get_device_properties(0).L2_cache_size // one + 1)
    make = lambda: torch.randn(shape, device="cuda", dtype=dtype)
    inputs = [make() for _ in range(count)]
    return [(x, make() if "add" in form else x) for x in inputs]


def microseconds(call, sets, rounds=15):
    """The median of a call's device time; outputs are kept, as inputs are."""
    kept = [call(x, r) for x, r in sets]
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        kept = [call(x, r) for x, r in sets]
    times = []
    for _ in range(rounds + 1):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) * 1e3 / len(kept))
    return statistics.median(times[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=argparse.FileType(),
                        help="what weft bench wrote by --json")
    print(f"{'form':12} {'shape':16} {'type':9} {'PyTorch us':>10} {'Weft us':>8} ratio")
    torch.set_grad_enabled(False)
    for form, shape, name, weft in rows(parser.parse_args().file):
        dtype = getattr(torch, name)
        torch._dynamo.reset()
        call = torch.compile(FORMS[form](norm(shape[1], len(shape), dtype)),
                             dynamic=False)
        torch_us = microseconds(call, sets_of(form, shape, dtype))
        print(f"{form:12} {'x'.join(map(str, shape)):16} {name:9} "
              f"{torch_us:10.2f} {weft:8.2f} {weft / torch_us:5.2f}", flush=True)


if __name__ == "__main__":
    main()
