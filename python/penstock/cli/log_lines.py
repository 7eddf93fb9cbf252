"""How `penstock logs` prints a request, and what the gateway says of itself."""

import json
from collections.abc import Mapping
from typing import Any

from penstock.cli.output import DOCUMENTS, JSON, WIDE

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_COLOURS = {"2": 32, "3": 36, "4": 33, "5": 31}
_LEVELS = {"WARNING": 33, "ERROR": 31, "CRITICAL": 31}


def request_line(told: Mapping[str, Any], form: str, *, is_coloured: bool) -> str:
    """A request in one line, which writes nothing else to a terminal, whatever its client has sent (I22)."""
    if form in DOCUMENTS:
        return _document(told, form)
    status = str(told.get("status", "-"))
    words = [
        _word(told.get("time")),
        _word(told.get("client")),
        _coloured(_word(status), _COLOURS.get(status[:1]) if is_coloured else None),
        _word(told.get("method")),
        _word(f"{told.get('host', '')}{told.get('path', '')}"),
        _word(told.get("route")),
        f"{_word(told.get('duration_ms'))} ms",
        str(told.get("reason", "")).translate(_CONTROLS),
    ]
    return " ".join(words + (_more(told) if form == WIDE else [])).rstrip()


def own_line(told: Mapping[str, Any], form: str, *, is_coloured: bool) -> str:
    """What the gateway has said of itself."""
    if form in DOCUMENTS:
        return _document(told, form)
    level = str(told.get("level", ""))
    said = "\n".join(str(told[name]) for name in ("message", "exception") if name in told)
    text = said.translate(_CONTROLS | {0x0A: "\n    "})
    return f"{_word(told.get('time'))} {_coloured(level, _LEVELS.get(level) if is_coloured else None)} {text}"


def _document(told: Mapping[str, Any], form: str) -> str:
    """As JSON in one line, as YAML in a document."""
    if form == JSON:
        return json.dumps(told)
    import yaml

    return f"---\n{yaml.safe_dump(dict(told), sort_keys=False)}".rstrip()


def _more(told: Mapping[str, Any]) -> list[str]:
    names = ("listener", "protocol", "upstream", "endpoint", "attempts", "upstream_ms", "bytes_in", "bytes_out", "id")
    known = [f"{name}={_word(told[name])}" for name in names if told.get(name) not in {None, ""}]
    agent = str(told.get("user_agent", "")).translate(_CONTROLS)
    return [*known, f'user_agent="{agent}"'] if agent else known


def _word(value: object) -> str:
    return str(value).translate(_CONTROLS) if value not in {None, ""} else "-"


def _coloured(text: str, colour: int | None) -> str:
    return text if colour is None else f"\x1b[{colour}m{text}\x1b[0m"
