"""The certificates that are to be ordered, what came of them so far, and when each is due."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from penstock.model.acme import Acme
from penstock.runtime.acme.attempts import Attempts, Try, read_attempts
from penstock.runtime.acme.schedule import HOUR, Validity, allowed_at, due_at, renewal_at
from penstock.runtime.change.ordered import ATTEMPTS, CHALLENGES, ISSUED, Issued, ordered, read_issued
from penstock.store import Entry, Snapshot

Look = Callable[[Issued], Validity | None]
"""Tells from when until when a certificate is good; nothing of one that cannot be read."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A certificate that is to be ordered; `tried` is the revision at which its attempts were written last."""

    name: str
    acme: Acme
    attempts: Attempts
    tried: int
    issued: Issued | None = None
    validity: Validity | None = None

    @property
    def wish(self) -> str:
        """What tells this order from one for something else."""
        whole = json.dumps([sorted(self.acme.names), self.acme.directory, self.acme.key_type])
        return blake2b(whole.encode(), digest_size=16).hexdigest()

    def due(self, now: float) -> float:
        """When to order it, but for how often that is allowed."""
        return due_at(now, self.wish, self.attempts, self._renewal)

    def told(self, now: float, tries: Iterable[Try], *, is_running: bool) -> dict[str, Any]:
        """How it is, for people and programs; moments are seconds since 1970."""
        failures = self.attempts.failures if self.attempts.wish == self.wish else 0
        state = "ordering" if is_running else "failing" if failures else "issued" if self.issued else "waiting"
        return {
            "name": self.name,
            "names": list(self.acme.names),
            "state": state,
            "not_after": self.validity.ends if self.validity else None,
            "next_order": max(self.due(now), allowed_at(now, self.acme.names, list(tries))),
            "failures": 0 if is_running and failures == 1 else failures,
            "problem": self.attempts.problem if failures and not is_running else "",
        }

    @property
    def _renewal(self) -> float | None:
        if self.issued is None or self.validity is None or self.issued.wish != self.wish:
            return None
        before = self.acme.renew_before
        salt = self.issued.certificate
        return renewal_at(self.validity, before.milliseconds / 1000 if before else None, salt)


@dataclass(frozen=True, slots=True)
class View:
    """What is wanted, and what was tried for any name."""

    wanted: Mapping[str, Wanted]
    kept: Mapping[str, str]
    """What is kept of certificates, by key."""

    @property
    def tries(self) -> list[Try]:
        """All attempts that are kept, also those for what is not wanted any more."""
        texts = (text for key, text in self.kept.items() if key.startswith(ATTEMPTS))
        return [one for text in texts for one in read_attempts(text).tries]

    def leftovers(self, now: float, running: Iterable[str], look: Look) -> Iterator[str]:
        """The keys of what is of no use any more.

        What was issued or tried stays for a while when nobody wants it: a resource that is taken out by mistake comes
        back.
        """
        busy = set(running)
        for key, text in self.kept.items():
            name = key.rpartition("/")[2]
            if key.startswith(CHALLENGES) and name not in busy:
                yield key
            elif name in self.wanted:
                continue
            elif key.startswith(ATTEMPTS):
                if not any(now - HOUR < one.at for one in read_attempts(text).tries):
                    yield key
            elif key.startswith(ISSUED):
                issued = read_issued(text)
                validity = look(issued) if issued else None
                if validity is None or validity.ends < now:
                    yield key


def view_of(snapshot: Snapshot, look: Look) -> View:
    """What a store wants ordered, and what it keeps of that."""
    prefixes = (ISSUED, ATTEMPTS, CHALLENGES)
    kept = {key: entry for key, entry in snapshot.entries.items() if key.startswith(prefixes)}
    wanted = {one.name: _wanted(one.name, one.acme, kept, look) for one in ordered(snapshot) if one.acme is not None}
    return View(wanted, {key: entry.value for key, entry in kept.items()})


def _wanted(name: str, acme: Acme, kept: Mapping[str, Entry], look: Look) -> Wanted:
    tried, found = kept.get(f"{ATTEMPTS}{name}"), kept.get(f"{ISSUED}{name}")
    issued = read_issued(found.value) if found else None
    attempts = read_attempts(tried.value if tried else None)
    return Wanted(name, acme, attempts, tried.modified if tried else 0, issued, look(issued) if issued else None)
