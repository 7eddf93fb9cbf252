"""`penstock fmt`: one layout for configuration files, with every comment kept."""

import argparse
import os
import sys
from pathlib import Path

from penstock.cli.command import DIFFERENT, FAILED, FINE, Command
from penstock.cli.configuration import add_configuration
from penstock.cli.layout import NotFormatted, formatted
from penstock.model.loading import Text
from penstock.store.files import read_texts


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which files, and whether they are only looked at."""
    add_configuration(parser)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 2 if a file would change")


def run(options: argparse.Namespace) -> int:
    """Format the files; what cannot be read is left as it is and fails."""
    texts, problems = read_texts(options.configuration)
    failures = [str(problem) for problem in problems]
    changed = 0
    for text in texts:
        try:
            changed += _format(text, is_check=options.check)
        except (NotFormatted, OSError) as problem:
            failures.append(f"{text.file}: {problem}")
    for failure in failures:
        print(failure, file=sys.stderr)
    if failures:
        return FAILED
    return DIFFERENT if options.check and changed else FINE


def _format(text: Text, *, is_check: bool) -> bool:
    """Whether the file differs, or differed, from its formatted form."""
    after = formatted(text)
    if after == text.content:
        return False
    if is_check:
        print(f"{text.file} would change")
        return True
    _replace(Path(text.file), after)
    print(f"{text.file} formatted")
    return True


def _replace(file: Path, content: str) -> None:
    """Replaces a file in one step, so that nobody ever reads half of it."""
    target = file.resolve()
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with beside.open("x", encoding="utf-8", newline="") as opened:
            opened.write(content)
        beside.chmod(target.stat().st_mode & 0o7777)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


COMMAND = Command(add_options, run)
