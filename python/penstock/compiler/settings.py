"""Follows the references and takes out the secrets that a filter's settings hold, as its schema marks them."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from penstock.base.problem import Steps
from penstock.compiler.compiled import Fragment, Reference
from penstock.compiler.upstreams import url_upstream
from penstock.model.endpoint_url import EndpointUrl
from penstock.model.kinds import resource_key

_MARK = "x-penstock-reference"
# A host and a port, or an address: with `http://` before it, it would be a URL.
_ADDRESS = re.compile(
    r"localhost|[A-Za-z0-9.-]+:[0-9]+(?:/.*)?|\[[0-9a-fA-F:.]+\](?::[0-9]+)?(?:/.*)?|[0-9]+(?:\.[0-9]+){3}(?:/.*)?"
)
_BRANCHES = ("anyOf", "oneOf", "allOf")
HIDDEN = "**********"
_STANDS_FOR = "$secret"
"""Key of what stands in a plan for a secret."""
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """Settings as the user wrote them, and where: resolved ones may have steps that are not in the file."""

    settings: Mapping[str, Any]
    path: Steps

    def place(self, inside: Steps) -> Steps:
        """The path of a resolved setting, as far as the file has it."""
        value: Any = self.settings
        for depth, step in enumerate(inside):
            if not _holds(value, step):
                return (*self.path, *inside[:depth])
            value = value[step]
        return (*self.path, *inside)


def resolve_settings(schema: Schema, settings: Any, written: Written, fragment: Fragment) -> Any:
    """The resolved settings as the plan holds them: each reference as the key of a part, each secret as its hash.

    A URL becomes an upstream of its own.
    """
    walk = _Walk(schema.get("$defs", {}), written, fragment)
    return walk.resolve(schema, settings, ())


def keep_secret(value: Any, fragment: Fragment) -> str:
    """The hash by which a plan names a secret, which goes with the others."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    name = blake2b(text.encode(), digest_size=16, person=_STANDS_FOR.encode()).hexdigest()
    fragment.secrets[name] = value
    return name


def without_secrets(text: str, secrets: Iterable[Any]) -> str:
    """What a check says, without the secrets that it was given: a validator may repeat what it does not like."""
    for value in secrets:
        for shown in (repr(value), str(value), json.dumps(value)):
            # Of a short one a part of the text may be made by accident, but better that than the secret.
            text = text.replace(shown, HIDDEN) if shown else text
    return text


def _holds(value: Any, step: str | int) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


class _Walk:
    """One walk over the settings of a filter, along its schema."""

    def __init__(self, definitions: Mapping[str, Schema], written: Written, fragment: Fragment) -> None:
        self.definitions = definitions
        self.written = written
        self.fragment = fragment

    def resolve(self, schema: Any, value: Any, path: Steps) -> Any:
        marks = self._marks(schema, value)
        if value is not None and any(one.get("format") == "password" for one in marks):
            return {_STANDS_FOR: keep_secret(value, self.fragment)}
        if isinstance(value, str):
            kind = next((found for one in marks if (found := one.get(_MARK))), None)
            return self._reference(kind, value, path) if kind else value
        if isinstance(value, dict):
            if _STANDS_FOR in value:
                self.fragment.error(
                    self.written.place((*path, _STANDS_FOR)), f"no setting may be called `{_STANDS_FOR}`"
                )
            return {key: self._inside(marks, key, item, path) for key, item in value.items()}
        if isinstance(value, list):
            return [self._item(marks, index, item, path) for index, item in enumerate(value)]
        return value

    def _item(self, marks: list[Schema], index: int, item: Any, path: Steps) -> Any:
        below = [
            first[index] if index < len(first := one.get("prefixItems", ())) else one.get("items") for one in marks
        ]
        return self.resolve({"anyOf": below}, item, (*path, index))

    def _inside(self, marks: list[Schema], key: str, item: Any, path: Steps) -> Any:
        below = [one.get("properties", {}).get(key, one.get("additionalProperties")) for one in marks]
        below += [found for one in marks for found in one.get("patternProperties", {}).values()]
        return self.resolve({"anyOf": below}, item, (*path, key))

    def _marks(self, schema: Any, value: Any) -> list[Schema]:
        """The schema and its branches, references to definitions followed."""
        if not isinstance(schema, Mapping):
            return []
        found = [schema]
        target = schema.get("$ref")
        if isinstance(target, str):
            found += self._marks(self.definitions.get(target.rpartition("/")[2]), value)
        for word in _BRANCHES:
            for branch in schema.get(word, ()):
                found += self._marks(branch, value)
        return found

    def _reference(self, kind: str, value: str, path: Steps) -> str:
        if kind == "upstream" and EndpointUrl.looks_like(value):
            return self._url(value, path)
        if kind == "upstream" and _ADDRESS.fullmatch(value):
            self.fragment.error(
                self.written.place(path), f"not the name of an upstream: {value[:80]!r}", f"write http://{value[:80]}"
            )
            return value
        self.fragment.references.append(Reference(self.written.place(path), kind, value))
        return resource_key(kind, value)

    def _url(self, value: str, path: Steps) -> str:
        try:
            url = EndpointUrl.parse(value)
        except ValueError as problem:
            self.fragment.error(self.written.place(path), str(problem))
            return value
        if url.speaks not in {"", "http"}:
            self.fragment.error(self.written.place(path), f"{value[:80]} speaks no HTTP", f"write http://{url.host}")
        body = url_upstream(url)
        key = resource_key("upstream", body["name"])
        self.fragment.parts[key] = body
        return key
