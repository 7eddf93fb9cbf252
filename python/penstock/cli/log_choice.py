"""Which requests `penstock logs` is to print: flags, made a query of the admin API or a question to lines of a file."""

import argparse
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

_STATUS = re.compile(r"[1-5]([0-9]{2}|xx)")
_ROUTES = ("route", "tcproute", "tlsroute", "udproute")


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Adds what requests can be chosen by."""
    parser.add_argument(
        "routes", nargs="*", type=_route, metavar="ROUTE", help="requests of these routes: route/orders"
    )
    parser.add_argument("--status", type=_status, metavar="STATUS", help="answers of this status, such as 503 or 5xx")
    parser.add_argument("--method", type=str.upper, metavar="METHOD", help="requests of this method")
    parser.add_argument("--host", type=str.lower, metavar="HOST", help="requests for this host")
    parser.add_argument("--path", metavar="PATH", help="requests of this path and of all that begin with it")
    parser.add_argument("--client", type=_network, metavar="IP", help="requests of this client, or of a network")
    parser.add_argument("--slower", type=_duration, metavar="TIME", help="requests that took so long, such as 200ms")


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked of requests; nothing of what is absent."""

    routes: tuple[str, ...] = ()
    status: str | None = None
    method: str | None = None
    host: str | None = None
    path: str | None = None
    client: str | None = None
    slower: str | None = None

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Choice":
        """As flags say."""
        given = {name: getattr(options, name) for name in cls.__dataclass_fields__}
        return cls(**{**given, "routes": tuple(options.routes)})

    def query(self, **more: str | None) -> str:
        """The same as a query of the admin API."""
        given = {name: getattr(self, name) for name in self.__dataclass_fields__} | more
        given["route"] = ",".join(given.pop("routes"))
        return urlencode({name: value for name, value in given.items() if value})

    def holds(self, told: Mapping[str, Any]) -> bool:
        """Whether a line of an access log tells of such a request."""
        status = self.status.removesuffix("xx") if self.status else ""
        return (
            (not self.routes or told.get("route") in self.routes)
            and str(told.get("status", "")).startswith(status)
            and self.method in {None, told.get("method")}
            and self.host in {None, told.get("host")}
            and str(told.get("path", "")).startswith(self.path or "")
            and (self.client is None or _is_in(told.get("client"), self.client))
            and (self.slower is None or _took(told) >= _milliseconds(self.slower))
        )


def _route(text: str) -> str:
    kind, slash, name = text.rpartition("/")
    if slash and kind.lower().removesuffix("s") not in _ROUTES:
        raise argparse.ArgumentTypeError(f"{text!r}: write a route such as route/orders; a file follows --file")
    return name


def _status(text: str) -> str:
    if not _STATUS.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r}: write a status such as 503, or a class such as 5xx")
    return text


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: write an address, or a network such as 10.0.0.0/8") from None
    return text


def _duration(text: str) -> str:
    try:
        _milliseconds(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    return text


def _milliseconds(text: str) -> int:
    from penstock.base.units import Duration

    return Duration.parse(text).milliseconds


def _is_in(address: object, network: str) -> bool:
    try:
        return ipaddress.ip_address(str(address)) in ipaddress.ip_network(network)
    except ValueError:
        return False


def _took(told: Mapping[str, Any]) -> float:
    took = told.get("duration_ms", 0)
    return took if isinstance(took, int | float) else 0
