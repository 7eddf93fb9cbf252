"""Checks the licences of all crates that a build uses, and that none is built in two versions unless listed.

Works on what `cargo tree` prints, so it needs no tool beside cargo; `cargo metadata` also names crates that features
only might need, and that no build sees.
"""

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tools.repository import ROOT

# Permissive licences: whoever ships a binary owes a notice and nothing else.
ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "Unicode-3.0",
        "Unlicense",
        "Zlib",
    }
)

TREE = (
    "cargo",
    "tree",
    "--locked",
    "--workspace",
    # As in deny.toml: those that a wheel is built for.
    "--target=x86_64-unknown-linux-gnu",
    "--target=aarch64-unknown-linux-gnu",
    "--edges=normal,build",
    "--prefix=none",
    "--format={p}|{l}",
)

# Crates that may be built in two versions, each with who asks for the older one.
DUPLICATES: dict[str, str] = {}


@dataclass(frozen=True)
class Crate:
    """A crate in the dependency graph."""

    name: str
    version: str
    licence: str


def is_allowed(expression: str) -> bool:
    """True if a choice of the SPDX expression needs only allowed licences.

    Shape: `A OR B`, `(A OR B) AND C`, `A/B` (the old way to write OR).
    """
    pieces = re.findall(r"[()]|\bAND\b|\bOR\b|(?:(?!\bAND\b|\bOR\b)[^()])+", expression.replace("/", " OR "))
    return bool(expression) and any_of(iter([*pieces, ")"]))


def any_of(pieces: Iterator[str]) -> bool:
    """Read alternatives up to a closing bracket: true if one of them is allowed."""
    alternatives = [True]
    for piece in pieces:
        match piece:
            case ")":
                break
            case "OR":
                alternatives.append(True)
            case "(":
                alternatives[-1] &= any_of(pieces)
            case licence if licence.strip() and licence != "AND":
                alternatives[-1] &= licence.strip() in ALLOWED
    return any(alternatives)


def crates(lines: Iterable[str]) -> list[Crate]:
    """The crates of other people that are built, or run during a build.

    Shape: lines of `cargo tree` as `{p}|{l}`: name, version with a `v`, maybe where it lies in brackets, and licence.
    """
    found = set()
    for line in lines:
        package, _, licence = line.removesuffix(" (*)").partition("|")
        name, version, *about = package.split()
        if not any(word.startswith("(/") for word in about):
            found.add(Crate(name, version.removeprefix("v"), licence))
    return sorted(found, key=lambda crate: (crate.name, crate.version))


def problems(found: Iterable[Crate]) -> list[str]:
    """What is wrong with these crates, one line each."""
    versions = defaultdict[str, list[str]](list)
    lines = []
    for crate in found:
        versions[crate.name].append(crate.version)
        if not is_allowed(crate.licence):
            lines.append(f"{crate.name} {crate.version}: licence not allowed: {crate.licence or 'none given'}")
    twice = {name for name, numbers in versions.items() if len(numbers) > 1}
    lines += [f"{name}: built in versions {', '.join(versions[name])}" for name in sorted(twice - DUPLICATES.keys())]
    lines += [f"{name}: listed as duplicate, but is none: remove it" for name in sorted(DUPLICATES.keys() - twice)]
    return lines


def main() -> int:
    """Print the problems; 1 when there are any."""
    tree = subprocess.run(TREE, check=True, cwd=ROOT, capture_output=True, text=True).stdout
    found = crates(filter(None, tree.splitlines()))
    lines = problems(found)
    print("\n".join(lines) or f"{len(found)} crates, licences and versions as they should be")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
