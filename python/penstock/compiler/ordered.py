"""Certificates that the gateway orders: what they need around them, and the plan before the first has come."""

from collections.abc import Iterator, Sequence
from typing import cast

from penstock.base.problem import Problem, Severity
from penstock.compiler.compiled import Fragment, part_of
from penstock.compiler.plan_types import Body, Part
from penstock.model.listener import Listener
from penstock.model.loading.loaded import Placed, Unusable
from penstock.model.upstream import Upstream

_Used = Sequence[tuple[Placed, Fragment]]


def check_ordered(used: _Used, unusable: Unusable) -> Iterator[Problem]:
    """Certificates that are ordered and could not be proven, or that nobody shows."""
    ordered = [placed for placed, fragment in used if fragment.is_ordered]
    if not ordered:
        return
    names = {placed.key for placed in ordered}
    yield from _of_upstreams(used, names)
    if unusable.is_incomplete or unusable.partials:
        return
    shown = {f"{one.kind}/{one.name}" for _, fragment in used for one in fragment.references}
    is_plain = any(_is_plain(placed.resource) for placed, _ in used)
    for placed in ordered:
        if not is_plain:
            message = "no listener speaks HTTP in clear text, which is how the authority proves the names"
            hint = 'add one that port 80 leads to: {kind: Listener, name: plain, address: "0.0.0.0:80"}'
            yield placed.located(Problem(("acme",), message, hint, Severity.WARNING))
        if placed.key not in shown:
            message = f"no listener shows certificate `{placed.resource.name}`, which is ordered all the same"
            hint = "name it in the `tls.certificates` of one"
            yield placed.located(Problem(("acme",), message, hint, Severity.WARNING))


def without_awaited(parts: dict[str, Part], used: _Used) -> dict[str, Part]:
    """The plan without the names of certificates that have not come yet.

    A listener that has no other refuses every handshake: whoever was shown one that stands in for it could only
    distrust that, or learn to trust it.
    """
    awaited = {placed.key for placed, fragment in used if fragment.is_ordered and placed.key not in parts}
    if not awaited:
        return parts
    return {key: _without(part, awaited) if key.startswith("listener/") else part for key, part in parts.items()}


def _without(part: Part, awaited: set[str]) -> Part:
    body = part["body"]
    tls = body.get("tls")
    if body["kind"] != "listener" or tls is None or awaited.isdisjoint(body["tls"]["certificates"]):  # type: ignore[index]
        return part
    left = [name for name in body["tls"]["certificates"] if name not in awaited]  # type: ignore[index]
    terms = {**body["tls"], "certificates": left} | ({} if left else {"unknown_name": "refuse"})  # type: ignore[dict-item]
    return part_of(cast("Body", {**body, "tls": terms}))


def _of_upstreams(used: _Used, ordered: set[str]) -> Iterator[Problem]:
    for placed, fragment in used:
        if isinstance(placed.resource, Upstream):
            for one in fragment.references:
                if f"{one.kind}/{one.name}" in ordered:
                    message = f"certificate `{one.name}` is ordered by `acme`, and that is for listeners"
                    yield placed.located(Problem(one.path, message, "name one with `certificate` and `key`"))


def _is_plain(resource: object) -> bool:
    return isinstance(resource, Listener) and resource.speaks == "http" and resource.tls is None
