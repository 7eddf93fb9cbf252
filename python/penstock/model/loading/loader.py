"""Loads resources from texts: every problem at once, and only what changed is read again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from penstock.base.problem import Problem
from penstock.model.loading.positions import locate
from penstock.model.loading.substitution import Surroundings, substitute
from penstock.model.loading.text import LARGEST_TEXT, Document, Text, documents
from penstock.model.loading.tree import Malformed, check_plain, read_json, read_yaml
from penstock.model.loading.validation import named, validate_resource
from penstock.model.resource import Resource


@dataclass(frozen=True, slots=True)
class Placed:
    """A resource and where it came from.

    `digest` changes with the resource's text; compiled forms are remembered by it.
    """

    resource: Resource
    digest: str
    file: str = ""
    document: int = 0


@dataclass(frozen=True, slots=True)
class Loaded:
    """All resources of a configuration, in the order of files and documents, and all problems."""

    resources: tuple[Placed, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def unusable(self) -> frozenset[str]:
        """The keys of resources that are there but wrong; a reference to one is not the mistake."""
        return frozenset(problem.resource for problem in self.problems if problem.resource)


@dataclass(frozen=True, slots=True)
class _Read:
    """What became of one document."""

    data: Any = None
    problem: Problem | None = None
    is_fixed: bool = True
    validated: Resource | tuple[Problem, ...] | None = None


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
    resources: list[Placed] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for text in texts:
        for item in _load_text(text, around, remembered, seen):
            if isinstance(item, Placed):
                resources.append(item)
            else:
                problems.append(item)
    remembered.keep_only(seen)
    return Loaded(tuple(resources), tuple(locate(problems, texts)))


def load_data(items: Iterable[Any]) -> Loaded:
    """The resources that plain data describes, as an API or an embedding program gives it."""
    resources: list[Placed] = []
    problems: list[Problem] = []
    for index, data in enumerate(items):
        try:
            check_plain(data)
        except Malformed as problem:
            problems.append(Problem((), problem.message, resource=named(data), document=index))
            continue
        result = validate_resource(data)
        if isinstance(result, Resource):
            resources.append(Placed(result, _digest(repr(data)), "", index))
        else:
            problems.extend(replace(problem, document=index) for problem in result)
    return Loaded(tuple(resources), tuple(problems))


def _load_text(text: Text, around: Surroundings, memory: Memory, seen: set[str]) -> Iterator[Placed | Problem]:
    if len(text.content) > LARGEST_TEXT:
        yield Problem((), "the file is larger than 10 MiB", "split it into several files", file=text.file)
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
            yield replace(read.problem, file=text.file, document=index, line=line)
        else:
            yield from _finish(read, digest, (text.file, index), around)


def _read_yaml(piece: str) -> _Read:
    try:
        data = read_yaml(piece)
    except Malformed as problem:
        return _Read(problem=_malformed(problem))
    return _validated(data, "${" not in piece)


def _read_json(piece: str) -> _Read:
    try:
        data = read_json(piece)
    except Malformed as problem:
        return _Read(problem=_malformed(problem))
    return _validated(data, "${" not in piece and not isinstance(data, list))


def _validated(data: Any, is_fixed: bool) -> _Read:  # noqa: FBT001 - a fact, not a switch
    if not is_fixed:
        return _Read(data, is_fixed=False)
    result = validate_resource(data)
    return _Read(data, validated=result if isinstance(result, Resource) else tuple(result))


def _malformed(problem: Malformed) -> Problem:
    # Counted within the document, which may be remembered and stand elsewhere next time.
    return Problem((), problem.message, problem.hint, line=problem.line + 1, column=problem.column + 1)


def _finish(read: _Read, digest: str, place: tuple[str, int], around: Surroundings) -> Iterator[Placed | Problem]:
    file, document = place
    if read.is_fixed:
        yield from _place(read.validated, digest, place, ())
        return
    filled = substitute(read.data, file, around)
    if filled.problems:
        name = named(filled.data)
        yield from (replace(one, file=file, document=document, resource=name) for one in filled.problems)
        return
    items = filled.data if isinstance(filled.data, list) else None
    for index, data in enumerate(items if items is not None else [filled.data]):
        result = validate_resource(data)
        found = result if isinstance(result, Resource) else tuple(result)
        yield from _place(found, _digest(repr(data)), place, () if items is None else (index,))


def _place(
    result: Resource | tuple[Problem, ...] | None, digest: str, place: tuple[str, int], outer: tuple[int, ...]
) -> Iterator[Placed | Problem]:
    file, document = place
    if isinstance(result, Resource):
        yield Placed(result, digest, file, document)
    else:
        for problem in result or ():
            yield replace(problem.below(*outer), file=file, document=document)


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()
