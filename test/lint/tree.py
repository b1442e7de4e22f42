# SPDX-License-Identifier: Apache-2.0
# What the lints share: the files of the project and how a finding is reported.
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files(*suffixes):
    """The project's files with these suffixes, sorted, relative to the root.

    Git knows which files belong to the project; without it (a source archive)
    everything outside build folders does.
    """
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        paths = [Path(line) for line in listed.stdout.splitlines()]
    else:
        paths = [path.relative_to(ROOT) for path in ROOT.rglob("*")
                 if not path.relative_to(ROOT).parts[0].startswith(("build", "."))]
    return sorted(path for path in set(paths)
                  if path.name.endswith(suffixes) and (ROOT / path).is_file())


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def report(findings):
    """Prints the findings and ends the program; none is success."""
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)
