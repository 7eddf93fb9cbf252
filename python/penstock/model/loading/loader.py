"""Loads resources from texts: every problem at once, and only what changed is read again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from penstock.base.problem import Problem
from penstock.model.loading.guess import guessed_keys
from penstock.model.loading.loaded import Found, Loaded
from penstock.model.loading.substitution import Surroundings, substitute
from penstock.model.loading.text import LARGEST_TEXT, Document, Text, documents
from penstock.model.loading.tree import Malformed, check_plain, read_json, read_yaml
from penstock.model.loading.validation import Refused, likely_keys, named, read_resource
from penstock.model.resource import Resource


@dataclass(frozen=True, slots=True)
class _Read:
    """What became of one document."""

    data: Any = None
    problem: Problem | None = None
    is_fixed: bool = True
    keys: frozenset[str] = frozenset()
    validated: Resource | Refused | None = None


@dataclass(slots=True)
class Memory:
    """Documents that were read before, by the digest of their text; its owner decides how long it lives."""

    documents: dict[str, _Read] = field(default_factory=dict)

    def keep_only(self, digests: set[str]) -> None:
        """Forget the documents that no text holds any more."""
        self.documents = {digest: self.documents[digest] for digest in digests if digest in self.documents}


def load_resources(content: str, surroundings: Surroundings | None = None) -> Loaded:
    """The resources of one YAML text."""
    return load_texts([Text(content)], surroundings)


def load_texts(texts: Sequence[Text], surroundings: Surroundings | None = None, memory: Memory | None = None) -> Loaded:
    """The resources of several texts; never raises, whatever they hold.

    With a `memory` only documents whose text changed are read; it forgets those that are gone.
    """
    around = surroundings or Surroundings()
    remembered = memory if memory is not None else Memory()
    found = Found()
    seen: set[str] = set()
    for text in texts:
        _load_text(text, (around, remembered, seen), found)
    remembered.keep_only(seen)
    return found.loaded(texts)


def load_data(items: Iterable[Any]) -> Loaded:
    """The resources that plain data describes, as an API or an embedding program gives it."""
    found = Found()
    for index, data in enumerate(items):
        try:
            check_plain(data)
        except Malformed as problem:
            found.problems.append(Problem((), problem.message, resource=named(data), document=index))
            found.keys |= likely_keys(data)
            continue
        found.add(read_resource(data), _digest(repr(data)), ("", index))
    return found.loaded()


def _load_text(text: Text, tools: tuple[Surroundings, Memory, set[str]], found: Found) -> None:
    around, memory, seen = tools
    if len(text.content) > LARGEST_TEXT:
        hint = "split it into several files"
        found.problems.append(Problem((), "the file is larger than 10 MiB", hint, file=text.file))
        found.is_incomplete = True
        return
    pieces = [Document(text.content, 0)] if text.is_json else documents(text.content)
    for index, document in enumerate(pieces):
        piece = document.content
        digest = _digest(piece)
        seen.add(digest)
        read = memory.documents.get(digest)
        if read is None:
            read = _read_json(piece) if text.is_json else _read_yaml(piece)
            memory.documents[digest] = read
        if read.problem is not None:
            line = read.problem.line + document.first_line
            found.problems.append(replace(read.problem, file=text.file, document=index, line=line))
            found.keys |= read.keys
            found.is_incomplete |= not read.keys
        else:
            _finish(read, digest, (text.file, index), around, found)


def _read_yaml(piece: str) -> _Read:
    try:
        data = read_yaml(piece)
    except Malformed as problem:
        return _Read(problem=_malformed(problem), keys=guessed_keys(piece))
    return _validated(data, "${" not in piece)


def _read_json(piece: str) -> _Read:
    try:
        data = read_json(piece)
    except Malformed as problem:
        return _Read(problem=_malformed(problem), keys=guessed_keys(piece))
    return _validated(data, "${" not in piece and not isinstance(data, list))


def _validated(data: Any, is_fixed: bool) -> _Read:  # noqa: FBT001 - a fact, not a switch
    if not is_fixed:
        return _Read(data, is_fixed=False)
    return _Read(data, validated=read_resource(data))


def _malformed(problem: Malformed) -> Problem:
    # Counted within the document, which may be remembered and stand elsewhere next time.
    return Problem((), problem.message, problem.hint, line=problem.line + 1, column=problem.column + 1)


def _finish(read: _Read, digest: str, place: tuple[str, int], around: Surroundings, found: Found) -> None:
    if read.validated is not None:
        found.add(read.validated, digest, place)
        return
    file, document = place
    filled = substitute(read.data, file, around)
    name = named(filled.data)
    found.problems += (replace(one, file=file, document=document, resource=name) for one in filled.problems)
    if not isinstance(filled.data, list):
        wrong = [problem.path for problem in filled.problems]
        found.add(read_resource(filled.data, wrong), _digest(repr(filled.data)), place)
        return
    for index, data in enumerate(filled.data):
        wrong = [problem.path[1:] for problem in filled.problems if problem.path[:1] == (index,)]
        found.add(read_resource(data, wrong), _digest(repr(data)), place, (index,))


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()
