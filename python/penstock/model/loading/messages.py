"""What a failed check of a value is called in words that say what to write."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from penstock.base.names import did_you_mean
from penstock.base.problem import Steps
from penstock.model.loading.fields import keys_at

_VALUE_ERROR = "Value error, "
_WORDS_FOR_TRUE = frozenset({"yes", "on", "1", "y"})
_WORDS_FOR_FALSE = frozenset({"no", "off", "0", "n"})


def message_of(detail: ErrorDetails, path: Steps, model: type[BaseModel]) -> tuple[str, str]:
    """A message and a hint."""
    if detail["type"] in _MAPPINGS:
        return _expected_mapping(detail, path, model)
    words = _MESSAGES.get(detail["type"])
    if words is not None:
        return words(detail)
    message = detail["msg"].removeprefix(_VALUE_ERROR)
    return message[:1].lower() + message[1:], ""


def short(value: Any) -> str:
    """A value as messages name it: enough to recognise it by."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."  # noqa: PLR2004 - about half a line


def _expected(what: str, found: Any) -> str:
    return f"expected {what}, found {short(found)}"


def _text(detail: ErrorDetails) -> tuple[str, str]:
    value = detail["input"]
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    hint = f'write it in quotes: "{shown[:40]}"' if isinstance(value, int | float) else ""
    return _expected("text", value), hint


def _whole_number(detail: ErrorDetails) -> tuple[str, str]:
    value = detail["input"]
    is_quoted = isinstance(value, str) and value.isascii() and value.isdigit()
    return _expected("a whole number", value), f"write it without quotes: {value[:20]}" if is_quoted else ""


def _truth(detail: ErrorDetails) -> tuple[str, str]:
    word = str(detail["input"]).lower()
    hint = "write `true`" if word in _WORDS_FOR_TRUE else "write `false`" if word in _WORDS_FOR_FALSE else ""
    return _expected("true or false", detail["input"]), hint


def _list(detail: ErrorDetails) -> tuple[str, str]:
    value = detail["input"]
    if isinstance(value, dict):
        return _expected("a list", value), "write `- ` before each of its items"
    item = str(value)[:60]
    shown = f'"{item}"' if set(item) & set(",[]{}#&*!|>'\"%@`") or ": " in item else item
    return _expected("a list", value), f"write it as a list: [{shown}]" if isinstance(value, str | int) else ""


def _expected_mapping(detail: ErrorDetails, path: Steps, model: type[BaseModel]) -> tuple[str, str]:
    keys = keys_at(model, path)[1] if detail["type"] not in {"mapping_type", "dict_type"} else []
    hint = f"write a mapping of {', '.join(f'`{key}`' for key in keys)}" if keys else "write it as in {name: value}"
    return _expected("a mapping", detail["input"]), hint


def _one_of(detail: ErrorDetails) -> tuple[str, str]:
    expected = str(detail.get("ctx", {}).get("expected", ""))
    expected = expected.replace("True", "true")
    words = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
    return _expected(expected, detail["input"]), did_you_mean(str(detail["input"]), words)


def _too_short(_detail: ErrorDetails) -> tuple[str, str]:
    return "must not be empty", ""


def _bound(word: str, name: str) -> Callable[[ErrorDetails], tuple[str, str]]:
    return lambda detail: (_expected(f"{word} {detail.get('ctx', {}).get(name)}", detail["input"]), "")


_MAPPINGS = frozenset({"mapping_type", "dict_type", "model_type", "model_attributes_type"})
_MESSAGES: dict[str, Callable[[ErrorDetails], tuple[str, str]]] = {
    "string_type": _text,
    "int_type": _whole_number,
    "bool_type": _truth,
    "tuple_type": _list,
    "list_type": _list,
    "literal_error": _one_of,
    "too_short": _too_short,
    "string_too_short": _too_short,
    "greater_than_equal": _bound("at least", "ge"),
    "less_than_equal": _bound("at most", "le"),
    "greater_than": _bound("more than", "gt"),
    "less_than": _bound("less than", "lt"),
}
