# SPDX-License-Identifier: Apache-2.0
# docs/functions.md names every public function and module, and no other.
import re

from tree import files, report, text

PAGE = "docs/functions.md"


def rows():
    """The element-wise functions, which TableGen makes of Ops.td."""
    return re.findall(r'^def \w+ *: (?:Unary|Binary|Comparison)<"(\w+)"',
                      text("include/weft/IR/Ops.td"), re.M)


def functions():
    """Free functions that make, take or give tensors."""
    for header in ["include/weft/Functions.h", "include/weft/Tensor.h",
                   *(path for path in files(".h") if path.parts[:3] == ("include", "weft", "IO"))]:
        # What is indented belongs to a class, what is in `detail` to nobody.
        public = re.sub(r"namespace detail \{.*?\n\} // namespace detail", "", text(header), flags=re.S)
        yield from re.findall(r"^(?:Tensor|Status|StatusOr<\w+>)\s+(\w+)\(", public, re.M)


def modules():
    for header in files(".h"):
        if header.parts[:3] == ("include", "weft", "NN"):
            yield from re.findall(r"^class (\w+) : public Module\b", text(header), re.M)


def named():
    """What the first columns name: `add` (`+`), `div`."""
    for line in text(PAGE).split("## What is written with others")[0].splitlines():
        if line.startswith("| `"):
            first = re.sub(r"\([^)]*\)", "", line.split(" | ")[0])
            yield from re.findall(r"`(\w+)`", first)


def findings():
    public, page = {*rows(), *functions(), *modules()}, list(named())
    for name in sorted(public - set(page)):
        yield f"{PAGE}: {name} is missing"
    for name in sorted(set(page) - public):
        yield f"{PAGE}: {name} is no public function or module"
    for name in sorted({name for name in page if page.count(name) > 1}):
        yield f"{PAGE}: {name} stands there twice"


report(list(findings()))
