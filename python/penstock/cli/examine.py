"""`penstock _examine`: what a plugin's files hold, as JSON; a child process that imports them.

Whatever the files print goes to standard error: standard output holds the answer alone.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from penstock.cli.command import FAILED, FINE, Command


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which files, under which name they are imported, and whether settings are checked."""
    parser.add_argument("path", type=Path, metavar="FILE|DIR", help="Python file or folder")
    parser.add_argument("--digest", default="", help="name of this version; default: made from the files")
    parser.add_argument("--check", action="store_true", help="check the settings that standard input lists")


def run(options: argparse.Namespace) -> int:
    """Print the filters and the problems of the files."""
    from penstock.filters.plugin_files import read_plugin

    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answer:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        try:
            files = read_plugin(options.path)
        except (OSError, ValueError) as error:
            print(f"penstock: {error}", file=sys.stderr)
            return FAILED
        digest = options.digest or files.digest
        found = _checked(files.folder, digest) if options.check else _found(files.folder, digest, list(files.contents))
        json.dump(found, answer)
        answer.write("\n")
        answer.flush()
        # Threads that the files started, and what they left for the end, do not hold up the answer.
        os._exit(FINE)


def _found(folder: Path, digest: str, files: list[str]) -> dict[str, Any]:
    from penstock.filters.plugin_description import describe_plugin

    return describe_plugin(folder, digest, files)


def _checked(folder: Path, digest: str) -> dict[str, Any]:
    from penstock.filters.plugin_description import check_settings

    return {"checked": check_settings(folder, digest, json.load(sys.stdin))}


COMMAND = Command(add_options, run)
