# SPDX-License-Identifier: Apache-2.0
# The example networks beside PyTorch.
"""Runs the example networks of docs/examples and PyTorch on the same files.

    python3 test/peers/networks.py build --device cpu resnet18 mlp
    python3 test/peers/networks.py build --device cuda --dtype float16 --batch 32

Needs PyTorch, torchvision, numpy and safetensors. For each network it writes
PyTorch's weights and an input, runs the program of that name in BUILD/bin on
them, and compares: results may differ by 1e-4 (float32) or 1e-2 (float16 and
bfloat16) of the largest magnitude of PyTorch's float64 result. Then it prints
the time of a call of both, host time included. The exit code is 1 if a network
differs.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file

from models import NETWORKS, make


def run_weft(program, arguments, files, device):
    """Weft's result, and its milliseconds to the first result and a call."""
    environment = dict(os.environ, WEFT_DEVICE="gpu" if device == "cuda" else "cpu")
    command = [program, "--weights", files["weights"], "--input", files["input"], "--output", files["output"],
               "--batch", str(arguments.batch), "--dtype", arguments.dtype]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{program}: {done.stderr}")
    first, call = re.search(r"first result ([\d.]+) ms .* then ([\d.e-]+) ms", done.stdout).groups()
    return numpy.load(files["output"]), float(first), float(call)


def time_torch(net, x):
    """Median milliseconds of a call, and of the first."""
    def once():
        start = time.perf_counter()
        net(x)
        if x.is_cuda:
            torch.cuda.synchronize()
        return (time.perf_counter() - start) * 1e3

    first = once()
    for _ in range(3):
        once()
    return statistics.median(once() for _ in range(20)), first


def compare(name, arguments, folder):
    dtype = getattr(torch, arguments.dtype)
    net = make(name).to(dtype)
    x = torch.randn(arguments.batch, *NETWORKS[name][1]).to(dtype)
    files = {kind: str(folder / f"{name}.{suffix}")
             for kind, suffix in (("weights", "safetensors"), ("input", "npy"), ("output", "out.npy"))}
    save_file({key: value.contiguous() for key, value in net.state_dict().items()}, files["weights"])
    numpy.save(files["input"], x.float().numpy())
    expected = make(name).to(dtype).double()(x.double()).numpy()
    program = str(Path(arguments.build) / "bin" / name)
    result, first, call = run_weft(program, arguments, files, arguments.device)
    error = numpy.abs(result - expected).max() / numpy.abs(expected).max()

    layout = torch.channels_last if x.dim() == 4 else torch.contiguous_format
    net, x = net.to(arguments.device, memory_format=layout), x.to(arguments.device, memory_format=layout)
    eager, _ = time_torch(net, x)
    row = f"{name:14}{arguments.batch:6}{arguments.dtype:>10}{error:12.2g}{first:14.0f}{call:10.3f}{eager:10.3f}"
    if arguments.compile:
        compiled, compiled_first = time_torch(torch.compile(net, dynamic=False), x)
        row += f"{compiled:10.3f}{compiled_first:14.0f}"
    print(row, flush=True)
    return error <= (1e-4 if arguments.dtype == "float32" else 1e-2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", help="the build folder, with bin/resnet50 and so on")
    parser.add_argument("networks", nargs="*", help=", ".join(NETWORKS))
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), default="float32")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, help="of PyTorch; the default is its own")
    parser.add_argument("--compile", action="store_true", help="torch.compile as well")
    arguments = parser.parse_intermixed_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.set_grad_enabled(False)
    print(f"# PyTorch {torch.__version__} on {arguments.device}; milliseconds, medians; first: from the program's start")
    header = f"{'network':14}{'batch':>6}{'dtype':>10}{'error':>12}{'Weft first':>14}{'Weft':>10}{'eager':>10}"
    print(header + (f"{'compiled':>10}{'first call':>14}" if arguments.compile else ""))
    with tempfile.TemporaryDirectory() as folder:
        wrong = [name for name in arguments.networks or NETWORKS if not compare(name, arguments, Path(folder))]
    if wrong:
        sys.exit("differ: " + ", ".join(wrong))


if __name__ == "__main__":
    main()
