"""What the gateway itself says on standard error: lines of text or of JSON, which nothing in them can forge."""

import argparse
import json
import logging
import os
import re
import sys
import time

FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")
FORMAT_VARIABLE = "PENSTOCK_LOG_FORMAT"
"""Tells the workers too, which write lines of their own."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def add_log_options(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the gateway's own log."""
    usual = os.environ.get(FORMAT_VARIABLE, FORMATS[0])
    parser.add_argument(
        "--log-format", choices=FORMATS, default=usual, help="form of the gateway's own log; default: text"
    )
    parser.add_argument("--log-level", choices=LEVELS, default="info", help="least that it says; default: info")


def log_to_standard_error(options: argparse.Namespace) -> None:
    """Log as flags say, as the core does with what it says."""
    os.environ[FORMAT_VARIABLE] = options.log_format
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if options.log_format == "json" else TextLines())
    logging.basicConfig(handlers=[handler], level=options.log_level.upper())


class TextLines(logging.Formatter):
    """Time, level and message; what follows a line end is indented, so that it is taken for no line of its own."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """The line, and those that belong to it."""
        return escaped(super().format(record)).replace("\n", "\n    ")


class JsonLines(logging.Formatter):
    """One object of JSON a line, with `time`, `level` and `message`."""

    def __init__(self) -> None:
        super().__init__()
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        moment = f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{record.msecs:03.0f}Z"
        told = {"time": moment, "level": record.levelname, "message": record.getMessage()}
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told)


def escaped(text: str) -> str:
    """The text with control characters, but for tabs and line ends, as numbers."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
