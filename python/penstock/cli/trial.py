"""`penstock _trial`: sends the requests of tests through a gateway of their own; a child process that imports plugins.

Whatever filters print goes to standard error: standard output holds the answer alone.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from penstock.cli.command import FINE, Command


def add_options(_parser: argparse.ArgumentParser) -> None:
    """None: all comes on standard input."""


def run(_options: argparse.Namespace) -> int:
    """Print what became of each request."""
    from penstock.runtime.trial.serving import run_all

    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answer:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        told = json.load(sys.stdin)
        found = run_all(told["parts"], told["secrets"], told["asked"], Path(told["state_folder"]))
        json.dump(found, answer)
        answer.write("\n")
        answer.flush()
        # Threads that filters started do not hold up the answer.
        os._exit(FINE)


COMMAND = Command(add_options, run)
