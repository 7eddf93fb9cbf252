"""Consumers as the plan says them; their keys go with the secrets, as digests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from penstock.base.problem import Problem
from penstock.compiler.compiled import Fragment, part_of
from penstock.compiler.plan_types import Part
from penstock.compiler.settings import keep_secret
from penstock.filters.catalogue import Catalogue
from penstock.model.consumer import Consumer
from penstock.model.kinds import resource_key
from penstock.model.loading.loaded import Placed

_Used = Sequence[tuple[Placed, Fragment]]
_KEYS = "consumer_keys/all"


@dataclass(frozen=True, slots=True)
class ConsumerKeys:
    """The part that stands for the keys of all consumers, and what is secret about it."""

    owners: Sequence[tuple[str, Sequence[str]]] = ()
    parts: dict[str, Part] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict, repr=False)


def compile_consumer(consumer: Consumer, _catalogue: Catalogue, fragment: Fragment) -> None:
    """The part of a consumer, which says nothing of its keys."""
    for what, names in (("groups", consumer.groups), ("keys", _digests(consumer))):
        for index, name in enumerate(names):
            if name in names[:index]:
                told = f"group `{name}`" if what == "groups" else "this key"
                fragment.error((what, index), f"{told} is there twice", "leave one out")
    fragment.parts[resource_key("Consumer", consumer.name)] = {
        "kind": "consumer",
        "name": consumer.name,
        "groups": list(consumer.groups),
    }
    fragment.key_digests = _digests(consumer)


def consumer_keys(used: _Used, before: ConsumerKeys) -> ConsumerKeys:
    """The keys of all consumers; what was made before, if they are the same."""
    owners = [(placed.resource.name, fragment.key_digests) for placed, fragment in used if _has_keys(placed, fragment)]
    if owners == before.owners:
        return before
    if not owners:
        return ConsumerKeys()
    # Under one hash: by one for each key anybody who sees the plan could tell whether a guess is right.
    beside = Fragment()
    name = keep_secret({owner: list(digests) for owner, digests in owners}, beside)
    return ConsumerKeys(owners, {_KEYS: part_of({"kind": "consumer_keys", "keys_hash": name})}, beside.secrets)


def check_consumers(used: _Used) -> Iterator[Problem]:
    """Keys that two consumers have."""
    owners: dict[str, str] = {}
    for placed, fragment in used:
        for index, digest in enumerate(fragment.key_digests):
            first = owners.setdefault(digest, placed.resource.name)
            if first != placed.resource.name:
                message = f"`consumer/{first}` and `consumer/{placed.resource.name}` have the same key"
                yield placed.located(Problem(("keys", index), message, "give each a key of its own"))


def _has_keys(placed: Placed, fragment: Fragment) -> bool:
    return bool(fragment.key_digests) and placed.remains is None


def _digests(consumer: Consumer) -> tuple[str, ...]:
    return tuple(sha256(key.get_secret_value().encode()).hexdigest() for key in consumer.keys)
