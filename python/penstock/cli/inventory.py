"""Resources as commands look at them: those of a running gateway, or those of files."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from penstock.base.labels import has_labels
from penstock.base.names import did_you_mean
from penstock.cli.answers import Refused, granted, is_refused, kind_in_paths, path_of
from penstock.cli.configuration import texts_of
from penstock.cli.gateway_client import ask

Item = dict[str, Any]


def add_files(parser: argparse.ArgumentParser) -> None:
    """Adds the flag by which a command looks into files."""
    parser.add_argument(
        "-f", "--file", type=Path, metavar="FILE|DIR", help="look into files instead of a gateway; - for standard input"
    )


def list_items(options: argparse.Namespace, kind: str = "", labels: str = "") -> list[Item]:
    """Every resource of a kind, or of all, with the labels that are asked for.

    Raises: ValueError if there is no such kind; Refused, NoGateway.
    """
    word = kind_in_paths(kind) if kind else ""
    if options.file is not None:
        every = items_of_files(options.file)
        return [one for one in every if word in {"", one["kind"].lower()} and has_labels(one, labels)]
    place = f"/api/v1/resources/{word}" if word else "/api/v1/resources"
    items: list[Item] = []
    after = ""
    while True:
        answer = granted(ask(options, "GET", f"{place}?labels={quote(labels, safe='')}&after={quote(after, safe='')}"))
        items += answer["items"]
        after = answer["next"] or ""
        if not after:
            return items


def get_item(options: argparse.Namespace, what: str) -> Item:
    """One resource, named as `route/api`.

    Raises: ValueError if it is no name of one; Refused, with what was probably meant; NoGateway.
    """
    path = path_of(what)
    key = path.removeprefix("/api/v1/resources/")
    if options.file is None:
        found = ask(options, "GET", path)
        if not is_refused(found):
            return dict(found)
    else:
        known = {key_of(one): one for one in items_of_files(options.file)}
        if key in known:
            return known[key]
        found = {"detail": f"there is no {key} in {options.file}"}
    raise Refused({**found, **_hint(options, key, found)})


def key_of(item: Mapping[str, Any]) -> str:
    """What a resource is called: `route/api`."""
    return f"{item['kind'].lower()}/{item['name']}"


def items_of_files(path: Path) -> list[Item]:
    """The resources of files, without their secrets.

    Raises: Refused if they have problems.
    """
    from penstock.base.problem import errors
    from penstock.filters.native import native_catalogue
    from penstock.model.loading import load_texts, locate
    from penstock.runtime.change.entries import text_of
    from penstock.runtime.change.shown import Showing
    from penstock.store.files import environment

    texts, unread = texts_of(path)
    loaded = load_texts(texts, environment()).beside(unread)
    if wrong := errors(locate(loaded.problems, texts)):
        raise Refused({"detail": "the files have problems", "lines": [str(one) for one in wrong]})
    showing = Showing(native_catalogue().kinds)
    return [showing.shown(text_of(placed.resource)) for placed in loaded.resources]


def references(items: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The keys of what each resource refers to, by its key."""
    from penstock.filters.native import native_catalogue
    from penstock.runtime.change.references import References

    found = References(native_catalogue().kinds)
    return {key_of(one): sorted({f"{kind}/{name}" for kind, name in found.of(json.dumps(one))}) for one in items}


def _hint(options: argparse.Namespace, key: str, found: Mapping[str, Any]) -> Mapping[str, str]:
    if not str(found["detail"]).startswith("there is no"):
        return {}
    try:
        names = [key_of(one) for one in list_items(options, key.partition("/")[0])]
    except Refused:
        return {}
    hint = did_you_mean(key, names)
    return {"detail": f"{found['detail']}; {hint}"} if hint else {}
