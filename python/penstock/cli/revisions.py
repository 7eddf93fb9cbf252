"""Reads history where it is: in the state folder or in etcd, or over the admin API of a gateway that is elsewhere."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from penstock.cli.answers import granted, path_of
from penstock.cli.gateway_client import ask, is_elsewhere
from penstock.cli.stored import read_store, touched, when
from penstock.store import Change, Result, Snapshot, Store

Item = dict[str, Any]
_MOST = 10_000


def history(options: argparse.Namespace, key: str, most: int) -> list[Item]:
    """The latest changes, newest first; of one resource where a key is given.

    Raises: NoGateway, Refused, ValueError if the key is none.
    """
    key = _key(key) if key else ""
    if is_elsewhere(options):
        asked = f"&resource={key}" if key else ""
        return [_heard(one) for one in granted(ask(options, "GET", f"/api/v1/history?limit={most}{asked}"))["items"]]

    async def read(store: Store) -> tuple[list[Change], Mapping[int, Sequence[Result]]]:
        found = await (store.changes_of(key, most) if key else store.history(most))
        return found, await store.results(found[-1].revision, found[0].revision) if found else {}

    changes, results = read_store(options, read)
    return [_told(change, results.get(change.revision, ())) for change in changes]


def revision_shown(options: argparse.Namespace, number: int) -> Item:
    """One change with what it did to each resource, under `changes`.

    Raises: NoGateway, Refused.
    """
    if is_elsewhere(options):
        return _heard(granted(ask(options, "GET", f"/api/v1/history/{number}")))

    async def read(store: Store) -> tuple[Change, list[Result]]:
        return await store.change(number), list((await store.results(number, number)).get(number, ()))

    change, results = read_store(options, read)
    return {**_told(change, results), "changes": _compared(change.before, change.put)}


def revisions_compared(options: argparse.Namespace, before: int, after: int | None) -> list[Item]:
    """How each resource differs between two revisions, the latter of which is the latest if it is not given.

    Raises: NoGateway, Refused.
    """
    if is_elsewhere(options):
        query = "" if after is None else f"?after={after}"
        return list(granted(ask(options, "GET", f"/api/v1/history/{before}/difference{query}"))["changes"])

    async def read(store: Store) -> tuple[Snapshot, Snapshot]:
        later = await (store.range() if after is None else store.at(after))
        return await store.at(before), later

    earlier, later = read_store(options, read)
    return _compared(earlier.entries, later.entries)


def blamed(options: argparse.Namespace, what: str) -> list[Item]:
    """The fields of a resource that is named as `route/api`, each with the change that gave it its value.

    Raises: NoGateway, Refused, ValueError.
    """
    from penstock.filters.native import native_catalogue
    from penstock.runtime.change.blame import blame
    from penstock.runtime.change.shown import Showing

    if is_elsewhere(options):
        return list(granted(ask(options, "GET", f"{path_of(what)}/blame"))["items"])
    key = _key(what)

    async def read(store: Store) -> list[Change]:
        return await store.changes_of(key, _MOST)

    changes = read_store(options, read)
    found = [one.to_json() for one in blame(key, changes, Showing(native_catalogue().kinds))]
    if not found:
        gone = f" any more; r{changes[0].revision} deleted it" if changes else ""
        granted({"detail": f"there is no {key}{gone}"})
    return found


def _key(what: str) -> str:
    return path_of(what).removeprefix("/api/v1/resources/")


def _compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Item]:
    from penstock.filters.native import native_catalogue
    from penstock.runtime.change.shown import Showing, told_differences

    return list(told_differences(before, after, Showing(native_catalogue().kinds)))


def _told(change: Change, results: Iterable[Result]) -> Item:
    return {
        "revision": change.revision,
        "time": when(change.time),
        "author": change.author.name,
        "source": change.author.source,
        "message": change.message,
        "resources": [{"key": key, "change": word} for word, key in touched(change)],
        "results": [_result(one.node, one.problems, one.plan_revision) for one in results],
    }


def _heard(item: Mapping[str, Any]) -> Item:
    """The same, as the admin API tells it."""
    created = set(item["created"])
    put = [{"key": key, "change": "created" if key in created else "changed"} for key in item["put"]]
    gone = [{"key": key, "change": "deleted"} for key in item["deleted"]]
    return {
        "revision": item["revision"],
        "time": when(item["time"]),
        **{name: item[name] for name in ("author", "source", "message")},
        "resources": sorted([*put, *gone], key=lambda one: str(one["key"])),
        "results": [_result(one["node"], one["problems"], one["revision"]) for one in item["results"]],
        **({"changes": item["changes"]} if "changes" in item else {}),
    }


def _result(node: str, problems: Sequence[str], revision: int | None) -> Item:
    told = "refused" if problems else "applied"
    return {"node": node, "result": told, "problems": list(problems), "revision": revision}
