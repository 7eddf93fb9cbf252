"""`penstock edit`: opens a resource of a running gateway in an editor, and applies what is saved."""

import argparse
import difflib
import os
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from penstock.cli.answers import is_refused, path_of, print_changes
from penstock.cli.changing import add_owner, agreed, query_of
from penstock.cli.colours import complain, print_difference, tell_problem
from penstock.cli.command import DIFFERENT, FAILED, FINE, Command
from penstock.cli.gateway_client import add_gateway, ask
from penstock.cli.inventory import Item, get_item, key_of
from penstock.cli.progress import progress
from penstock.runtime.change.ownership import ANYONE, FILES, OwnedElsewhere

_MARK = "# penstock: "
_MOST_ROUNDS = 100


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and which resource."""
    add_gateway(parser)
    parser.add_argument("what", metavar="KIND/NAME", help="as route/api")
    parser.add_argument("-m", "--message", default="", metavar="TEXT", help="why, for the history")
    parser.add_argument("-y", "--yes", action="store_true", help="apply it without asking")
    add_owner(parser)
    parser.set_defaults(file=None)


def run(options: argparse.Namespace) -> int:
    """Edit it; nothing is lost where somebody else was faster, and what has problems is opened again."""
    try:
        item = get_item(options, options.what)
        status = item.pop("status")
        if status["owner"] not in {ANYONE, options.owner} and (status["owner"] == FILES or not options.take_over):
            complain(OwnedElsewhere(key_of(item), status["owner"]))
            return FAILED
        return _edited(options, item, status["revision"])
    except ValueError as problem:
        complain(problem)
        return DIFFERENT


def _edited(options: argparse.Namespace, item: Item, revision: int) -> int:
    before = yaml.safe_dump(item, sort_keys=False, allow_unicode=True)
    text, problems = before, list[str]()
    with TemporaryDirectory(prefix="penstock-") as folder:
        file = Path(folder) / f"{key_of(item).replace('/', '-')}.yaml"
        for _ in range(_MOST_ROUNDS):
            file.write_text("".join(f"{_MARK}{one}\n" for one in problems) + text)
            if not _open(file):
                return FAILED
            saved = _without_marks(file.read_text())
            if saved == before or not saved.strip() or (problems and saved == text):
                print("nothing is changed", file=sys.stderr)
                return FINE if not problems else FAILED
            text = saved
            answer = _try(options, text, revision)
            if not is_refused(answer):
                return _apply(options, (before, text), answer)
            problems = _problems(answer)
            if not sys.stdin.isatty() and not options.yes:
                break
    print(*problems, sep="\n", file=sys.stderr)
    return FAILED


def _open(file: Path) -> bool:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        code = subprocess.run([*shlex.split(editor), str(file)], check=False).returncode  # noqa: S603 - the user's own
    except OSError as problem:
        complain(f"{editor}: {problem.strerror}; name an editor in $EDITOR")
        return False
    if code:
        complain(f"{editor} ended with {code}; nothing is changed")
    return code == 0


def _try(options: argparse.Namespace, text: str, revision: int) -> Any:
    """What would become of it."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        return {"detail": " ".join(str(problem).split())}
    if not isinstance(data, dict):
        return {"detail": "a resource is a mapping with `kind` and `name`"}
    options.edited = data
    options.tag = {"if-match": f'"{revision}"'}
    return ask(options, "PUT", f"{path_of(options.what)}{query_of(options, dry_run=True)}", data, headers=options.tag)


def _apply(options: argparse.Namespace, texts: tuple[str, str], tried: Any) -> int:
    for problem in tried["problems"]:
        tell_problem(f"warning: {problem['path']}: {problem['message']}")
    before, after = (text.splitlines(keepends=True) for text in texts)
    print_difference(line.rstrip("\n") for line in difflib.unified_diff(before, after, options.what, options.what, n=2))
    if not options.yes and not agreed("apply this?"):
        print("nothing is changed", file=sys.stderr)
        return FAILED
    with progress("the gateway applies it"):
        answer = ask(options, "PUT", f"{path_of(options.what)}{query_of(options)}", options.edited, headers=options.tag)
    if is_refused(answer):
        print(*_problems(answer), sep="\n", file=sys.stderr)
        return FAILED
    print_changes(answer)
    return FINE


def _problems(answer: Any) -> list[str]:
    told = [f"{one['path']}: {one['message']} {one['hint'] or ''}".strip() for one in answer.get("problems", ())]
    return [answer["detail"], *told]


def _without_marks(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(_MARK))


COMMAND = Command(add_options, run)
