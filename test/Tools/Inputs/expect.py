# SPDX-License-Identifier: Apache-2.0
# expect.py CODE COMMAND...: succeeds if the command ends with this exit code.
import subprocess
import sys

code = subprocess.run(sys.argv[2:]).returncode
if code != int(sys.argv[1]):
    sys.exit(f"exit code {code}, expected {sys.argv[1]}")
