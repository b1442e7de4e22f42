# SPDX-License-Identifier: Apache-2.0
# Each layer includes only what stands left of it, and public headers include no
# header of LLVM, CUDA or Abseil.
import re

from tree import files, report, text

# A layer, and the layers it may include besides itself.
LEFT_OF = {
    "Core": [],
    "Runtime": ["Core"],
    "IR": ["Core"],
    "Transforms": ["Core", "IR"],
    "Target": ["Core", "IR", "Transforms"],
    "Compiler": ["Core", "Runtime", "IR", "Transforms", "Target"],
    "Tensor": ["Core", "Runtime", "Compiler"],
    "NN": ["Core", "Runtime", "Compiler", "Tensor"],
    "IO": ["Core", "Runtime", "Compiler", "Tensor"],
}
SEES_LLVM = {"IR", "Transforms", "Target", "Compiler"}
# Generated lists of names, without a type of the layer they are generated in.
PLAIN_LISTS = {"weft/IR/OpKinds.inc", "weft/IR/RowFunctions.h.inc",
               "weft/IR/RowFunctions.cpp.inc", "weft/IR/Rows.inc"}
# Converts between weft::Status and absl::Status, for programs that ask for it.
MAY_INCLUDE_ABSEIL = {"include/weft/Absl.h"}


def layer(path):
    """The layer of a file or of an include of one; None outside all layers."""
    parts = str(path).split("/")
    if parts[0] == "runtime" or path == "weft/Runtime.h":
        return "Runtime"
    if parts[0] == "include":
        return layer("/".join(parts[1:]))
    if parts[0] in ("weft", "lib") and len(parts) > 2:
        return parts[1] if parts[1] in LEFT_OF else None
    if parts[0] == "weft" and len(parts) == 2:
        # The umbrella header is above all layers.
        return None if parts[1] in ("Weft.h", "weft.h") else "Tensor"
    return None


def is_public(path):
    parts = path.parts
    return parts[:2] == ("include", "weft") and (
        len(parts) == 3 or parts[2] in ("Core", "NN", "IO"))


def finding(path, include):
    own, other = layer(path), layer(include)
    outside = include.split("/")[0]
    if outside in ("llvm", "mlir", "llvm-c", "mlir-c"):
        if own and own not in SEES_LLVM:
            return f"{own} sees no LLVM"
    elif re.match(r"cuda|nvrtc|cublas|cudnn", include):
        return "no file includes a CUDA header; runtime/Driver.h declares calls"
    elif outside == "absl":
        if is_public(path) and str(path) not in MAY_INCLUDE_ABSEIL:
            return "Abseil stays inside"
    elif own and other and include not in PLAIN_LISTS:
        if other != own and other not in LEFT_OF[own]:
            return f"{own} may not include {other}"
    return None


def main():
    findings = []
    for path in files(".h", ".cpp"):
        for number, line in enumerate(text(path).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            if match and (rule := finding(path, match[1])):
                findings.append(f"{path}:{number}: {match[1]}: {rule}")
    report(findings)


main()
