"""Loads and compiles the configuration that `-c` names."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from penstock.base.problem import Problem, errors
from penstock.cli import command
from penstock.compiler import Compiled, compile_resources
from penstock.compiler.listening import check_listening
from penstock.compiler.validity import check_validity
from penstock.filters.native import native_catalogue
from penstock.filters.plugins import plugin_catalogue
from penstock.model.kinds import KINDS
from penstock.model.loading import Text, load_texts, locate
from penstock.store.files import environment, read_stream, read_texts
from penstock.store.log_places import log_problems

STDIN = Path("-")
"""Stands for standard input, as everywhere."""
_MOST_SHOWN = 1000
"""Problems that people are shown: who has more has one mistake in a generator."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A compiled configuration and every problem of it, located."""

    compiled: Compiled
    problems: tuple[Problem, ...]
    kinds: Mapping[str, int] = field(default_factory=dict)
    """How many resources there are of each kind."""

    @property
    def is_usable(self) -> bool:
        """Whether nothing refuses it."""
        return not errors(self.problems)


def read_configuration(path: Path) -> Configuration:
    """The configuration at a path, compiled, with all its problems."""
    texts, unread = texts_of(path)
    loaded = load_texts(texts, environment()).beside(unread)
    catalogue = plugin_catalogue(native_catalogue(), loaded.readable)
    compiled = compile_resources(loaded.resources, catalogue, unusable=loaded.unusable)
    late = check_validity(loaded.resources, catalogue, datetime.now(UTC))
    found = locate([*loaded.problems, *compiled.problems, *late, *log_problems(loaded.readable)], texts)
    if not errors(found):
        found += check_listening(loaded.resources, str(path))
    kinds = Counter(placed.resource.kind for placed in loaded.resources)
    return Configuration(compiled, tuple(found), {kind: kinds[kind] for kind in KINDS if kind in kinds})


def add_configuration(parser: argparse.ArgumentParser) -> None:
    """Adds `-c` for commands that only read."""
    command.add_configuration(parser, "configuration file or folder; - for standard input")


def texts_of(path: Path) -> tuple[list[Text], list[Problem]]:
    """The configuration files of a path; `-` is one on standard input."""
    return read_stream(sys.stdin.buffer) if path == STDIN else read_texts(path)


def print_problems(problems: Sequence[Problem], output: str = "text") -> None:
    """Print problems: for people on standard error, as JSON on standard output."""
    if output == "json":
        print(json.dumps({"problems": [problem.to_json() for problem in problems]}, indent=2))
        return
    for problem in problems[:_MOST_SHOWN]:
        print(problem, file=sys.stderr)
    if len(problems) > _MOST_SHOWN:
        print(f"and {len(problems) - _MOST_SHOWN} more; `penstock validate -o json` lists all", file=sys.stderr)
