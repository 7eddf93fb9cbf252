"""`penstock consumers`: who is known by a key, and in which groups."""

import argparse
from collections.abc import Mapping
from typing import Any

from penstock.cli.command import FINE, Command
from penstock.cli.gateway_client import add_gateway
from penstock.cli.inventory import add_files, list_items
from penstock.cli.output import add_output, is_wide, show
from penstock.cli.table import table
from penstock.cli.words import listed

_HEADER = ("CONSUMER", "GROUPS", "KEYS", "ENABLED")
_WIDE = (*_HEADER, "LABELS")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway or files, and in which form."""
    add_gateway(parser)
    add_files(parser)
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print every consumer with the number of its keys; the keys are never shown."""
    found = [_told(one) for one in list_items(options, "consumer")]
    header = _WIDE if is_wide(options) else _HEADER
    show(options, {"consumers": found}, lambda: table(header, [_row(one)[: len(header)] for one in found]))
    return FINE


def _told(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": item["name"],
        "groups": list(item.get("groups", ())),
        "keys": len(item["keys"]),
        "enabled": item.get("enabled", True),
        "labels": dict(item.get("labels", {})),
    }


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    labels = listed(*(f"{name}={value}" for name, value in one["labels"].items()))
    is_enabled = "yes" if one["enabled"] else "no"
    return (one["name"], listed(*one["groups"]) or "-", str(one["keys"]), is_enabled, labels or "-")


COMMAND = Command(add_options, run)
