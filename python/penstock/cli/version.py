"""`penstock version`: what is installed."""

import argparse
import json
import platform
from importlib.metadata import PackageNotFoundError, version

from penstock.cli.command import FINE, Command, add_output


def add_options(parser: argparse.ArgumentParser) -> None:
    """The form of the output."""
    add_output(parser, "text", "json")


def run(options: argparse.Namespace) -> int:
    """Print the versions of Penstock and of Python."""
    found = {"penstock": installed_version(), "python": platform.python_version(), "machine": platform.machine()}
    as_text = "penstock {penstock} (Python {python}, {machine})".format(**found)
    print(json.dumps(found, indent=2) if options.output == "json" else as_text)
    return FINE


def installed_version() -> str:
    """The version of the installed package; of a source tree that is not installed, that it is one."""
    try:
        return version("penstock")
    except PackageNotFoundError:
        return "from a source tree"


COMMAND = Command(add_options, run)
