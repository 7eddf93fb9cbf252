"""`penstock certs`: the certificates of a configuration, until when they are good, and who uses them."""

import argparse
import json
import time
from datetime import UTC, datetime
from typing import Any

from penstock.cli.command import FAILED, FINE, Command, add_output
from penstock.cli.configuration import add_configuration, print_problems, read_configuration
from penstock.cli.table import table
from penstock.compiler.certificate_uses import CertificateUse, certificate_uses
from penstock.filters.native import native_catalogue

_DAY_SECONDS = 24 * 60 * 60


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which configuration, and in which form."""
    add_configuration(parser)
    add_output(parser, "table", "json")


def run(options: argparse.Namespace) -> int:
    """Print every certificate, the one that expires first at the top; keys are never shown."""
    configuration = read_configuration(options.configuration)
    print_problems(configuration.problems)
    if not configuration.is_usable:
        return FAILED
    compiled = configuration.compiled
    found = certificate_uses(compiled.plan["parts"], compiled.secrets, native_catalogue())
    rows = [_row(use) for use in sorted(found, key=lambda use: (use.facts.not_after, use.name))]
    if options.output == "json":
        print(json.dumps({"certificates": rows}, indent=2))
        return FINE
    header = ("CERTIFICATE", "EXPIRES", "DAYS", "FOR", "BY", "USED BY")
    lines = [_cells(row) for row in rows]
    print(*table(header, lines), sep="\n")
    return FINE


def _row(use: CertificateUse) -> dict[str, Any]:
    facts = use.facts
    return {
        "name": use.name,
        "names": list(facts.names),
        "issuer": facts.issuer,
        "not_before": _moment(facts.not_before),
        "not_after": _moment(facts.not_after),
        "days_left": int((facts.not_after - time.time()) // _DAY_SECONDS),
        "used_by": list(use.used_by),
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    listed = map(_listed, (row["names"], [row["issuer"]], row["used_by"]))
    return (row["name"], row["not_after"], str(row["days_left"]), *listed)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _listed(texts: list[str]) -> str:
    return ", ".join(filter(None, texts)) or "-"


COMMAND = Command(add_options, run)
