"""`penstock fmt`: one layout for configuration files, with every comment kept."""

import argparse
import os
import sys
from pathlib import Path

from penstock.cli.command import DIFFERENT, FAILED, FINE, Command
from penstock.cli.configuration import STDIN, add_configuration, texts_of
from penstock.cli.layout import NotFormatted, formatted
from penstock.cli.output import add_output, is_for_programs, print_data


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which files, and whether they are only looked at."""
    add_configuration(parser)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 2 if a file would change")
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Format the files; what cannot be read is left as it is and fails.

    Standard input is written to standard output, formatted.
    """
    texts, problems = texts_of(options.configuration)
    failures = {problem.file: problem.message for problem in problems}
    changed: list[str] = []
    for text in texts:
        try:
            after = formatted(text)
            if options.configuration == STDIN and not options.check:
                sys.stdout.write(after)
            elif after != text.content:
                if not options.check:
                    _replace(Path(text.file), after)
                changed.append(text.file)
        except (NotFormatted, OSError) as problem:
            failures[text.file] = str(problem)
    _tell(options, changed, failures)
    if failures:
        return FAILED
    return DIFFERENT if options.check and changed else FINE


def _tell(options: argparse.Namespace, changed: list[str], failures: dict[str, str]) -> None:
    if is_for_programs(options) and (options.configuration != STDIN or options.check):
        left = [{"file": file, "message": message} for file, message in failures.items()]
        print_data({"changed": changed, "failed": left}, options.output)
        return
    for file in changed:
        print(f"{file} {'would change' if options.check else 'formatted'}")
    for file, message in failures.items():
        print(f"{file}: {message}", file=sys.stderr)


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
