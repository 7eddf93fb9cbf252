"""`penstock _worker`: a worker process, started by the supervisor alone."""

import argparse
import os
import signal

from penstock.cli.command import Command
from penstock.cli.own_log import FORMAT_VARIABLE


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which worker it is, what it shares with the others, and where it listens for its supervisor."""
    parser.add_argument("--index", type=int, required=True)
    parser.add_argument("--supervisor", type=int, required=True)
    parser.add_argument("--column", type=int, required=True)
    parser.add_argument("--table", type=int, required=True)
    parser.add_argument("--table-boot", type=int, required=True)
    parser.add_argument("--socket", required=True)
    parser.add_argument("--boot", required=True)
    parser.add_argument("--state-dir", required=True)
    parser.add_argument("--memory-limit", default="auto")


def run(options: argparse.Namespace) -> int:
    """Serve until told to end."""
    from penstock.runtime.privileges import harden
    from penstock.runtime.worker.entry import run_worker, say_json, say_stacks_when_asked

    harden()
    # A terminal's interrupt is the supervisor's to act on; SIGTERM ends even a worker that hangs.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Who rotates logs sends it to every process of a name; a log that was moved is noticed without it.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    say_stacks_when_asked()
    if os.environ.get(FORMAT_VARIABLE) == "json":
        say_json()
    table = (options.table, options.table_boot, options.column)
    place = (options.socket, options.boot, options.state_dir)
    return run_worker(options.index, options.supervisor, table, *place, options.memory_limit)


COMMAND = Command(add_options, run)
