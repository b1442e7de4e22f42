# SPDX-License-Identifier: Apache-2.0
# How lit runs the .mlir and .test files below this folder.
import importlib.util
import os
import re
import subprocess
import sys

import lit.formats

config.name = "Weft"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "CMakeLists.txt"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.weft_binary_root, "test")

for variable in os.environ:
    if variable.endswith("SAN_OPTIONS") or variable.startswith("WEFT_"):
        config.environment[variable] = os.environ[variable]

# The programs are found by name, this build's before any installed one.
tools = os.path.join(config.weft_binary_root, "bin")
config.environment["PATH"] = os.pathsep.join(
    [tools, config.llvm_tools_dir, config.environment.get("PATH", "")]
)
config.substitutions.append(("%python", sys.executable))
config.substitutions.append(("%weft_src", config.weft_source_root))
config.substitutions.append(("%weft_build", config.weft_binary_root))

# What this machine has: `REQUIRES: nvrtc, onednn`, `REQUIRES: torch`,
# `UNSUPPORTED: gpu`; and whether the examples are built, which see Weft as other programs do.
if importlib.util.find_spec("torch"):
    config.available_features.add("torch")
if os.path.exists(os.path.join(tools, "digits")):
    config.available_features.add("examples")
info = subprocess.run([os.path.join(tools, "weft"), "info"],
                      capture_output=True, text=True, check=True).stdout
for feature in ("nvrtc", "gpu:0"):
    if re.search(f"^{feature}: ", info, re.MULTILINE):
        config.available_features.add(feature.split(":")[0])
if re.search(r"^oneDNN: \d", info, re.MULTILINE):
    config.available_features.add("onednn")
if re.search(r"^oneDNN: .*, bfloat16$", info, re.MULTILINE):
    config.available_features.add("onednn-bfloat16")
