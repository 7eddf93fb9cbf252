"""Finds the line and column of problems: a second reading, done only where there are any."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from penstock.base.problem import Problem, Steps
from penstock.model.loading.text import Document, Text, documents
from penstock.model.loading.tree import Place, yaml_places


def locate(problems: Iterable[Problem], texts: Sequence[Text]) -> list[Problem]:
    """The problems with line and column, as far as their texts show them, in the order of the texts."""
    by_file: dict[str, list[Problem]] = {}
    for problem in problems:
        by_file.setdefault(problem.file, []).append(problem)
    found: list[Problem] = []
    for text in texts:
        found += _locate_in(text, by_file.pop(text.file, []))
    return [*found, *(problem for rest in by_file.values() for problem in rest)]


def _locate_in(text: Text, problems: list[Problem]) -> list[Problem]:
    if not problems:
        return []
    pieces = _documents(text)
    located: list[Problem] = []
    places: dict[int, dict[Steps, Place]] = {}
    for problem in problems:
        if problem.document >= len(pieces):
            located.append(problem)
            continue
        piece = pieces[problem.document]
        if problem.document not in places:
            places[problem.document] = yaml_places(piece.content)
        located.append(_placed(problem, piece, places[problem.document]))
    return sorted(located, key=lambda problem: (problem.line, problem.column))


def _documents(text: Text) -> list[Document]:
    # A tab between the tokens of JSON is nothing that YAML knows; inside its strings there is none.
    return [Document(text.content.replace("\t", " "), 0)] if text.is_json else list(documents(text.content))


def _placed(problem: Problem, piece: Document, places: dict[Steps, Place]) -> Problem:
    if problem.line:
        return problem
    path = problem.path
    place = places.get(path)
    while place is None and path:
        path = path[:-1]
        place = places.get(path)
    if place is None:
        return replace(problem, line=piece.first_line + 1, column=1)
    line, column = _point(problem, place, is_whole=path == problem.path)
    return replace(problem, line=piece.first_line + line + 1, column=column + 1)


def _point(problem: Problem, place: Place, *, is_whole: bool) -> tuple[int, int]:
    """Where to point: at a key that is wrong, else at its value if that begins on the same line."""
    if place.key is None:
        return place.value
    if (problem.about_key and is_whole) or place.value[0] != place.key[0]:
        return place.key
    return place.value
