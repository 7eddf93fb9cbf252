"""What is kept beside resources of certificates that the gateway orders: what was issued, and what proves names."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from penstock.model.certificate import Certificate
from penstock.model.kinds import resource_key
from penstock.model.loading.loaded import Placed
from penstock.model.loading.validation import validate_resource
from penstock.model.resource import Resource
from penstock.model.route import HIGHEST_PRIORITY
from penstock.store import Entry, Snapshot

ORDERED = "acme/"
"""What the keys of all of it begin with. No resources: going back to an earlier revision leaves them as they are."""
ISSUED = f"{ORDERED}issued/"
ATTEMPTS = f"{ORDERED}attempts/"
CHALLENGES = f"{ORDERED}challenges/"
ACCOUNTS = f"{ORDERED}accounts/"
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""What authorities ask at (RFC 8555, section 8.3)."""
_CERTIFICATE = resource_key("Certificate", "")
_PATH = "/.well-known/acme-challenge/"


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that has come, its key, and for what wish it was ordered."""

    certificate: str
    key: str = field(repr=False)
    wish: str = ""

    def to_text(self) -> str:
        """The form in which it is kept."""
        return json.dumps({"certificate": self.certificate, "key": self.key, "wish": self.wish})


def read_issued(text: str) -> Issued | None:
    """What was kept; nothing if it is no such thing."""
    data = _mapping(text)
    try:
        return Issued(str(data["certificate"]), str(data["key"]), str(data.get("wish", "")))
    except KeyError:
        return None


def ordered(snapshot: Snapshot) -> Iterator[Certificate]:
    """The certificates of a store that are to be ordered."""
    for key, entry in snapshot.entries.items():
        # Their texts are looked at first: all that is there may be ten thousand routes.
        if key.startswith(_CERTIFICATE) and '"acme"' in entry.value:
            found = validate_resource(_mapping(entry.value))
            if isinstance(found, Certificate) and found.acme is not None and found.enabled:
                yield found


def challenges_text(answers: Mapping[str, tuple[str, str]]) -> str:
    """The form in which is kept what proves hosts: the token and the answer of each."""
    return json.dumps({host: list(answer) for host, answer in sorted(answers.items())})


def with_ordered(placed: dict[str, Placed], kept: Iterable[Entry]) -> list[Placed]:
    """The resources by key, certificates with what was issued for them; and a route for each host that is proven."""
    challenges: list[Placed] = []
    for entry in kept:
        if entry.key.startswith(ISSUED):
            key = f"{_CERTIFICATE}{entry.key.removeprefix(ISSUED)}"
            if (found := placed.get(key)) is not None:
                placed[key] = _issued_for(found, entry)
        elif entry.key.startswith(CHALLENGES):
            challenges += _routes(entry)
    return [*placed.values(), *challenges]


def _issued_for(found: Placed, entry: Entry) -> Placed:
    issued = read_issued(entry.value)
    certificate = found.resource
    if issued is None or not isinstance(certificate, Certificate) or certificate.acme is None:
        return found
    digest = _digest(f"{found.digest} {entry.value}")
    return Placed(certificate.with_issued(issued.certificate, issued.key), digest)


def _routes(entry: Entry) -> Iterator[Placed]:
    for host, answer in _mapping(entry.value).items():
        if not (isinstance(answer, list) and len(answer) == 2):  # noqa: PLR2004 - a token and its answer
            continue
        token, text = map(str, answer)
        route = validate_resource(_route(host, token, text))
        if isinstance(route, Resource) and TOKEN.fullmatch(token):
            yield Placed(route, _digest(f"{host} {token} {text}"))


def _route(host: str, token: str, answer: str) -> dict[str, Any]:
    # Named after the host, not the token: what is counted of routes has bounds.
    return {
        "kind": "Route",
        "name": f"acme-challenge.{_digest(host)}",
        "hosts": [host],
        "path": f"{_PATH}{token}",
        "methods": ["GET"],
        "priority": HIGHEST_PRIORITY,
        "steps": [
            {"kind": "Respond", "status": 200, "headers": {"content-type": "application/octet-stream"}, "body": answer}
        ],
    }


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _mapping(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
