"""`penstock proxy`: one listener before one endpoint, without a configuration."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.cli.command import Command
from penstock.cli.serving import add_process_options, serve

if TYPE_CHECKING:
    from penstock.runtime.launch import Launch
    from penstock.runtime.supervisor import Supervisor


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where to listen and where to forward."""
    parser.add_argument(
        "listen", type=_listen, metavar="ADDRESS", help="where to listen: :8080, 127.0.0.1:8080, unix:/path"
    )
    parser.add_argument("to", metavar="URL", help="where to forward: http://localhost:3000")
    add_process_options(parser)
    parser.set_defaults(admin="off")


def run(options: argparse.Namespace) -> int:
    """Serve until told to end."""

    def make(launched: "Launch") -> "Supervisor":
        from penstock.runtime.assemble import serving_data

        return serving_data(launched, resources(options.listen, options.to))

    return serve(options, ["proxy", options.listen, options.to], make)


def resources(listen: str, to: str) -> list[dict[str, Any]]:
    """The configuration that the two arguments stand for."""
    return [
        {"kind": "Listener", "name": "proxy", "address": listen},
        {"kind": "Route", "name": "proxy", "path": "/*", "to": to},
    ]


def _listen(text: str) -> str:
    from penstock.base.networks import listening_address

    try:
        return listening_address(f"{_everywhere()}{text}" if text.startswith(":") else text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _everywhere() -> str:
    """All addresses of this machine, IPv4 and IPv6, unless the kernel has no IPv6."""
    try:
        return "[::]" if Path("/proc/net/if_inet6").read_text() else "0.0.0.0"  # noqa: S104 - what the user asks for
    except OSError:
        return "0.0.0.0"  # noqa: S104


COMMAND = Command(add_options, run)
