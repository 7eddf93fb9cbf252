"""The gateway's own log: text or JSON, and no line in it that somebody else has written (I22)."""

import json
import logging
import re

import pytest

from penstock.cli.own_log import JsonLines, TextLines
from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until

HOSTILE = "name\r\n2026-01-01T00:00:00.000Z ERROR forged \x1b[31m\x00\x9b\u2028"


def record(message: str) -> logging.LogRecord:
    made = logging.LogRecord("penstock", logging.WARNING, "", 0, "%s", (message,), None)
    made.created, made.msecs = 1_700_000_000.007, 7.0
    return made


def test_i22_a_message_makes_no_line_of_its_own_in_text() -> None:
    first, *others = TextLines().format(record(HOSTILE)).split("\n")
    assert first == "2023-11-14T22:13:20.007Z WARNING name\\u000d"
    assert others == ["    2026-01-01T00:00:00.000Z ERROR forged \\u001b[31m\\u0000\\u009b\\u2028"]


def test_i22_a_message_makes_no_line_of_its_own_in_json() -> None:
    line = JsonLines().format(record(HOSTILE))
    assert line.isascii()
    assert "\n" not in line
    told = json.loads(line)
    assert told == {"time": "2023-11-14T22:13:20.007Z", "level": "WARNING", "message": HOSTILE}


@pytest.mark.parametrize(("level", "is_said"), [("info", True), ("error", False)])
def test_the_log_has_the_form_and_the_level_that_flags_say(level: str, is_said: bool) -> None:  # noqa: FBT001 - a case
    log = "---\n{kind: Telemetry, name: a, access_log: {path: /dev/full/nothing}}\n"
    flags = ("--log-format", "json", "--log-level", level)
    with GatewayProcess(forwarding("http://127.0.0.1:1") + log, *flags, workers=1) as gateway:
        wait_until(lambda: "access log /dev/full/nothing" in gateway.said)
        said = [json.loads(line) for line in gateway.said.splitlines()]
    assert all(re.fullmatch(r"[0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z", one["time"]) for one in said)
    assert any(one["message"].startswith("listener web serves") for one in said) == is_said
    # What a worker says has the same form.
    assert any("access log /dev/full/nothing" in one["message"] and one["level"] == "ERROR" for one in said)
