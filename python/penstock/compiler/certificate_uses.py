"""The certificates of a plan: what they say, and who uses them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.filters.catalogue import Catalogue, CertificateFacts


@dataclass(frozen=True, slots=True)
class CertificateUse:
    """A certificate, what it says, and the keys of the parts that use it."""

    name: str
    facts: CertificateFacts
    used_by: tuple[str, ...]


def certificate_uses(
    parts: Mapping[str, Any], secrets: Mapping[str, Any], catalogue: Catalogue
) -> Iterator[CertificateUse]:
    """The certificates of a plan, in the order of their names."""
    users: dict[str, list[str]] = {}
    for key, part in sorted(parts.items()):
        for used in _used_by(part["body"]):
            users.setdefault(used, []).append(key)
    for key, part in sorted(parts.items()):
        body = part["body"]
        if body["kind"] == "certificate":
            facts = catalogue.check_certificate(body["certificate"], secrets.get(body["key_hash"], "")).facts
            if facts is not None:
                # The pairs of a folder are used by those who name it.
                named = "/".join(key.split("/")[:2])
                yield CertificateUse(body["name"], facts, tuple(users.get(named, ())))


def _used_by(body: Mapping[str, Any]) -> list[str]:
    tls = body.get("tls") or {}
    if body["kind"] == "listener":
        return list(tls.get("certificates", ()))
    return [tls["certificate"]] if body["kind"] == "upstream" and tls.get("certificate") else []
