"""`penstock certs`: certificates, until when they are good, who uses them and where they come from."""

import argparse
import time
from collections.abc import Sequence
from typing import Any

from penstock.cli.answers import granted
from penstock.cli.command import FINE, Command, Stopped
from penstock.cli.gateway_client import add_gateway, ask
from penstock.cli.inventory import add_files
from penstock.cli.output import add_output, is_wide, show
from penstock.cli.table import table
from penstock.cli.words import listed

_HEADER = ("CERTIFICATE", "EXPIRES", "DAYS", "FOR", "USED BY", "FROM", "WARNING")
_WIDE = (*_HEADER, "BY", "SINCE")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway or files, and in which form."""
    add_gateway(parser)
    add_files(parser)
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print every certificate, the one that expires first at the top; keys are never shown."""
    if options.file is None:
        found = granted(ask(options, "GET", "/api/v1/certificates"))["items"]
    else:
        found = _of_files(options)
    header = _WIDE if is_wide(options) else _HEADER
    show(options, {"certificates": found}, lambda: table(header, [_row(one)[: len(header)] for one in found]))
    return FINE


def _of_files(options: argparse.Namespace) -> Sequence[dict[str, Any]]:
    from penstock.cli.configuration import print_problems, read_configuration
    from penstock.compiler.certificate_uses import certificate_uses
    from penstock.filters.native import native_catalogue

    configuration = read_configuration(options.file)
    print_problems(configuration.problems)
    if not configuration.is_usable:
        raise Stopped(f"{options.file} has problems")
    compiled, now = configuration.compiled, time.time()
    files = {placed.key: placed.file for placed in configuration.resources}
    uses = certificate_uses(compiled.plan["parts"], compiled.secrets, native_catalogue())
    told = [{**one.told(now), "from": files.get(f"certificate/{one.name.partition('/')[0]}")} for one in uses]
    return sorted(told, key=lambda one: (one["not_after"], one["name"]))


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    texts = map(_listed, (one["names"], one["used_by"], [one["from"]], one["warnings"], [one["issuer"]]))
    names, used_by, place, warnings, issuer = texts
    days = str(one["days_left"])
    return (one["name"], one["not_after"], days, names, used_by, place, warnings, issuer, one["not_before"])


def _listed(texts: Sequence[str | None]) -> str:
    return listed(*(text or "" for text in texts)) or "-"


COMMAND = Command(add_options, run)
