"""Patterns for hosts, paths and named values, with the short forms that users write."""

import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_serializer, model_validator

from penstock.base.networks import bracketed, canonical_host
from penstock.model.normal_path import normal_path
from penstock.model.resource import Settings, Text

_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SCHEME = re.compile(r"[a-z]+://", re.IGNORECASE)
_REGEX_MARKS = re.compile(r"~\*? *(?=[\^/(])|(?=\^)")
"""How a regular expression begins, or what nginx puts before one."""
_REST = "rest"
"""What `/*` stands for is called in templates."""
Regex = Annotated[Text, Field(min_length=1, json_schema_extra={"x-penstock-regex": True})]
"""A regular expression; its syntax is the core's to check."""


class HostPattern(Settings):
    """A pattern for the host of a request; exactly one of the fields is given."""

    model_config: ClassVar[ConfigDict] = ConfigDict(title="HostPattern")

    exact: Text | None = Field(None, description="Exactly this host.")
    wildcard: Text | None = Field(None, description="One or more labels before this host.")
    regex: Regex | None = Field(None, description="A regular expression searched in the host.")

    @property
    def given(self) -> tuple[str, str]:
        """The one field that is given, and its text."""
        return _given({"exact": self.exact, "wildcard": self.wildcard, "regex": self.regex})

    @model_serializer
    def written(self) -> str | dict[str, str]:
        """The form in which users write it."""
        kind, text = self.given
        return {kind: text} if kind == "regex" else f"*.{text}" if kind == "wildcard" else text


def read_host(value: object) -> object:
    """The mapping that a host pattern's short form stands for.

    Shape: `shop.example.com` or `*.example.com`; a mapping may only hold `regex`.
    Raises: ValueError if it is no host.
    """
    if isinstance(value, dict) and set(value) == {"regex"} and value["regex"] is not None:
        return value
    if not isinstance(value, str):
        raise ValueError("write a host as text, or {regex: ...}")  # noqa: TRY004 - pydantic
    if value == "*":
        raise ValueError("`*` is every host: leave `hosts` out")
    if value.startswith("*."):
        return {"wildcard": _host(value[2:], value)}
    return {"exact": _host(value, value)}


def _given(fields: dict[str, str | None]) -> tuple[str, str]:
    return next((kind, text) for kind, text in fields.items() if text is not None)


def _host(text: str, whole: str) -> str:
    if "*" in text:
        raise ValueError(
            f"not a host: {whole!r}; `*` stands only at the beginning, as in *.example.com; or write a regex"
        )
    bare = _SCHEME.sub("", text).partition("/")[0]
    if bare != text:
        raise ValueError(f"not a host: {whole[:80]!r}; write it without scheme and path: {bare[:80]}")
    if ":" in text and not text.startswith("["):
        raise ValueError(f"not a host: {whole[:80]!r}; write it without a port")
    if not text.isascii():
        raise ValueError(f"not a host: {whole!r}; write it in the form xn--... (punycode)")
    return bracketed(canonical_host(text))


class PathPattern(Settings):
    """A pattern for the path of a request; exactly one of the fields is given."""

    model_config: ClassVar[ConfigDict] = ConfigDict(title="PathPattern")

    exact: Text | None = Field(None, description="Exactly this path.")
    prefix: Text | None = Field(None, description="This path and everything below it.")
    template: Text | None = Field(None, description="Segments and {parameters}.")
    regex: Regex | None = Field(None, description="A regular expression searched in the normalised path.")

    @property
    def given(self) -> tuple[str, str]:
        """The one field that is given, and its text."""
        return _given({"exact": self.exact, "prefix": self.prefix, "template": self.template, "regex": self.regex})

    @model_serializer
    def written(self) -> str | dict[str, str]:
        """The form in which users write it."""
        kind, text = self.given
        return {kind: text} if kind == "regex" else f"{text}/*" if kind == "prefix" else text


def read_path(value: object) -> object:
    """The mapping that a path pattern's short form stands for.

    Shape: exact `/orders`; `/orders/*` with all below it; `/orders/{id}` with parameters; or {regex: ...}.
    Raises: ValueError if it is no pattern.
    """
    if isinstance(value, dict) and set(value) == {"regex"} and value["regex"] is not None:
        return value
    if not isinstance(value, str):
        several = (
            "; a route has one path, and several routes may lead to one pipeline" if isinstance(value, list) else ""
        )
        raise ValueError(f"write a path as text, or {{regex: ...}}{several}")  # noqa: TRY004 - pydantic
    marks = _REGEX_MARKS.match(value)
    if marks:
        pattern = value[marks.end() :]
        raise ValueError(f"not a path: {value[:80]!r}; write a regular expression as {{regex: {pattern[:80]!r}}}")
    if not value.startswith("/"):
        raise ValueError(f"write the path with a leading slash: /{value.lstrip('= /')[:80]}")
    has_rest = value.endswith("/*")
    stem = value.removesuffix("/*")
    segments = [_segment(segment, value) for segment in stem.split("/")]
    names = [segment[1:-1] for segment in segments if segment.startswith("{")]
    _check_parameters(names, has_rest)
    _check_normal(segments)
    path = "/".join(segments)
    if names:
        return {"template": path + ("/*" if has_rest else "")}
    return {"prefix": path} if has_rest else {"exact": path}


def _segment(segment: str, whole: str) -> str:
    if _PARAMETER.fullmatch(segment):
        return segment
    if "{" in segment or "}" in segment:
        raise ValueError(
            f"{segment[:80]!r} mixes text and braces; a parameter is a whole segment, as in /orders/{{id}}"
        )
    if "*" in segment:
        raise ValueError(f"{whole[:80]!r}: `*` stands only at the end, as in /orders/*")
    if "?" in segment or "#" in segment:
        raise ValueError(f"{whole[:80]!r} is more than a path; conditions on the query go under `query`")
    return segment if segment in {".", ".."} else normal_path(segment)


def _check_parameters(names: list[str], has_rest: bool) -> None:  # noqa: FBT001 - a fact, not a switch
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"parameter {{{name}}} is given twice")
        if has_rest and name == _REST:
            raise ValueError("{rest} is what `/*` stands for; give the parameter another name")


def _check_normal(segments: list[str]) -> None:
    last = len(segments) - 1
    odd = [index for index, segment in enumerate(segments) if segment in {"", ".", ".."}]
    if any(0 < index < last or segments[index] in {".", ".."} for index in odd):
        raise ValueError("no request has such a path: paths come with `//`, `.` and `..` already resolved")


class ValueTest(Settings):
    """What must hold of a value; exactly one of the fields is given."""

    model_config: ClassVar[ConfigDict] = ConfigDict(title="ValueTest")

    exact: Text | None = Field(None, description="It equals this text.")
    prefix: Text | None = Field(None, description="It starts with this text.")
    suffix: Text | None = Field(None, description="It ends with this text.")
    regex: Regex | None = Field(None, description="This regular expression is found in it.")
    present: Literal[True] | None = Field(None, description="It is there.")
    absent: Literal[True] | None = Field(None, description="It is not there.")

    @model_validator(mode="after")
    def has_one_test(self) -> Self:
        """Refuses a test of nothing, and one of two things."""
        if len(self.model_fields_set) != 1:
            raise ValueError("write exactly one of exact, prefix, suffix, regex, present, absent")
        return self

    @property
    def test(self) -> tuple[str, str | bool]:
        """The name of the test and what it is given."""
        return next((name, getattr(self, name)) for name in self.model_fields_set)

    @model_serializer
    def written(self) -> dict[str, str | bool]:
        """The form in which users write it."""
        return dict([self.test])


def read_test(value: object) -> object:
    """The mapping that a condition's short form stands for: plain text means equal.

    Raises: ValueError if it is a number or boolean, which no header is.
    """
    if isinstance(value, str):
        return {"exact": value}
    if isinstance(value, dict):
        for word, opposite in (("present", "absent"), ("absent", "present")):
            if value.get(word) is False:
                raise ValueError(f"write `{opposite}: true` for `{word}: false`")
        return value
    raise ValueError(f"expected text or a test; write text in quotes: {_quoted(value)}")


def _quoted(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f'"{text[:40]}"'


def short_or(schema: dict[str, Any], *fields: str) -> WithJsonSchema:
    """The schema of a mapping with one of some fields, or of its short form."""
    properties = {
        name: {"type": "boolean", "const": True} if name in {"present", "absent"} else {"type": "string"}
        for name in fields
    }
    long = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return WithJsonSchema({"anyOf": [schema, long]})


Host = Annotated[HostPattern, BeforeValidator(read_host), short_or({"type": "string"}, "regex")]
"""A host: exact, with a wildcard, or a regular expression."""
Path = Annotated[PathPattern, BeforeValidator(read_path), short_or({"type": "string", "pattern": "^/"}, "regex")]
"""A path: exact, with all below it, with parameters, or a regular expression."""
Condition = Annotated[
    ValueTest,
    BeforeValidator(read_test),
    short_or({"type": "string"}, "exact", "prefix", "suffix", "regex", "present", "absent"),
]
"""A test of one named value; plain text means equal."""
