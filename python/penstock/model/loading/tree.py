"""Reads one YAML or JSON document into plain data, strictly and within bounds.

Built on the parser's events, not on its constructors: no tag can make an object, keys given twice are seen in
the first pass, nesting needs no recursion, and what an alias expands to is counted before it is believed.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from penstock.base.problem import Steps
from penstock.model.loading.scalars import Scalar, plain_value
from penstock.model.loading.yaml_hints import key_hint, twice_hint, yaml_hint

MOST_ALIASES = 100
MOST_EXPANDED = 1024 * 1024
"""Characters that the aliases of one document may stand for, all together."""
DEEPEST = 64
"""Levels of nesting: three times what the deepest resource needs."""

_STANDARD_TAGS: dict[str, type] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
    "tag:yaml.org,2002:bool": bool,
    "tag:yaml.org,2002:null": type(None),
    "tag:yaml.org,2002:map": dict,
    "tag:yaml.org,2002:seq": list,
}
# The C parser is a tenth of the time; a PyYAML built without it reads the same.
SCANNER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
"""Splits YAML into tokens and events."""


class Malformed(Exception):  # noqa: N818 - it is a problem on its way, not a fault of the program
    """A document that cannot be read.

    `line` and `column` count from 0 within the document.
    """

    def __init__(self, message: str, hint: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.line = line
        self.column = column


@dataclass(slots=True)
class Place:
    """Where a value and, in a mapping, its key begin; line and column count from 0."""

    value: tuple[int, int]
    key: tuple[int, int] | None = None


@dataclass(slots=True)
class _Frame:
    """A mapping or sequence that is being read."""

    data: dict[str, Any] | list[Any]
    anchor: str | None
    begin: int
    path: Steps
    key: str | None = None
    key_at: tuple[int, int] | None = None


@dataclass(slots=True)
class _Reader:
    """Builds plain data from events."""

    content: str
    places: dict[Steps, Place] | None = None
    frames: list[_Frame] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int] | None] = field(default_factory=dict)
    root: Any = None
    size: int = 0
    aliases: int = 0
    expanded: int = 0

    def scalar(self, event: ScalarEvent) -> None:
        self.size += len(event.value) + 1
        frame = self.frames[-1] if self.frames else None
        if frame is not None and frame.key is None and type(frame.data) is dict:
            self._key(frame, event)
            return
        value = _scalar(event)
        if event.anchor:
            self.anchors[event.anchor] = (value, len(event.value) + 1)
        self._add(value, event)

    def alias(self, event: AliasEvent) -> None:
        self.aliases += 1
        if self.aliases > MOST_ALIASES:
            _refuse(event, f"more than {MOST_ALIASES} aliases in one document", "write the values out")
        anchor = event.anchor or ""
        found = self.anchors.get(anchor)
        if found is None:
            if anchor in self.anchors:
                _refuse(event, f"alias `*{anchor[:80]}` inside its own anchor", "write the values out")
            _refuse(
                event, f"alias `*{anchor[:80]}` without an anchor", "text that begins with `*` is written in quotes"
            )
        value, size = found
        self.size += size
        self.expanded += size
        if self.expanded > MOST_EXPANDED:
            _refuse(event, "the aliases of this document stand for more than 1 MiB", "write the values out")
        frame = self.frames[-1]
        if frame.key is None and isinstance(frame.data, dict):
            _refuse(event, "an alias as a key", "write the key as text")
        self._add(value, event)

    def open_mapping(self, event: MappingStartEvent) -> None:
        self._open(event, {}, dict)

    def open_sequence(self, event: SequenceStartEvent) -> None:
        self._open(event, [], list)

    def close(self, _event: Event) -> None:
        frame = self.frames.pop()
        if frame.anchor:
            self.anchors[frame.anchor] = (frame.data, self.size - frame.begin)

    def _open(self, event: MappingStartEvent | SequenceStartEvent, data: Any, kind: type) -> None:
        frame = self.frames[-1] if self.frames else None
        if frame is not None and frame.key is None and type(frame.data) is dict:
            _refuse(event, "a mapping or list as a key", key_hint(self.content, *_at(event)))
        if len(self.frames) >= DEEPEST:
            _refuse(event, f"nested more than {DEEPEST} levels deep")
        if event.tag is not None and _STANDARD_TAGS.get(event.tag) is not kind:
            _refuse_tag(event, event.tag)
        path = self._add(data, event)
        if event.anchor:
            self.anchors[event.anchor] = None
        self.size += 1
        self.frames.append(_Frame(data, event.anchor, self.size, path))

    def _key(self, frame: _Frame, event: ScalarEvent) -> None:
        key = event.value
        if event.tag is not None and _STANDARD_TAGS.get(event.tag) is not str:
            _refuse_tag(event, event.tag)
        if key == "<<" and event.implicit[0]:
            _refuse(event, "merge keys (`<<`) are not part of YAML 1.2", "write the values out")
        if key in frame.data:
            hint = twice_hint(key, is_outermost=len(self.frames) == 1)
            _refuse(event, f"key `{key[:80]}` is given twice", hint)
        if event.anchor:
            self.anchors[event.anchor] = (key, len(key))
        frame.key = key
        if self.places is not None:
            frame.key_at = _at(event)

    def _add(self, value: Any, event: Event) -> Steps:
        if not self.frames:
            self.root = value
            return self._placed((), None, event)
        frame = self.frames[-1]
        if isinstance(frame.data, list):
            frame.data.append(value)
            return self._placed((*frame.path, len(frame.data) - 1), None, event) if self.places is not None else ()
        step = frame.key
        frame.key = None
        if step is None:
            raise Malformed("a value without a key")
        frame.data[step] = value
        return self._placed((*frame.path, step), frame.key_at, event) if self.places is not None else ()

    def _placed(self, path: Steps, key_at: tuple[int, int] | None, event: Event) -> Steps:
        if self.places is not None:
            self.places[path] = Place(_at(event), key_at)
        return path


def read_yaml(content: str) -> Any:
    """The data of one YAML document.

    Raises: Malformed if it cannot be read.
    """
    return _read(_Reader(content))


def yaml_places(content: str) -> dict[Steps, Place]:
    """Where each value of one YAML document begins, as far as it can be read."""
    places: dict[Steps, Place] = {}
    try:
        _read(_Reader(content, places))
    except Malformed:
        return places
    return places


def read_json(content: str) -> Any:
    """The data of a JSON text, as strictly as `read_yaml` reads YAML.

    Raises: Malformed if it cannot be read.
    """
    try:
        value = json.loads(
            content,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=plain_value,
            parse_int=plain_value,
        )
    except json.JSONDecodeError as problem:
        raise Malformed(f"not JSON: {problem.msg.lower()}", "", problem.lineno - 1, problem.colno - 1) from None
    except RecursionError:
        raise Malformed(f"nested more than {DEEPEST} levels deep") from None
    except ValueError as problem:
        raise Malformed(str(problem)) from None
    _check_depth(value)
    check_plain(value)
    return value


def check_plain(value: Any) -> None:
    """Refuses what is not data that JSON can hold.

    Raises: Malformed if a value is of another type, no finite number, or text with half of a surrogate pair.
    """
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Malformed("text with half of a surrogate pair") from None
    except (TypeError, ValueError, RecursionError) as problem:
        raise Malformed(f"not plain data: {problem}") from None


def _read(reader: _Reader) -> Any:
    handlers: dict[type, Callable[[Any], None]] = {
        ScalarEvent: reader.scalar,
        AliasEvent: reader.alias,
        MappingStartEvent: reader.open_mapping,
        SequenceStartEvent: reader.open_sequence,
        MappingEndEvent: reader.close,
        SequenceEndEvent: reader.close,
    }
    try:
        parser = SCANNER(reader.content)
        while (event := parser.get_event()) is not None:
            handler = handlers.get(type(event))
            if handler is not None:
                handler(event)
    except yaml.MarkedYAMLError as problem:
        is_open = problem.problem is not None and "unexpected end of stream" in problem.problem
        mark = (problem.context_mark if is_open else problem.problem_mark) or problem.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        said = ", ".join(part for part in (problem.context, problem.problem) if part)
        raise Malformed(f"not YAML: {said}", yaml_hint(said, reader.content, line), line, column) from None
    except yaml.reader.ReaderError as problem:
        line, column = _position(reader.content, problem.position)
        raise Malformed("not YAML: a character that text may not hold", "", line, column) from None
    except UnicodeEncodeError:
        raise Malformed("not YAML: half of a surrogate pair") from None
    return reader.root


def _scalar(event: ScalarEvent) -> Scalar:
    tag = event.tag
    if tag is None:
        if not event.implicit[0]:
            text: str = event.value
            return text
        try:
            return plain_value(event.value)
        except ValueError as problem:
            _refuse(event, str(problem))
    if tag == "!" or _STANDARD_TAGS.get(tag) is str:
        return str(event.value)
    value = plain_value(event.value)
    if _STANDARD_TAGS.get(tag) is not type(value):
        _refuse_tag(event, tag)
    return value


def _refuse(event: Event, message: str, hint: str = "") -> NoReturn:
    line, column = _at(event)
    raise Malformed(message, hint, line, column)


def _refuse_tag(event: Event, tag: str) -> NoReturn:
    _refuse(event, f"tag `{tag[:80]}` is not allowed here", "configuration is plain data: remove the tag")


def _at(event: Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line, mark.column) if mark is not None else (0, 0)


def _position(content: str, position: int) -> tuple[int, int]:
    before = content[:position]
    return before.count("\n"), len(before) - before.rfind("\n") - 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"key `{twice[:80]}` is given twice")
    return data


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"not a number that can be used here: {word}")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return
    raise Malformed(f"nested more than {DEEPEST} levels deep")
