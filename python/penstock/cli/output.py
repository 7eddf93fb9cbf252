"""The forms of what commands print: for people as a table, short or wide, for programs as JSON or YAML."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

TABLE, WIDE, JSON, YAML = "table", "wide", "json", "yaml"
FORMS = (TABLE, WIDE, JSON, YAML)
DOCUMENTS = (JSON, YAML)


def add_output(parser: argparse.ArgumentParser) -> None:
    """Adds `-o` to a command that prints something for people, and for programs where that is asked for."""
    told = "table and wide for people, json and yaml for programs; default: table"
    parser.add_argument("-o", "--output", choices=FORMS, default=TABLE, help=told)


def add_document(parser: argparse.ArgumentParser, usual: str) -> None:
    """Adds `-o` to a command that prints a document, which people and programs read alike."""
    parser.add_argument(
        "-o", "--output", choices=DOCUMENTS, default=usual, help=f"form of the document; default: {usual}"
    )


def is_for_programs(options: argparse.Namespace) -> bool:
    """Whether programs read what is printed."""
    return options.output in DOCUMENTS


def is_wide(options: argparse.Namespace) -> bool:
    """Whether people want to see more."""
    return bool(options.output == WIDE)


def show(
    options: argparse.Namespace,
    data: Any,
    lines: Callable[[], Iterable[str]],
    nothing: str = "there is nothing to list",
) -> None:
    """Print data as it is asked for: as it is, or the lines that people read of it, or that there is `nothing`."""
    if is_for_programs(options):
        print_data(data, options.output)
        return
    count = 0
    for count, line in enumerate(lines(), 1):  # noqa: B007 - whether there was any is asked below
        print(line)
    if not count:
        print(nothing, file=sys.stderr)


def print_data(data: Any, form: str) -> None:
    """Print data as JSON, or as YAML that says the same."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    if form == JSON:
        print(text)
        return
    import yaml

    # By way of JSON: what is no plain data, and what stands there twice, would have marks of their own in YAML.
    print(yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=True), end="")
