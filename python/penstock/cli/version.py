"""`penstock version`: what is installed."""

import argparse
import platform
from importlib.metadata import PackageNotFoundError, version

from penstock.cli.command import FINE, Command, no_options


def run(_options: argparse.Namespace) -> int:
    """Print the versions of Penstock and of Python."""
    print(f"penstock {installed_version()} (Python {platform.python_version()}, {platform.machine()})")
    return FINE


def installed_version() -> str:
    """The version of the installed package; of a source tree that is not installed, that it is one."""
    try:
        return version("penstock")
    except PackageNotFoundError:
        return "from a source tree"


COMMAND = Command(no_options, run)
