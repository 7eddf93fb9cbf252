"""The nodes that share a store, and what is said to them."""

import contextlib
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from penstock.admin.operation import Operation, Parameter, supervisor_of
from penstock.admin.problem_answer import Bad
from penstock.admin.resources import author_of
from penstock.admin.verb import Verb
from penstock.base.names import check_name
from penstock.runtime.change.entries import DRAINED
from penstock.runtime.members.together import Together
from penstock.store import Damaged, Transaction, Unavailable

_KEEPS = ("store", "node")


async def members(request: Request) -> Response:
    """Every node, and what it runs."""
    together = _together(request)
    try:
        told, duties = await together.membership.look(), await together.duties()
        is_current = together.membership.is_certain
    except (Unavailable, Damaged):
        # Who was there when the store was heard of last.
        told, duties, is_current = together.membership.members, {}, False
    own = together.own()
    known = {**told, own.name: own}
    newest = max(one.desired for one in known.values())
    items: list[dict[str, Any]] = []
    for name, one in sorted(known.items()):
        more = {"lag": max(newest - one.applied, 0), "is_self": name == own.name, "duties": duties.get(name, [])}
        items.append({**asdict(one), **more})
    return JSONResponse({"items": items, "is_current": is_current})


async def drain(request: Request) -> Response:
    """A node that serves nobody any more, and stays a member."""
    return await _set_drained(request, is_drained=True)


async def undrain(request: Request) -> Response:
    """A node that serves again."""
    return await _set_drained(request, is_drained=False)


async def _set_drained(request: Request, *, is_drained: bool) -> Response:
    together = _together(request)
    try:
        name = check_name(request.path_params["name"])
    except ValueError as problem:
        raise Bad(HTTPStatus.BAD_REQUEST, str(problem)) from None
    applying = supervisor_of(request).applying
    applying.check_writable()
    key = f"{DRAINED}{name}"
    is_there = key in (await applying.store.range()).entries
    if name not in {**await together.membership.look(), together.own().name: None} and not (
        is_there and not is_drained
    ):
        raise Bad(HTTPStatus.NOT_FOUND, f"no node is called {name}; GET /api/v1/members lists them")
    said = "drained" if is_drained else "serves again"
    transaction = Transaction(
        author_of(request),
        put={key: "true"} if is_drained else {},
        delete=frozenset() if is_drained else frozenset({key}),
        message=f"node {name} {said}",
    )
    change = await applying.store.transaction(transaction)
    await applying.outcome_of(change.revision)
    found = await together.membership.spread(change.revision, _DRAIN_SECONDS)
    return JSONResponse({"name": name, "revision": change.revision, "is_heard": name in found.applied})


async def confirm(request: Request) -> Response:
    """All nodes go on with a store that holds older data."""
    applying = supervisor_of(request).applying
    kept = request.query_params.get("keep", _KEEPS[0])
    if kept not in _KEEPS:
        raise Bad(HTTPStatus.BAD_REQUEST, f"keep: write {' or '.join(_KEEPS)}")
    standing = applying.standing
    if standing is None or not standing.older:
        raise Bad(HTTPStatus.CONFLICT, "nothing waits to be confirmed")
    shelf, is_written_back = applying.compilation.shelf, kept == "node"
    change = await standing.confirm(applying.store, author_of(request), shelf, is_written_back=is_written_back)
    outcome = await applying.outcome_of(change.revision)
    return JSONResponse({"revision": change.revision, "problems": list(outcome.problems)})


async def invite(request: Request) -> Response:
    """A word by which a node can join, once."""
    cluster = supervisor_of(request).cluster
    if cluster is None or cluster.door is None:
        raise Bad(HTTPStatus.CONFLICT, "this gateway brings no etcd along; it is `run --cluster` that others join")
    return JSONResponse({"invitation": cluster.door.invite().to_text()}, HTTPStatus.CREATED)


async def remove(request: Request) -> Response:
    """A node that is gone for ever is no part of the cluster any more."""
    cluster, together = supervisor_of(request).cluster, _together(request)
    if cluster is None:
        detail = "this gateway brings no etcd along; a node of an etcd of your own is no member once it has ended"
        raise Bad(HTTPStatus.CONFLICT, detail)
    # Imported here: a gateway without a cluster has not installed what it takes.
    from penstock.runtime.cluster.removal import NoSuchNode, Stays  # noqa: PLC0415

    with contextlib.suppress(Unavailable, Damaged):
        await together.membership.look()
    try:
        name = await cluster.take_out(request.path_params["name"], set(together.membership.members))
    except NoSuchNode as problem:
        raise Bad(HTTPStatus.NOT_FOUND, str(problem)) from None
    except Stays as problem:
        raise Bad(HTTPStatus.CONFLICT, str(problem)) from None
    # Whoever comes after it under the same name is not drained by that.
    gone = Transaction(author_of(request), delete=frozenset({f"{DRAINED}{name}"}), message=f"node {name} taken out")
    await supervisor_of(request).applying.store.transaction(gone)
    return JSONResponse({"name": name})


def _together(request: Request) -> Together:
    found = supervisor_of(request).together
    if found is None:
        raise Bad(HTTPStatus.SERVICE_UNAVAILABLE, "the gateway is starting")
    return found


_DRAIN_SECONDS = 5.0
_DRAINS = {200: "The node is told.", 400: "It is no name.", 404: "No node is called so.", 503: "The store is away."}
OPERATIONS = (
    Operation(
        "GET",
        "/api/v1/members",
        "List the nodes that share the store",
        members,
        {200: "Each with what it runs and how far behind it is.", 503: "The gateway is starting."},
        verb=Verb.READ,
    ),
    Operation(
        "POST",
        "/api/v1/members/{name}/drain",
        "Let a node serve nobody for a while",
        drain,
        _DRAINS,
        verb=Verb.OPERATE,
    ),
    Operation(
        "POST",
        "/api/v1/members/{name}/undrain",
        "Let a drained node serve again",
        undrain,
        _DRAINS,
        verb=Verb.OPERATE,
    ),
    Operation(
        "POST",
        "/api/v1/cluster/invitations",
        "Invite a node into the cluster",
        invite,
        {201: "A word that is good once, for an hour.", 409: "This gateway brings no etcd along."},
        verb=Verb.ADMINISTER,
    ),
    Operation(
        "DELETE",
        "/api/v1/cluster/members/{name}",
        "Take a node that is gone for ever out of the cluster",
        remove,
        {
            200: "It counts no more, and another may have its name.",
            404: "No node of the cluster is called so.",
            409: "It lives, or too few nodes do to decide that, or this gateway brings no etcd along.",
            503: "The store is away.",
        },
        verb=Verb.ADMINISTER,
    ),
    Operation(
        "POST",
        "/api/v1/store/confirm",
        "Go on with a store that holds older data",
        confirm,
        {200: "All nodes go on with it.", 400: "The query cannot be understood.", 409: "Nothing waits for that."},
        (
            Parameter(
                "keep",
                "`store`: what the store holds; `node`: what this node runs is written back.",
                {"type": "string", "enum": list(_KEEPS)},
            ),
        ),
        verb=Verb.OPERATE,
    ),
)
