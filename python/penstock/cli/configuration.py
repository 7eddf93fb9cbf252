"""Loads and compiles the configuration that `-c` names."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from penstock.base.problem import Problem, errors
from penstock.cli import command
from penstock.cli.colours import tell_problem
from penstock.cli.output import DOCUMENTS, TABLE, print_data
from penstock.compiler import Compiled, compile_resources
from penstock.compiler.listening import check_listening
from penstock.compiler.validity import check_validity
from penstock.filters.native import native_catalogue
from penstock.filters.plugin_shelf import FOLDER, Shelf
from penstock.filters.plugins import Known, plugin_catalogue
from penstock.model.kinds import KINDS
from penstock.model.loading import Placed, Text, load_texts, locate
from penstock.runtime.state_folder import default_state_folder
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
    resources: Sequence[Placed] = ()
    texts: Sequence[Text] = ()

    @property
    def is_usable(self) -> bool:
        """Whether nothing refuses it."""
        return not errors(self.problems)


def read_rehearsal(path: Path, state_folder: Path | None = None) -> Configuration:
    """The same as it is once all certificates have come that it orders: for those who only try it out."""
    from penstock.runtime.acme.stand_in import with_stand_ins

    return read_configuration(path, state_folder, with_stand_ins)


def read_configuration(
    path: Path,
    state_folder: Path | None = None,
    prepared: Callable[[Sequence[Placed]], Sequence[Placed]] = lambda resources: resources,
) -> Configuration:
    """The configuration at a path, compiled, with all its problems; plugins are copied into a state folder.

    `prepared` gives what is compiled in the place of the resources.
    """
    texts, unread = texts_of(path)
    loaded = load_texts(texts, environment()).beside(unread)
    known = Known(shelf=Shelf(_place_of(path) / FOLDER))
    catalogue = plugin_catalogue(native_catalogue(), loaded.readable, state_folder, known=known)
    compiled = compile_resources(prepared(loaded.resources), catalogue, unusable=loaded.unusable)
    late = check_validity(loaded.resources, catalogue, datetime.now(UTC))
    found = locate([*loaded.problems, *compiled.problems, *late, *log_problems(loaded.readable)], texts)
    if not errors(found):
        found += check_listening(loaded.resources, str(path))
    kinds = Counter(placed.resource.kind for placed in loaded.resources)
    counts = {kind: kinds[kind] for kind in KINDS if kind in kinds}
    return Configuration(compiled, tuple(found), counts, loaded.resources, texts)


def _place_of(path: Path) -> Path:
    """The state folder of a gateway that runs a configuration here: it has the archives that plugins name."""
    return default_state_folder(["run", str(path.absolute())])


def add_configuration(parser: argparse.ArgumentParser) -> None:
    """Adds `-c` for commands that only read."""
    command.add_configuration(parser, "configuration file or folder; - for standard input")


def texts_of(path: Path) -> tuple[list[Text], list[Problem]]:
    """The configuration files of a path; `-` is one on standard input."""
    return read_stream(sys.stdin.buffer) if path == STDIN else read_texts(path)


def print_problems(problems: Sequence[Problem], output: str = TABLE) -> None:
    """Print problems: for people on standard error, for programs on standard output."""
    if output in DOCUMENTS:
        print_data({"problems": [problem.to_json() for problem in problems]}, output)
        return
    for problem in problems[:_MOST_SHOWN]:
        tell_problem(problem)
    if len(problems) > _MOST_SHOWN:
        print(f"and {len(problems) - _MOST_SHOWN} more; `penstock validate -o json` lists all", file=sys.stderr)
