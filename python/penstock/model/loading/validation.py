"""From data to resources, with every problem of the data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from penstock.base.names import did_you_mean
from penstock.base.problem import Problem, Steps
from penstock.model.kinds import KINDS, resource_key
from penstock.model.loading.fields import keys_at
from penstock.model.loading.messages import message_of, short
from penstock.model.loading.remains import Remains, path_of, remains_of
from penstock.model.loading.words_elsewhere import LATER_KEYS, LATER_KINDS, own_key, own_kind
from penstock.model.resource import Resource


@dataclass(frozen=True, slots=True)
class Refused:
    """What is wrong with a resource, and what is left of it.

    `keys` are those that others may name it by, as far as they can be told.
    """

    problems: tuple[Problem, ...]
    keys: frozenset[str] = frozenset()
    remains: Remains | None = None


def validate_resource(data: Any) -> Resource | list[Problem]:
    """The resource that data describes, or everything that is wrong with it."""
    found = read_resource(data)
    return list(found.problems) if isinstance(found, Refused) else found


def read_resource(data: Any, wrong: Sequence[Steps] = ()) -> Resource | Refused:
    """The resource that data describes, or everything that is wrong with it.

    `wrong` are the paths of values that are known to be wrong; of these no problem is told.
    """
    if not isinstance(data, dict):
        return _refused(data, Problem((), f"a resource is a mapping with `kind` and `name`; found {short(data)}"))
    kind = data.get("kind")
    if kind is None:
        return _refused(data, Problem((), "`kind` is missing", f"write one of {', '.join(KINDS)}"))
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        return _refused(data, *([] if ("kind",) in wrong else [_unknown_kind(str(kind))]))
    try:
        if not wrong:
            return model.model_validate(data)
    except ValidationError:
        pass  # said below, where the mistakes behind the first ones are found too
    found: list[tuple[ErrorDetails, Steps]] = []
    remains = remains_of(data, model, wrong, lambda detail, path: found.append((detail, path)))
    return Refused(tuple(_problems(found, model, named(data))), likely_keys(data), remains)


def explained(error: ValidationError, model: type[BaseModel], resource: str = "") -> list[Problem]:
    """What a failed validation says, one problem for each mistake."""
    return _problems([(detail, path_of(detail)) for detail in error.errors(include_url=False)], model, resource)


def named(data: Any) -> str:
    """What problems call the resource that data describes; empty where it has no name yet."""
    if not isinstance(data, dict):
        return ""
    kind, name = data.get("kind"), data.get("name")
    return resource_key(kind, name[:80]) if isinstance(kind, str) and isinstance(name, str) else ""


def likely_keys(data: Any) -> frozenset[str]:
    """The keys under which others may refer to what data describes, right or wrong."""
    name = data.get("name") if isinstance(data, dict) else None
    if not isinstance(name, str):
        return frozenset()
    kind = data.get("kind")
    return frozenset(
        resource_key(one, name[:80]) for one in (*KINDS, kind) if isinstance(one, str) and _fits(kind, one)
    )


def _fits(kind: object, known: str) -> bool:
    """Whether a kind may be meant: a known one means itself, an unknown one may mean any."""
    return kind == known or not isinstance(kind, str) or kind not in KINDS


def _refused(data: Any, *problems: Problem) -> Refused:
    return Refused(problems, likely_keys(data))


def _unknown_kind(kind: str) -> Problem:
    if kind in LATER_KINDS:
        return Problem(("kind",), f"`{kind}` is not built yet", f"the kinds are {', '.join(KINDS)}")
    hint = own_kind(kind) or did_you_mean(kind, KINDS) or f"the kinds are {', '.join(KINDS)}"
    return Problem(("kind",), f"no kind of resource is called `{kind[:80]}`", hint)


def _problems(found: Iterable[tuple[ErrorDetails, Steps]], model: type[BaseModel], resource: str) -> list[Problem]:
    pairs = [(detail, path) for detail, path in found if not _is_echo(detail)]
    problems = [_problem(detail, path, model, resource) for detail, path in pairs]
    meant = {(*problem.path[:-1], problem.hint) for problem in problems if problem.about_key}
    return [
        problem
        for problem, (detail, path) in zip(problems, pairs, strict=True)
        # A key that is there under a wrong name is not missing.
        if detail["type"] != "missing" or (*path[:-1], f"did you mean `{path[-1]}`?") not in meant
    ]


def _is_echo(detail: ErrorDetails) -> bool:
    """Whether a list is only called too short because its items were wrong, which is said of each already."""
    return detail["type"] == "too_short" and bool(detail["input"])


def _problem(detail: ErrorDetails, path: Steps, model: type[BaseModel], resource: str) -> Problem:
    kind = detail["type"]
    if kind == "extra_forbidden":
        message, hint = _unknown_key(str(path[-1]), model, path[:-1])
        return Problem(path, message, hint, resource=resource, about_key=True)
    if kind == "missing":
        return Problem(path[:-1], f"`{path[-1]}` is missing", resource=resource)
    message, hint = message_of(detail, path, model)
    return Problem(path, message, hint, resource=resource, about_key="[key]" in detail["loc"])


def _unknown_key(key: str, model: type[BaseModel], path: Steps) -> tuple[str, str]:
    owner, keys = keys_at(model, path)
    later = LATER_KEYS.get((owner, key))
    if later is not None:
        return f"`{key}` is not built yet", later
    hint = own_key(owner, key) or did_you_mean(key, [*keys, *model.model_fields] if not path else keys)
    return f"unknown key `{key[:80]}`", hint or (f"the keys here are {', '.join(keys)}" if keys else "")
