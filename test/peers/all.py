# SPDX-License-Identifier: Apache-2.0
# PyTorch beside every row of `weft bench` that it has something for.
"""Compares all rows of a file of `weft bench` with PyTorch.

    weft bench all --device gpu:0 --dtype float16 --json all.json
    python3 test/peers/all.py all.json
    python3 test/peers/all.py all.json conv resnet50
"""
import conv
import linear
import network_times
import norms
import permute
import resize
import rows
from comparison import main

if __name__ == "__main__":
    main(__doc__, norms.rows, rows.rows, resize.rows, permute.rows, linear.rows, conv.rows, network_times.rows)
