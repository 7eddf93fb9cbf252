"""`penstock proxy`: one listener before one endpoint, without a configuration."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.cli.command import Command
from penstock.cli.serving import add_process_options, serve

if TYPE_CHECKING:
    from penstock.runtime.launch import Launch
    from penstock.runtime.supervisor import Supervisor

_LOG_LINE = "{{ time }} {{ client }} {{ method }} {{ host }}{{ path }} {{ status }} {{ duration_ms }} ms {{ reason }}"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where to listen and where to forward."""
    parser.add_argument(
        "listen", type=_listen, metavar="ADDRESS", help="where to listen: :8080, 127.0.0.1:8080, unix:/path"
    )
    parser.add_argument(
        "to",
        type=_url,
        metavar="URL",
        help="where to forward: http://localhost:3000, h2c://localhost:50051, unix:/path",
    )
    parser.add_argument("--access-log", action="store_true", help="print a line for each request")
    add_process_options(parser)
    parser.set_defaults(admin="off")


def run(options: argparse.Namespace) -> int:
    """Serve until told to end."""

    def make(launched: "Launch") -> "Supervisor":
        from penstock.runtime.assemble import serving_data

        return serving_data(launched, resources(options.listen, options.to, has_access_log=options.access_log))

    return serve(options, ["proxy", options.listen, options.to], make)


def resources(listen: str, to: str, *, has_access_log: bool = False) -> list[dict[str, Any]]:
    """The configuration that the arguments stand for."""
    log: dict[str, Any] = {"path": "stdout", "format": _LOG_LINE}
    # Whoever puts it before a service of gRPC has clients that speak HTTP/2.
    speaks = {"protocols": ["http1", "h2c"]} if to.startswith("h2c://") else {}
    return [
        {"kind": "Listener", "name": "proxy", "address": listen, **speaks},
        {"kind": "Route", "name": "proxy", "path": "/*", "to": to},
        *([{"kind": "Telemetry", "name": "default", "access_log": log}] if has_access_log else []),
    ]


def _url(text: str) -> str:
    """A URL, whose scheme and host may be left out."""
    if "://" in text or text.startswith("unix:"):
        return text
    port = f":{text}" if text.isdigit() else text
    return f"http://localhost{port}" if port.startswith(":") else f"http://{port}"


def _listen(text: str) -> str:
    from penstock.base.networks import listening_address

    port = f":{text}" if text.isdigit() else text
    try:
        return listening_address(f"{_everywhere()}{port}" if port.startswith(":") else port)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _everywhere() -> str:
    """All addresses of this machine, IPv4 and IPv6, unless the kernel has no IPv6."""
    try:
        return "[::]" if Path("/proc/net/if_inet6").read_text() else "0.0.0.0"  # noqa: S104 - what the user asks for
    except OSError:
        return "0.0.0.0"  # noqa: S104


COMMAND = Command(add_options, run)
