"""Loads and compiles the configuration that `-c` names."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.base.problem import Problem, errors

if TYPE_CHECKING:
    from penstock.compiler import Compiled


@dataclass(frozen=True, slots=True)
class Configuration:
    """A compiled configuration and every problem of it, located."""

    compiled: "Compiled"
    problems: tuple[Problem, ...]

    @property
    def is_usable(self) -> bool:
        """Whether nothing refuses it."""
        return not errors(self.problems)


def add_configuration(parser: argparse.ArgumentParser) -> None:
    """Adds `-c`, which every command calls so."""
    parser.add_argument(
        "-c", "--configuration", type=Path, required=True, metavar="FILE|DIR", help="configuration file or folder"
    )


def read_configuration(path: Path) -> Configuration:
    """The configuration at a path, compiled, with all its problems."""
    from penstock.compiler import compile_resources
    from penstock.filters.native import native_catalogue
    from penstock.model.loading import load_texts, locate
    from penstock.store.files import environment, read_texts

    texts, problems = read_texts(path)
    loaded = load_texts(texts, environment())
    compiled = compile_resources(loaded.resources, native_catalogue(), unusable=loaded.unusable)
    found = locate([*problems, *loaded.problems, *compiled.problems], texts)
    return Configuration(compiled, tuple(found))
