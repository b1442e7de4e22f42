# SPDX-License-Identifier: Apache-2.0
# What the comparisons with PyTorch share.
"""Rows that `weft bench --json` measured, timed once more with PyTorch.

A script of this folder says which rows it knows and what PyTorch is to do for
each; this one reads the file, times, and prints. PyTorch runs on the kind of
device that the file is of: on a GPU device time of a CUDA graph of many calls,
on a CPU wall time with as many threads. Calls rotate through buffers larger
than the last cache, as Weft's do. torch is imported where a row is timed and
not before: `--list` needs none.
"""
import argparse
import importlib.util
import json
import statistics
import sys
import time
from typing import Callable, NamedTuple


class Row(NamedTuple):
    """A row of a file of `weft bench`, and how PyTorch does the same."""
    benchmark: str
    label: str
    dtype: str
    unit: str  # "us" or "MB"
    weft: float
    torch: Callable  # device -> what PyTorch takes, in that unit


def tables(results, *names):
    """Benchmark, title and rows of each table of these benchmarks."""
    for result in results["results"]:
        if result["benchmark"] in names:
            for table in result["tables"]:
                yield result["benchmark"], table["title"], table["rows"]


def sizes(text):
    """"8192x4096" as (8192, 4096)."""
    return tuple(int(size) for size in text.split("x"))


# ---- with torch --------------------------------------------------------------


def compiled(function):
    """torch.compile with weights as constants, kernels by cuDNN's benchmark."""
    import torch
    import torch._inductor.config

    torch._dynamo.reset()
    torch.backends.cudnn.benchmark = True
    torch._inductor.config.freezing = True
    return torch.compile(function, dynamic=False)


def cache_bytes(device):
    import torch

    if device == "cuda":
        return torch.cuda.get_device_properties(0).L2_cache_size
    return 64 << 20


def tensors(device, dtype, *shapes, outputs=0, channels_last=False):
    """Sets of random tensors that exceed the last cache four times together, or
    a thousand of them; `outputs`: elements that a call writes beside them."""
    import torch

    dtype = getattr(torch, dtype)
    elements = outputs + sum(torch.Size(shape).numel() for shape in shapes)
    wanted = 4 * cache_bytes(device) // (elements * dtype.itemsize) + 1
    count = min(max(2, wanted), 1000)

    def make(shape):
        x = torch.randn(shape, device=device, dtype=dtype)
        return x.to(memory_format=torch.channels_last) if channels_last and len(shape) == 4 else x

    return [tuple(make(shape) for shape in shapes) for _ in range(count)]


def microseconds(device, call, sets, rounds=15):
    """The median time of a call; outputs are kept, as inputs are."""
    measure = graph_round if device == "cuda" else wall_round
    import torch

    with torch.no_grad():
        one_round = measure(call, sets)
        return statistics.median([one_round() for _ in range(rounds + 1)][1:])


def graph_round(call, sets):
    import torch

    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):  # what compiles or allocates at first
        for _ in range(3):
            kept = call(*sets[0])
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        kept = [call(*each) for each in sets]

    def one_round():
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        return begin.elapsed_time(end) * 1e3 / len(kept)

    return one_round


def wall_round(call, sets):
    def one_round():
        start = time.perf_counter()
        kept = [call(*each) for each in sets]
        return (time.perf_counter() - start) * 1e6 / len(kept)

    return one_round


# ---- the program -------------------------------------------------------------


def wanted(rows, arguments, results):
    for function in rows:
        for row in function(results):
            if arguments.names and row.benchmark not in arguments.names:
                continue
            if not arguments.dtype or row.dtype in arguments.dtype.split(","):
                yield row


def read(file):
    try:
        results = json.load(file)
        return results, "cuda" if results["device"].startswith("gpu") else "cpu"
    except (ValueError, KeyError, TypeError) as error:
        sys.exit(f"{file.name}: not written by weft bench --json: {error!r}")


def prepare(device, threads):
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        sys.exit("the file is of a GPU, and PyTorch finds none")
    torch.set_num_threads(threads)
    print(f"# PyTorch {torch.__version__} on {device}; ratio: PyTorch to Weft, above 1 Weft needs less")


def compare(row, device):
    """Prints the row; whether PyTorch could do it."""
    start = f"{row.benchmark:13} {row.label:44} {row.dtype:9} {row.unit:3} {row.weft:10.2f}"
    try:
        torch = row.torch(device)
    except Exception as error:  # the other rows are worth having
        print(start, "PyTorch failed:", str(error).split("\n")[0], flush=True)
        return False
    print(f"{start} {torch:10.2f} {torch / row.weft:6.2f}", flush=True)
    return True


def main(doc, *rows):
    """The program of a script whose `rows` functions make Rows of a file."""
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("file", type=argparse.FileType(), help="what weft bench wrote by --json")
    parser.add_argument("names", nargs="*", help="benchmarks of the file; all unless given")
    parser.add_argument("--dtype", help="float16, or several types with commas; all unless given")
    parser.add_argument("--list", action="store_true", help="print Weft's rows alone")
    arguments = parser.parse_intermixed_args()
    results, device = read(arguments.file)
    chosen = list(wanted(rows, arguments, results))
    if not chosen:
        sys.exit(f"{arguments.file.name}: no row to compare")
    if not arguments.list:
        if not importlib.util.find_spec("torch"):
            sys.exit("torch: not found: a comparison needs PyTorch, --list does not")
        prepare(device, results["threads"])
    print(f"{'benchmark':13} {'row':44} {'type':9}     {'Weft':>10} {'PyTorch':>10} {'ratio':>6}")
    if arguments.list:
        for row in chosen:
            print(f"{row.benchmark:13} {row.label:44} {row.dtype:9} {row.unit:3} {row.weft:10.2f}")
        return
    done = [compare(row, device) for row in chosen]
    sys.exit(0 if all(done) else 1)
