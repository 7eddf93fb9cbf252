"""What `penstock role` and `penstock namespace` share: each is described by a file."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.cli.access_words import listing_word, naming_word
from penstock.cli.asking import asking
from penstock.cli.colours import complain
from penstock.cli.command import DIFFERENT, Command
from penstock.cli.output import JSON, add_document
from penstock.cli.table import table


@dataclass(frozen=True, slots=True)
class Described:
    """One sort, and the fields that its table shows."""

    sort: str
    shown: Sequence[str]

    @property
    def command(self) -> Command:
        """The command."""
        return Command(self._add_options, self._run)

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        words = parser.add_subparsers(dest="word", required=True, metavar="set|list|show|delete")
        setting = naming_word(words, "set", f"make or change a {self.sort}")
        setting.add_argument(
            "-f", "--file", type=Path, required=True, metavar="FILE", help="what it is, in YAML; - for standard input"
        )
        listing_word(words, f"{self.sort}s")
        add_document(naming_word(words, "show", f"print a {self.sort}"), JSON)
        naming_word(words, "delete", f"delete a {self.sort} that nobody has")

    def _run(self, options: argparse.Namespace) -> int:
        path = f"/api/v1/{self.sort}s"
        if options.word == "list":
            return asking(options, "GET", path, self._lines)
        path = f"{path}/{options.name}"
        if options.word == "show":
            return asking(options, "GET", path, lambda _: ())
        if options.word == "delete":
            return asking(options, "DELETE", path, lambda _: [f"{self.sort} {options.name} is deleted"])
        try:
            sent = _read(options.file)
        except ValueError as problem:
            complain(f"{options.file}: {problem}")
            return DIFFERENT
        return asking(options, "PUT", path, lambda _: [f"{self.sort} {options.name} is kept"], sent)

    def _lines(self, answer: Any) -> Iterator[str]:
        header = (self.sort.upper(), *(field.upper() for field in self.shown))
        rows = [(one["name"], *(_cell(one[field]) for field in self.shown)) for one in answer["items"]]
        return table(header, rows)


def _cell(value: Any) -> str:
    return ", ".join(map(str, value)) or "-" if isinstance(value, list) else str(value) or "-"


def _read(path: Path) -> Any:
    """What a file describes.

    Raises: ValueError.
    """
    import yaml

    try:
        return yaml.safe_load(sys.stdin.read() if str(path) == "-" else path.read_text())
    except OSError as problem:
        raise ValueError((problem.strerror or str(problem)).lower()) from None
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise ValueError(f"no YAML: {' '.join(str(problem).split())}") from None
