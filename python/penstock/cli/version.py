"""`penstock version`: what is installed."""

import argparse
import platform
from importlib.metadata import PackageNotFoundError, version

from penstock.cli.command import FINE, Command
from penstock.cli.output import add_output, show


def add_options(parser: argparse.ArgumentParser) -> None:
    """The form of the output."""
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print the versions of Penstock and of Python."""
    found = {"penstock": installed_version(), "python": platform.python_version(), "machine": platform.machine()}
    show(options, found, lambda: ["penstock {penstock} (Python {python}, {machine})".format(**found)])
    return FINE


def installed_version() -> str:
    """The version of the installed package; of a source tree that is not installed, that it is one."""
    try:
        return version("penstock")
    except PackageNotFoundError:
        return "from a source tree"


COMMAND = Command(add_options, run)
