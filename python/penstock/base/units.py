"""Durations, sizes and rates as configuration files write them.

The grammar is one for both languages: `tests/units.json` holds the cases, which the core's tests read too.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

LARGEST = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exactly."""

_MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_PERIODS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """A quantity that is written as text with its unit."""

    number: int
    text: str = ""

    pattern: ClassVar[str] = ""
    description: ClassVar[str] = ""

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: object) -> Self:
        """The quantity that a text stands for.

        Raises: ValueError that says what to write.
        """
        raise NotImplementedError

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic_core import core_schema  # noqa: PLC0415 - workers use the units without pydantic

        shown = core_schema.plain_serializer_function_ser_schema(str, when_used="always")
        return core_schema.no_info_plain_validator_function(cls._validate, serialization=shown)

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: "CoreSchema", _handler: "GetJsonSchemaHandler") -> dict[str, Any]:
        return {"type": "string", "pattern": cls.pattern, "description": cls.description}

    @classmethod
    def _validate(cls, value: object) -> Self:
        return value if isinstance(value, cls) else cls.parse(value)


class Duration(Unit):
    """A length of time: `250ms`, `5s`, `1m30s`, `2h`, `7d`.

    Units: `number` is in milliseconds.
    """

    __slots__ = ()
    pattern = r"^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"
    description = "A length of time, such as 250ms, 5s, 1m30s, 2h or 7d."
    _parts = re.compile(r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?")

    @property
    def milliseconds(self) -> int:
        """The whole length in milliseconds."""
        return self.number

    @classmethod
    def parse(cls, text: object) -> Self:
        """The duration that a text stands for.

        Raises: ValueError if the text is no duration or too long for a plan.
        """
        found = cls._parts.fullmatch(text) if isinstance(text, str) and text else None
        if found is None or not isinstance(text, str):
            raise ValueError(f"not a duration: {_shown(text)}; write a number and a unit, as in 250ms, 5s, 1m30s, 2h")
        counts = zip(found.groups(), _MILLISECONDS.values(), strict=True)
        return cls(_in_range(sum(_whole(count) * unit for count, unit in counts if count), text), text)


class Size(Unit):
    """A number of bytes: `512B`, `64KiB`, `10MB`.

    Units: `number` is in bytes.
    """

    __slots__ = ()
    pattern = r"^[0-9]+(B|kB|MB|GB|KiB|MiB|GiB)$"
    description = "A number of bytes, such as 512B, 64KiB, 1MiB or 10MB."
    _parts = re.compile(r"([0-9]+)(B|kB|MB|GB|KiB|MiB|GiB)")

    @property
    def bytes(self) -> int:
        """The whole size in bytes."""
        return self.number

    @classmethod
    def parse(cls, text: object) -> Self:
        """The size that a text stands for.

        Raises: ValueError if the text is no size or too large for a plan.
        """
        found = cls._parts.fullmatch(text) if isinstance(text, str) else None
        if found is None or not isinstance(text, str):
            raise ValueError(f"not a size: {_shown(text)}; write a number and a unit, as in 512B, 64KiB, 1MiB, 10MB")
        return cls(_in_range(_whole(found[1]) * _BYTES[found[2]], text), text)


@dataclass(frozen=True, slots=True, order=True)
class Rate(Unit):
    """A number of times per second, minute, hour or day: `100/s`, `5000/m`.

    Units: `number` is how often in one period, `period` is in milliseconds.
    """

    period: int = 1_000

    pattern: ClassVar[str] = r"^[0-9]+/(s|m|h|d)$"
    description: ClassVar[str] = "How often in a period, such as 100/s, 5000/m, 10/h or 1000/d."
    _parts: ClassVar[re.Pattern[str]] = re.compile(r"([0-9]+)/([smhd])")

    @classmethod
    def parse(cls, text: object) -> Self:
        """The rate that a text stands for.

        Raises: ValueError if the text is no rate, or one of zero.
        """
        found = cls._parts.fullmatch(text) if isinstance(text, str) else None
        if found is None or not isinstance(text, str):
            raise ValueError(f"not a rate: {_shown(text)}; write how often and the period, as in 100/s, 5000/m, 10/h")
        count = _in_range(_whole(found[1]), text)
        if count == 0:
            raise ValueError(f"a rate of nothing: {text}; write at least 1")
        return cls(count, text, _PERIODS[found[2]])


def _whole(digits: str) -> int:
    """A number from its digits, capped: past `LARGEST` only that it is too large matters."""
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= len(str(LARGEST)) else LARGEST + 1


def _in_range(number: int, text: str) -> int:
    if number > LARGEST:
        raise ValueError(f"too large: {_shown(text)}")
    return number


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else f"{text[:40]}..."  # noqa: PLR2004 - enough to recognise it by
