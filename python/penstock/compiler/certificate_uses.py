"""The certificates of a plan: what they say, and who uses them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from penstock.compiler.validity import validity_message
from penstock.filters.catalogue import Catalogue, CertificateFacts

_DAY_SECONDS = 24 * 3600
_SOON_SECONDS = 14 * _DAY_SECONDS
"""As long before its end as the alert that the guide advises."""


@dataclass(frozen=True, slots=True)
class CertificateUse:
    """A certificate, what it says, and the keys of the parts that use it."""

    name: str
    facts: CertificateFacts
    used_by: tuple[str, ...]

    def told(self, now: float) -> dict[str, Any]:
        """What there is to know of it at a time, and what is not well with it.

        Units: seconds since 1970; `days_left` whole days.
        """
        facts = self.facts
        return {
            "name": self.name,
            "names": list(facts.names),
            "issuer": facts.issuer,
            "not_before": _moment(facts.not_before),
            "not_after": _moment(facts.not_after),
            "days_left": int((facts.not_after - now) // _DAY_SECONDS),
            "used_by": list(self.used_by),
            "listeners": [key.partition("/")[2] for key in self.used_by if key.startswith("listener/")],
            "warnings": list(self._warnings(now)),
        }

    def _warnings(self, now: float) -> Iterator[str]:
        if message := validity_message(self.facts, now):
            yield message
        elif self.facts.not_after - now < _SOON_SECONDS:
            yield "it ends soon"
        if not self.used_by:
            yield "nothing uses it"


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


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
