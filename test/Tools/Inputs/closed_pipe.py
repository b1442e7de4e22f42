# SPDX-License-Identifier: Apache-2.0
# closed_pipe.py COMMAND...: runs the command while nobody reads its output,
# and succeeds if it says nothing of that, whether or not SIGPIPE ends it.
import os
import signal
import subprocess
import sys


def run(disposition):
    reader, writer = os.pipe()
    os.close(reader)
    return subprocess.run(
        sys.argv[1:], stdout=writer, stderr=subprocess.PIPE, text=True,
        restore_signals=False,
        preexec_fn=lambda: signal.signal(signal.SIGPIPE, disposition))


killed, ignoring = run(signal.SIG_DFL), run(signal.SIG_IGN)
if killed.returncode != -signal.SIGPIPE or ignoring.returncode != 0:
    sys.exit(f"exit codes {killed.returncode}, {ignoring.returncode}")
if killed.stderr or ignoring.stderr:
    sys.exit(f"said: {killed.stderr}{ignoring.stderr}")
