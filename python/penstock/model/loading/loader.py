"""Loads resources from texts: every problem at once, and only what changed is read again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from penstock.base.problem import Problem
from penstock.model.loading.folders import fill_folders, names_folder
from penstock.model.loading.guess import guessed_keys
from penstock.model.loading.loaded import Found, Loaded, Placed
from penstock.model.loading.substitution import Surroundings, substitute
from penstock.model.loading.text import LARGEST_TEXT, Text, is_empty, pieces, split
from penstock.model.loading.tree import Malformed, check_plain, read_json, read_yaml
from penstock.model.loading.validation import Refused, likely_keys, named, read_resource
from penstock.model.resource import Resource


@dataclass(slots=True)
class _Read:
    """What became of one document; `placed` is its resource in the place where it stood last."""

    digest: str = ""
    data: Any = None
    problem: Problem | None = None
    is_empty: bool = False
    is_fixed: bool = True
    keys: frozenset[str] = frozenset()
    validated: Resource | Refused | None = None
    placed: Placed | None = None


@dataclass(frozen=True, slots=True)
class _ReadText:
    """What became of one text; the same content is the same again, unless something outside may change it."""

    content: str = ""
    documents: Mapping[str, _Read] = field(default_factory=dict)
    found: Found = field(default_factory=Found)
    is_fixed: bool = False


@dataclass(slots=True)
class Memory:
    """Texts and documents that were read before; its owner decides how long it lives."""

    texts: dict[str, _ReadText] = field(default_factory=dict)
    documents: dict[str, _Read] = field(default_factory=dict)
    """Those of all YAML texts, by what they say: one that moves to another file is not read again."""

    def keep_only(self, texts: dict[str, _ReadText], yaml_files: Iterable[str]) -> None:
        """Forget what no text holds any more."""
        self.texts = texts
        self.documents = {}
        for file in yaml_files:
            self.documents.update(texts[file].documents)


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
    read: dict[str, _ReadText] = {}
    for text in texts:
        read[text.file] = _load_text(text, around, remembered)
        found.take(read[text.file].found)
    remembered.keep_only(read, [text.file for text in texts if not text.is_json])
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


def _load_text(text: Text, around: Surroundings, memory: Memory) -> _ReadText:
    before = memory.texts.get(text.file, _ReadText())
    if before.is_fixed and before.content == text.content:
        return before
    if len(text.content) > LARGEST_TEXT:
        large = Problem((), "the file is larger than 10 MiB", "split it into several files", file=text.file)
        return _ReadText(found=Found(problems=[large], is_incomplete=True))
    if text.is_json:
        parts = [text.content]
        reads = [before.documents.get(text.content) or _read(text.content, read_json)]
    else:
        parts = split(text.content)
        reads = [_read_piece(piece, before, memory) for piece in parts]
    found = _put_together(text, reads, around)
    documents = dict(zip(parts, reads, strict=True))
    return _ReadText(text.content, documents, found, is_fixed=all(read.is_fixed for read in reads))


def _read_piece(piece: str, before: _ReadText, memory: Memory) -> _Read:
    known = before.documents.get(piece) or memory.documents.get(piece)
    if known is not None:
        return known
    return _Read(is_empty=True) if is_empty(piece) else _read(piece, read_yaml)


def _put_together(text: Text, reads: Sequence[_Read], around: Surroundings) -> Found:
    file, document = text.file, 0
    found = Found()
    first_lines: list[int] = []
    for index, read in enumerate(reads):
        if read.is_empty:
            continue
        placed = read.placed
        if placed is not None and placed.document == document and placed.file == file:
            found.resources.append(placed)
        elif read.problem is not None:
            first_lines = first_lines or _first_lines(text)
            line = read.problem.line + first_lines[index]
            found.problems.append(replace(read.problem, file=file, document=document, line=line))
            found.keys |= read.keys
            found.is_incomplete |= not read.keys
        else:
            _finish(read, (file, document), around, found)
        document += 1
    return found


def _first_lines(text: Text) -> list[int]:
    return [0] if text.is_json else [piece.first_line for piece in pieces(text.content)]


def _read(piece: str, reader: Callable[[str], Any]) -> _Read:
    try:
        data = reader(piece)
    except Malformed as problem:
        return _Read(problem=_malformed(problem), keys=guessed_keys(piece))
    # Of lists only JSON makes many resources.
    if "${" in piece or (reader is read_json and isinstance(data, list)) or names_folder(data):
        return _Read(data=data, is_fixed=False)
    return _Read(_digest(piece), validated=read_resource(data))


def _malformed(problem: Malformed) -> Problem:
    # Counted within the document, which may be remembered and stand elsewhere next time.
    return Problem((), problem.message, problem.hint, line=problem.line + 1, column=problem.column + 1)


def _finish(read: _Read, place: tuple[str, int], around: Surroundings, found: Found) -> None:
    if read.validated is not None:
        found.add(read.validated, read.digest, place)
        read.placed = found.resources[-1] if isinstance(read.validated, Resource) else None
        return
    file, document = place
    filled = substitute(read.data, file, around)
    filled.problems += fill_folders(filled.data, file, around)
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
