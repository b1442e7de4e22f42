# SPDX-License-Identifier: Apache-2.0
# Safetensors files of float32 without NumPy.
#
#   safetensors.py write w.safetensors x 2,2 1,2,3,4 y 3 7   # all of y
#   safetensors.py take w.safetensors x x.npy       # a tensor as a file
#   safetensors.py near w.safetensors x x.npy 1e-4  # fails if they differ more
import json
import math
import struct
import sys


def write(path, *tensors):
    header, data = {}, b""
    for name, sizes, values in zip(*[iter(tensors)] * 3):
        shape = [int(size) for size in sizes.split(",")]
        values = [float(value) for value in values.split(",")]
        if len(values) == 1:
            values *= math.prod(shape)
        begin = len(data)
        data += struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def tensor(path, name):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    begin, end = header[name]["data_offsets"]
    return tuple(header[name]["shape"]), data[begin:end]


def take(path, name, npy):
    shape, data = tensor(path, name)
    header = repr({"descr": "<f4", "fortran_order": False, "shape": shape}).ljust(117) + "\n"
    with open(npy, "wb") as file:
        file.write(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + data)


def near(path, name, npy, limit):
    with open(npy, "rb") as file:
        got = file.read()
    shape, want = tensor(path, name)
    got = got[10 + struct.unpack("<H", got[8:10])[0]:]
    numbers = [struct.unpack(f"<{math.prod(shape)}f", data) for data in (want, got)]
    difference = max(abs(a - b) for a, b in zip(*numbers))
    if not difference <= float(limit):
        sys.exit(f"{npy}: differs by {difference}, limit {limit}")


{"write": write, "take": take, "near": near}[sys.argv[1]](*sys.argv[2:])
