"""Listeners in each other's way: two that want one address."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, ip_address
from posixpath import normpath

from penstock.base.networks import split_authority
from penstock.base.problem import Problem
from penstock.model.listener import Listener
from penstock.model.loading.loaded import Placed


def check_addresses(resources: Sequence[Placed]) -> Iterator[Problem]:
    """Listeners on an address that an earlier one has already.

    One that speaks HTTP/3 takes the port of UDP as well.

    Port 0 is a free one each time. `[::]` takes every address, IPv4 too; `0.0.0.0` every IPv4 address.
    """
    taken: dict[str, list[tuple[str, Listener]]] = {}
    for placed in resources:
        listener = placed.resource
        if not isinstance(listener, Listener):
            continue
        ports, host = _parted(listener)
        held = ((holder, one) for port in ports for holder, one in taken.get(port, ()))
        earlier = next((one for holder, one in held if _meet(holder, host)), None)
        if earlier is not None:
            yield placed.located(_problem(listener, earlier))
        for port in ports:
            if port not in {"0", "udp:0"}:
                taken.setdefault(port, []).append((host, listener))


def _parted(listener: Listener) -> tuple[list[str], str]:
    """Things of which two listeners must share one to meet, and the host; of a unix socket its path, and nothing."""
    if listener.is_unix:
        return [normpath(listener.address)], ""
    host, port = split_authority(listener.address)
    # A port of UDP has nothing to do with the same of TCP.
    kinds = {"udp": listener.speaks == "udp" or "h3" in listener.spoken, "tcp": listener.speaks != "udp"}
    ports = {"udp": f"udp:{port}", "tcp": port}
    return [ports[kind] for kind, is_taken in kinds.items() if is_taken], host.strip("[]")


def _meet(one: str, other: str) -> bool:
    return one == other or _takes(one, other) or _takes(other, one)


def _takes(wide: str, host: str) -> bool:
    return wide == "::" or (wide == "0.0.0.0" and isinstance(ip_address(host), IPv4Address))  # noqa: S104 - compared


def _problem(listener: Listener, earlier: Listener) -> Problem:
    shared = "" if earlier.address == listener.address else f", which holds {listener.address}"
    message = f"listener `{earlier.name}` listens on {earlier.address} already{shared}"
    return Problem(("address",), message, "give one of the two another port" if not listener.is_unix else "")
