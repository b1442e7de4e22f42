# SPDX-License-Identifier: Apache-2.0
# All C++ is formatted by clang-format 19, the version the packages pin.
import subprocess
import sys

from tree import ROOT, files

sources = [str(path) for path in files(".cpp", ".h")]
sys.exit(subprocess.run(["clang-format-19", "--dry-run", "--Werror", *sources],
                        cwd=ROOT).returncode)
