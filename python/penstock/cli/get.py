"""`penstock get`: the resources of a running gateway, or one of them."""

import argparse
import json
import sys
from typing import Any
from urllib.parse import quote

from penstock.cli.answers import is_refused, kind_in_paths, path_of, print_refusal
from penstock.cli.command import DIFFERENT, FAILED, FINE, Command, add_output
from penstock.cli.gateway_client import NoGateway, add_gateway, ask
from penstock.cli.table import table


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, which resources, and the form of the output."""
    add_gateway(parser)
    parser.add_argument("what", nargs="?", default="", metavar="KIND|KIND/NAME", help="as routes, or route/api")
    parser.add_argument("-l", "--labels", default="", metavar="LABELS", help="as team=shop,!old: with these labels")
    add_output(parser, "table", "json", "yaml")


def run(options: argparse.Namespace) -> int:
    """Print resources with their owners; what is secret stays so."""
    try:
        if "/" in options.what:
            found = ask(options, "GET", path_of(options.what))
            items = [found]
        else:
            items, found = _all(options)
    except ValueError as problem:
        print(f"penstock: {problem}", file=sys.stderr)
        return DIFFERENT
    except NoGateway as problem:
        print(f"penstock: {problem}", file=sys.stderr)
        return FAILED
    if is_refused(found):
        return print_refusal(found)
    _print(items, options.output, is_one="/" in options.what)
    return FINE


def _all(options: argparse.Namespace) -> tuple[list[dict[str, Any]], Any]:
    """Every resource that is asked for, page by page, and the last answer."""
    place = f"/api/v1/resources/{kind_in_paths(options.what)}" if options.what else "/api/v1/resources"
    items: list[dict[str, Any]] = []
    after = ""
    while True:
        answer = ask(options, "GET", f"{place}?labels={quote(options.labels, safe='')}&after={quote(after, safe='')}")
        if is_refused(answer):
            return [], answer
        items += answer["items"]
        after = answer["next"] or ""
        if not after:
            return items, answer


def _print(items: list[dict[str, Any]], output: str, *, is_one: bool) -> None:
    if output == "json":
        print(json.dumps(items[0] if is_one else items, indent=2, ensure_ascii=False))
    elif output == "yaml":
        import yaml

        print(yaml.safe_dump_all(items, sort_keys=False, allow_unicode=True), end="")
    else:
        print("\n".join(table(("RESOURCE", "OWNER", "REVISION", "LABELS"), [_row(item) for item in items])))


def _row(item: dict[str, Any]) -> tuple[str, str, str, str]:
    labels = ",".join(f"{name}={value}" for name, value in (item.get("labels") or {}).items())
    status = item["status"]
    return f"{item['kind'].lower()}/{item['name']}", status["owner"], f"r{status['revision']}", labels


COMMAND = Command(add_options, run)
