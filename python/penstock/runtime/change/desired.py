"""The plan that should run: what the store holds, compiled, with the addresses of its host names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from penstock.base.networks import split_authority
from penstock.compiler.compiled import part_of
from penstock.runtime.change.delta import Parts


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a revision of the store: applied, or refused with problems.

    `left_out` are the problems of resources that the plan does without.
    """

    store_revision: int
    problems: Sequence[str] = ()
    left_out: Sequence[str] = ()

    @property
    def is_applied(self) -> bool:
        """Whether the workers run it."""
        return not self.problems


def hosts_of(parts: Parts) -> set[str]:
    """The host names that a plan's endpoints use."""
    bodies = (part["body"] for key, part in parts.items() if key.startswith("upstream/"))
    addresses = {endpoint["address"] for body in bodies for endpoint in body["endpoints"]}
    hosts = {split_authority(address)[0] for address in addresses if not address.startswith("unix:")}
    return {host for host in hosts if not _is_ip(host.strip("[]"))}


def with_names(parts: Parts, addresses: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The plan with a part for each host name, and for no other."""
    names = {
        f"names/{name}": part_of({"kind": "names", "name": name, "addresses": list(found)})
        for name, found in addresses.items()
    }
    others = [key for key in parts if key.startswith("names/") and key not in names]
    whole = {**parts, **names}
    for key in others:
        del whole[key]
    return whole


def drained(parts: Parts) -> dict[str, Any]:
    """The plan of a node that is to serve nobody: without listeners, else as it is."""
    return {key: part for key, part in parts.items() if not key.startswith("listener/")}


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
