"""What all resources share: strict fields, a kind, a name, labels."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, WithJsonSchema

from penstock.base.names import NAME_PATTERN, check_name
from penstock.base.units import Duration, Size

Name = Annotated[
    StrictStr,
    AfterValidator(check_name),
    WithJsonSchema({"type": "string", "pattern": NAME_PATTERN}),
]
"""The name of a resource."""


def reference(kind: str) -> Any:
    """The type of a field that names a resource of a kind; the compiler checks that it exists."""
    schema = {"type": "string", "pattern": NAME_PATTERN, "x-penstock-reference": kind}
    return Annotated[StrictStr, AfterValidator(check_name), WithJsonSchema(schema)]


def longer_than_zero(duration: Duration) -> Duration:
    """The duration itself, if it is one that something can be done in.

    Raises: ValueError if it is zero.
    """
    if duration.milliseconds == 0:
        raise ValueError("must be longer than 0")
    return duration


def larger_than_zero(size: Size) -> Size:
    """The size itself, if something fits in it.

    Raises: ValueError if it is zero.
    """
    if size.bytes == 0:
        raise ValueError("must be larger than 0")
    return size


SomeTime = Annotated[Duration, AfterValidator(longer_than_zero)]
"""A duration longer than zero."""
SomeSpace = Annotated[Size, AfterValidator(larger_than_zero)]
"""A size larger than zero."""
Text = StrictStr
"""Text that a number or boolean is never taken for."""
Flag = StrictBool
"""`true` or `false`."""
Number = StrictInt
"""A whole number, not one in quotes."""
MOST = 1_000_000_000
"""More of anything than a machine holds, and far below what a plan's numbers can say."""
Expression = Annotated[StrictStr, Field(min_length=1, json_schema_extra={"x-penstock-expression": True})]
"""A condition; its syntax is the core's to check."""


def or_text(pattern: str) -> Callable[[dict[str, Any]], None]:
    """Makes the schema of a mapping one that takes its short form too, a text of a pattern."""

    def extend(schema: dict[str, Any]) -> None:
        mapping = dict(schema)
        schema.clear()
        schema["anyOf"] = [mapping, {"type": "string", "pattern": pattern}]

    return extend


class Settings(BaseModel):
    """A part of a resource: unknown keys are refused, values never change."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=False)


class Resource(Settings):
    """What every resource has.

    `example` is a document that shows what is most used; a test reads it.
    """

    example: ClassVar[str] = ""

    kind: Text = Field(description="What the resource is.")
    name: Name = Field(description="Name, unique among the resources of its kind.")
    labels: Mapping[str, Text] = Field({}, description="Free words to find and group resources by.")
    enabled: Flag = Field(default=True, description="Whether it is in use; `false` is as if it were not there.")
