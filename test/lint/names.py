# SPDX-License-Identifier: Apache-2.0
# Names that must agree: sources and CMake lists, passes and their files and
# tests, and the first lines of every source.
import re

from tree import ROOT, files, report, text


def says_what_for(path, lines, mark):
    """A comment, or the header of the same name, which has one."""
    second = lines[1] if len(lines) > 1 else ""
    return path.name == "CMakeLists.txt" or second.startswith(mark) or (
        path.suffix == ".cpp" and
        re.fullmatch(rf'#include "(.*/)?{path.stem.removesuffix("Test")}\.h"', second) is not None)


def first_lines():
    for path in files(".cpp", ".h", ".td", ".py", ".cmake", "CMakeLists.txt"):
        lines = text(path).splitlines()
        mark = "//" if path.suffix in (".cpp", ".h", ".td") else "#"
        if not lines or lines[0] != f"{mark} SPDX-License-Identifier: Apache-2.0":
            yield f"{path}:1: does not start with its license line"
        elif not says_what_for(path, lines, mark):
            yield f"{path}:2: does not say what the file is for"
        if path.suffix == ".h" and "#pragma once" not in lines:
            yield f"{path}: has no #pragma once"


def cmake_list(path):
    """The CMake file that lists a source: its folder's, or the nearest above."""
    for folder in path.parents:
        if (ROOT / folder / "CMakeLists.txt").is_file():
            return folder / "CMakeLists.txt"


def listed_sources():
    for path in files(".cpp"):
        if path.parts[0] not in ("lib", "runtime", "test", "tools", "docs"):
            continue
        listing = cmake_list(path)
        name = str(path.relative_to(listing.parent))
        if path.parts[:2] == ("tools", "cmake"):
            continue
        words = re.split(r"[\s()]+", text(listing))
        if name not in words and "file(GLOB" not in text(listing):
            yield f"{path}: is not listed in {listing}"


def sorted_lists():
    for path in files("CMakeLists.txt"):
        for match in re.finditer(r"\bSOURCES\s+((?:[\w./-]+\.cpp\s+)+)",
                                 re.sub(r"\)", " ) ", text(path))):
            names = match[1].split()
            for name, after in zip(names, names[1:]):
                if name > after:
                    yield f"{path}: {after} stands after {name}"


def passes():
    table = "include/weft/Transforms/Passes.td"
    if not (ROOT / table).is_file():
        yield f"{table}: is missing"
        return
    for name, flag in re.findall(r'def (\w+)\s*:\s*Pass<"([^"]+)"', text(table)):
        kebab = re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
        if flag != f"weft-{kebab}":
            yield f"{table}: {name}: flag is {flag}, expected weft-{kebab}"
        for file in (f"lib/Transforms/{name}.cpp",
                     f"test/Transforms/{kebab}.mlir"):
            if not (ROOT / file).is_file():
                yield f"{table}: {name}: {file} is missing"


def modules():
    for header in files(".h"):
        if header.parts[:3] != ("include", "weft", "NN"):
            continue
        test = f"test/NN/{header.stem}Test.cpp"
        if not (ROOT / test).is_file():
            yield f"{header}: {test} is missing"


def mirrored_folders():
    """Every folder of the library has one with its tests."""
    folders = {path.parts[1] for path in files(".cpp")
               if path.parts[0] == "lib" and len(path.parts) > 2} | {"Runtime"}
    for folder in sorted(folders):
        tests = [path for path in files(".cpp", ".mlir")
                 if path.parts[:2] == ("test", folder)]
        if not tests:
            yield f"lib/{folder}: test/{folder} has no test"


def suites():
    """A suite of GoogleTest has one fixture: weft-gpu-check links many files."""
    kinds = {}
    for file in files("Test.cpp"):
        for kind, suite in re.findall(r"^(TEST(?:_[FP])?)\((\w+)", text(file), re.M):
            first, place = kinds.setdefault(suite, (kind, file))
            if kind != first:
                yield f"{file}: suite {suite}: {kind}, but {first} in {place}"
                break


report([finding for check in (first_lines, listed_sources, sorted_lists, passes,
                              modules, mirrored_folders, suites)
        for finding in check()])
