# SPDX-License-Identifier: Apache-2.0
# .npy files without NumPy, as text.
#
#   npy.py write x.npy '<f4' 2,3 1 2 3 4 5 6
#   npy.py write x.npy '<f4' 2,3 7        # all of them
#   npy.py print x.npy
import ast
import math
import struct
import sys

FORMATS = {"<f4": "f", "<f8": "d", "<i4": "i", "|u1": "B"}


def write(path, dtype, sizes, *values):
    shape = tuple(int(size) for size in sizes.split(",") if size)
    count = math.prod(shape)
    if len(values) == 1:
        values *= count
    header = repr({"descr": dtype, "fortran_order": False, "shape": shape})
    header = header.ljust(117) + "\n"
    number = float if dtype[1] == "f" else int
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)))
        file.write(header.encode())
        file.write(struct.pack(f"<{count}{FORMATS[dtype]}",
                               *map(number, values)))


def print_(path):
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack("<H", data[8:10])[0]
    header = ast.literal_eval(data[10:10 + size].decode())
    values = struct.iter_unpack("<" + FORMATS[header["descr"]],
                                data[10 + size:])
    print(header["descr"], header["shape"], *(value for value, in values))


{"write": write, "print": print_}[sys.argv[1]](*sys.argv[2:])
