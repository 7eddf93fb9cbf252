"""From data to resources, with every problem in words that say what to write."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from penstock.base.names import did_you_mean
from penstock.base.problem import Problem, Steps
from penstock.model.kinds import KINDS, resource_key
from penstock.model.resource import Resource

_VALUE_ERROR = "Value error, "


def validate_resource(data: Any) -> Resource | list[Problem]:
    """The resource that data describes, or everything that is wrong with it."""
    if not isinstance(data, dict):
        return [Problem((), f"a resource is a mapping with `kind` and `name`; found {_found(data)}")]
    kind = data.get("kind")
    if kind is None:
        return [Problem((), "`kind` is missing", f"write one of {', '.join(KINDS)}")]
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        hint = did_you_mean(str(kind), KINDS) or f"the kinds are {', '.join(KINDS)}"
        return [Problem(("kind",), f"no kind of resource is called `{str(kind)[:80]}`", hint)]
    try:
        return model.model_validate(data)
    except ValidationError as error:
        return explained(error, model, named(data))


def explained(error: ValidationError, model: type[BaseModel], resource: str = "") -> list[Problem]:
    """What a failed validation says, one problem for each mistake."""
    details = [detail for detail in error.errors(include_url=False) if not _is_echo(detail)]
    return [_problem(detail, model, resource) for detail in details]


def named(data: Any) -> str:
    """What problems call the resource that data describes; empty where it has no name yet."""
    if not isinstance(data, dict):
        return ""
    kind, name = data.get("kind"), data.get("name")
    return resource_key(kind, name[:80]) if isinstance(kind, str) and isinstance(name, str) else ""


def _is_echo(detail: ErrorDetails) -> bool:
    """Whether a list is only called too short because its items were wrong, which is said of each already."""
    return detail["type"] == "too_short" and bool(detail["input"])


def _problem(detail: ErrorDetails, model: type[BaseModel], resource: str) -> Problem:
    path = tuple(step for step in detail["loc"] if step != "[key]")
    kind = detail["type"]
    if kind == "extra_forbidden":
        hint = did_you_mean(str(path[-1]), _fields(model, path[:-1]))
        return Problem(path, f"unknown key `{str(path[-1])[:80]}`", hint, resource=resource, about_key=True)
    if kind == "missing":
        return Problem(path[:-1], f"`{path[-1]}` is missing", resource=resource)
    message, hint = _message(detail)
    return Problem(path, message, hint, resource=resource, about_key="[key]" in detail["loc"])


def _message(detail: ErrorDetails) -> tuple[str, str]:
    words = _MESSAGES.get(detail["type"])
    if words is not None:
        return words(detail)
    message = detail["msg"].removeprefix(_VALUE_ERROR)
    return message[:1].lower() + message[1:], ""


def _expected(what: str) -> Callable[[ErrorDetails], tuple[str, str]]:
    return lambda detail: (f"expected {what}, found {_found(detail['input'])}", "")


def _expected_text(detail: ErrorDetails) -> tuple[str, str]:
    value = detail["input"]
    quotable = isinstance(value, int | float)
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return f"expected text, found {_found(value)}", f'write it in quotes: "{shown[:40]}"' if quotable else ""


def _expected_one_of(detail: ErrorDetails) -> tuple[str, str]:
    expected = str(detail.get("ctx", {}).get("expected", ""))
    words = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
    return f"expected {expected}, found {_found(detail['input'])}", did_you_mean(str(detail["input"]), words)


def _too_short(_detail: ErrorDetails) -> tuple[str, str]:
    return "must not be empty", ""


_MESSAGES: dict[str, Callable[[ErrorDetails], tuple[str, str]]] = {
    "string_type": _expected_text,
    "int_type": _expected("a whole number"),
    "bool_type": _expected("true or false"),
    "tuple_type": _expected("a list"),
    "list_type": _expected("a list"),
    "mapping_type": _expected("a mapping"),
    "dict_type": _expected("a mapping"),
    "model_type": _expected("a mapping"),
    "model_attributes_type": _expected("a mapping"),
    "literal_error": _expected_one_of,
    "too_short": _too_short,
    "string_too_short": _too_short,
}


def _found(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."  # noqa: PLR2004 - enough to recognise it by


def _fields(model: type[BaseModel], path: Steps) -> list[str]:
    """The keys that are known at a path of a model."""
    for step in path:
        if isinstance(step, int):
            continue
        found = model.model_fields.get(step)
        inner = _inner_model(found.annotation) if found else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_inner_model(argument) for argument in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model is not None), None)
