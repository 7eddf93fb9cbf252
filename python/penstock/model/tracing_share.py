"""Shares of traces that are recorded."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

MILLION = 1_000_000
_SHARE = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,4}))?%\Z")
SHARE_PATTERN = r"^[0-9]{1,3}(\.[0-9]{1,4})?%$"
OFF = "off"


def read_share(value: object) -> int:
    """A share in millionths from its text, `1%` or `0.05%`.

    Raises: ValueError that says what to write.
    """
    found = _SHARE.match(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"not a share: {str(value)[:40]!r}; write one from 0% to 100%, as in 1% or 0.05%")
    millionths = int(found[1]) * MILLION // 100 + int((found[2] or "").ljust(4, "0"))
    if millionths > MILLION:
        raise ValueError(f"not a share: {str(value)[:40]!r}; write one from 0% to 100%")
    return millionths


def share_text(millionths: int) -> str:
    """The text of a share."""
    whole, rest = divmod(millionths, MILLION // 100)
    digits = f"{rest:04}".rstrip("0")
    return f"{whole}.{digits}%" if digits else f"{whole}%"


def read_route_share(value: object) -> int | str:
    """A share, or `off`.

    Raises: ValueError that says what to write.
    """
    if value == OFF:
        return OFF
    if isinstance(value, str) and _SHARE.match(value):
        return read_share(value)
    raise ValueError(f"not a share: {str(value)[:40]!r}; write one from 0% to 100%, or `off`")


Share = Annotated[
    int,
    BeforeValidator(read_share),
    PlainSerializer(share_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": SHARE_PATTERN}),
]
"""A share in millionths."""
RouteShare = Annotated[
    int | Literal["off"],
    BeforeValidator(read_route_share),
    PlainSerializer(lambda share: share if share == OFF else share_text(share), return_type=str),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": SHARE_PATTERN}, {"const": OFF}]}),
]
