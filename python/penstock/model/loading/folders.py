"""Fills in what folders hold: the pairs of certificates and keys of a `Certificate` that names one.

Pairs are put into the data before it is checked, as the texts of `${file:path}` are.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from penstock.base.problem import Problem
from penstock.model.loading.substitution import Surroundings

_KEY = ".key"
_CHAINS = (".crt", ".pem")
_STAPLE = ".ocsp"
_OWN = "tls"
"""The pair of this name is called like the folder it is in, as orchestrators mount one pair in a folder."""


def names_folder(data: Any) -> bool:
    """Whether data is, or a list holds, a certificate that names a folder."""
    if isinstance(data, list):
        return any(names_folder(one) for one in data)
    return isinstance(data, dict) and data.get("kind") == "Certificate" and isinstance(data.get("folder"), str)


def fill_folders(data: Any, file: str, surroundings: Surroundings) -> list[Problem]:
    """Puts `pairs` beside every `folder`, and says what cannot be read."""
    if isinstance(data, list):
        found = ((index, one) for index, one in enumerate(data) if names_folder(one))
        return [_at(index, problem) for index, one in found for problem in fill_folders(one, file, surroundings)]
    if not names_folder(data):
        return []
    try:
        data["pairs"] = list(_pairs(data["folder"], file, surroundings))
    except ValueError as problem:
        return [Problem(("folder",), str(problem))]
    return []


def _at(index: int, problem: Problem) -> Problem:
    return Problem((index, *problem.path), problem.message, problem.hint)


def _pairs(folder: str, file: str, surroundings: Surroundings) -> Iterator[dict[str, str]]:
    """The pairs of a folder and of those in it, in the order of their names.

    Raises: ValueError if there is none, or one that cannot be read.
    """
    names = _listed(folder, file, surroundings)
    keys = [name.removesuffix(_KEY) for name in names if name.endswith(_KEY)]
    if not keys:
        raise ValueError(
            f"folder {folder} holds no pair; write NAME.crt and NAME.key into it, or NAME/tls.crt and so on"
        )
    for stem in sorted(keys):
        chain = next((stem + ending for ending in _CHAINS if stem + ending in names), None)
        if chain is None:
            raise ValueError(f"folder {folder} holds {stem}{_KEY}, and no {stem}{_CHAINS[0]} for it")
        pair = {"certificate": chain, "key": stem + _KEY, "ocsp": stem + _STAPLE}
        present = {field: name for field, name in pair.items() if name in names}
        texts = {field: _text(f"{folder}/{name}", file, surroundings) for field, name in present.items()}
        yield {"name": stem.removesuffix(f"/{_OWN}"), **texts}


def _listed(folder: str, file: str, surroundings: Surroundings) -> Sequence[str]:
    if not folder or "\0" in folder:
        raise ValueError("write the path of a folder")
    try:
        return surroundings.folder(file, folder)
    except OSError as problem:
        raise ValueError(f"folder {folder} cannot be read: {problem.strerror or problem}") from None


def _text(path: str, file: str, surroundings: Surroundings) -> str:
    try:
        return surroundings.file(file, path)
    except UnicodeError:
        raise ValueError(f"file {path} is not UTF-8 text") from None
    except OSError as problem:
        raise ValueError(f"file {path} cannot be read: {problem.strerror or problem}") from None
