"""Durations, sizes and rates as configuration files write them.

The grammar is one for both languages: `tests/units.json` holds the cases, which the core's tests read too.
"""

import re
from collections.abc import Mapping
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
# What people write who know other programs, in lower case.
_TIMES_ELSEWHERE = {
    "d": "day days", "h": "hr hrs hour hours", "m": "min mins minute minutes", "s": "sec secs second seconds",
    "ms": "msec msecs milli millis millisecond milliseconds",
}  # fmt: skip
_BYTES_ELSEWHERE = {
    "B": "byte bytes", "kB": "", "MB": "", "GB": "",
    "KiB": "k kb ki kib", "MiB": "m mb mi mib meg", "GiB": "g gb gi gib gig",
}  # fmt: skip
_PERIODS_ELSEWHERE = {**_TIMES_ELSEWHERE, "s": "sec secs second seconds 1s rps r/s req/s qps", "m": "min minute 1m r/m"}
_NUMBER_AND_WORD = re.compile(r"\s*([0-9]+)(?:[.]([0-9]{1,3}))?\s*(?:per |/)?\s*([A-Za-z][A-Za-z/]*|1[sm])\s*")


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """A quantity that is written as text with its unit."""

    number: int
    text: str = ""

    pattern: ClassVar[str] = ""
    description: ClassVar[str] = ""
    _noun: ClassVar[str] = ""
    _form: ClassVar[str] = ""
    _parts: ClassVar[re.Pattern[str]]

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: object) -> Self:
        """The quantity that a text stands for.

        Raises: ValueError that says what to write, if it stands for none or for one too large for a plan.
        """
        found = cls._parts.fullmatch(text) if isinstance(text, str) and text else None
        if found is None:
            instead = cls._with_unit(int(str(text))) if _is_count(text) else cls._meant(text)
            raise ValueError(f"not a {cls._noun}: {_shown(text)}; write {instead or cls._form}")
        return cls._of(found)

    @classmethod
    def _of(cls, found: re.Match[str]) -> Self:
        raise NotImplementedError

    @classmethod
    def _with_unit(cls, number: int) -> str:
        """A number to which only the unit is missing, with those that may be meant."""
        raise NotImplementedError

    @classmethod
    def _meant(cls, text: object) -> str:
        """What was probably meant by a text whose unit is written as other programs do; empty if nobody can tell."""
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
    _noun = "duration"
    _form = "a number and a unit, as in 250ms, 5s, 1m30s, 2h"
    _parts = re.compile(r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?")

    @property
    def milliseconds(self) -> int:
        """The whole length in milliseconds."""
        return self.number

    @classmethod
    def _of(cls, found: re.Match[str]) -> Self:
        counts = zip(found.groups(), _MILLISECONDS.values(), strict=True)
        return cls(_in_range(sum(_whole(count) * unit for count, unit in counts if count), found[0]), found[0])

    @classmethod
    def _with_unit(cls, number: int) -> str:
        return f"{number}s or {number}ms"

    @classmethod
    def _meant(cls, text: object) -> str:
        return _meant(text, _MILLISECONDS, _TIMES_ELSEWHERE)


class Size(Unit):
    """A number of bytes: `512B`, `64KiB`, `10MB`.

    Units: `number` is in bytes.
    """

    __slots__ = ()
    pattern = r"^[0-9]+(B|kB|MB|GB|KiB|MiB|GiB)$"
    description = "A number of bytes, such as 512B, 64KiB, 1MiB or 10MB."
    _noun = "size"
    _form = "a number and a unit, as in 512B, 64KiB, 1MiB, 10MB"
    _parts = re.compile(r"([0-9]+)(B|kB|MB|GB|KiB|MiB|GiB)")

    @property
    def bytes(self) -> int:
        """The whole size in bytes."""
        return self.number

    @classmethod
    def _of(cls, found: re.Match[str]) -> Self:
        return cls(_in_range(_whole(found[1]) * _BYTES[found[2]], found[0]), found[0])

    @classmethod
    def _with_unit(cls, number: int) -> str:
        """The number in the largest unit that says it whole."""
        unit = next((unit for unit in ("GiB", "MiB", "KiB") if number and number % _BYTES[unit] == 0), "B")
        return f"{number // _BYTES[unit]}{unit}"

    @classmethod
    def _meant(cls, text: object) -> str:
        return _meant(text, _BYTES, _BYTES_ELSEWHERE)


@dataclass(frozen=True, slots=True, order=True)
class Rate(Unit):
    """A number of times per second, minute, hour or day: `100/s`, `5000/m`.

    Units: `number` is how often in one period, `period` is in milliseconds.
    """

    period: int = 1_000

    pattern: ClassVar[str] = r"^[0-9]+/(s|m|h|d)$"
    description: ClassVar[str] = "How often in a period, such as 100/s, 5000/m, 10/h or 1000/d."
    _noun: ClassVar[str] = "rate"
    _form: ClassVar[str] = "how often and the period, as in 100/s, 5000/m, 10/h"
    _parts: ClassVar[re.Pattern[str]] = re.compile(r"([0-9]+)/([smhd])")

    @classmethod
    def _of(cls, found: re.Match[str]) -> Self:
        count = _in_range(_whole(found[1]), found[0])
        if count == 0:
            raise ValueError(f"a rate of nothing: {found[0]}; write at least 1")
        return cls(count, found[0], _PERIODS[found[2]])

    @classmethod
    def _with_unit(cls, number: int) -> str:
        return f"{number}/s or {number}/m"

    @classmethod
    def _meant(cls, text: object) -> str:
        return _meant(text, _PERIODS, _PERIODS_ELSEWHERE, "/")


def _is_count(value: object) -> bool:
    """Whether a value is a number to which only the unit is missing."""
    text = str(value)
    return not isinstance(value, bool) and text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST))


def _meant(text: object, units: Mapping[str, int], elsewhere: Mapping[str, str], between: str = "") -> str:
    """What was probably meant by a text whose unit is written as other programs do; empty where nobody can tell."""
    found = _NUMBER_AND_WORD.fullmatch(text[:40]) if isinstance(text, str) else None
    if found is None:
        return ""
    word = found[3].lower()
    exact = found[3] if found[3] in units else ""
    unit = exact or next(
        (one for one, others in elsewhere.items() if word == one.lower() or word in others.split()), ""
    )
    if not unit or (found[2] and between):
        return ""
    if not found[2]:
        return f"{int(found[1])}{between}{unit}"
    # A fraction becomes a whole number of a smaller unit, if there is one.
    number = int(found[1] + found[2].ljust(3, "0")) * units[unit]
    smaller = [(count, name) for name, count in units.items() if number % (count * 1000) == 0]
    return f"{number // 1000 // max(smaller)[0]}{max(smaller)[1]}" if smaller else ""


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
