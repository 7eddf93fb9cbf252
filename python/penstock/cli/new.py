"""`penstock new`: the first file of something, ready to run."""

import argparse
import keyword
import re
from pathlib import Path

from penstock.cli.colours import complain
from penstock.cli.command import DIFFERENT, FAILED, FINE, Command
from penstock.cli.new_filter import python_text, rust_text

_CLASS_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,62}\Z")
_NATIVE = Path("crates/penstock-proxy/src/filters")
_LIST = re.compile(r"(?<=catalogue!\[\n)(?:    \w+::\w+,\n)*(?=\];)")


class _NotWritten(Exception):  # noqa: N818 - says what is the case
    """Why nothing was written."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is made, its name, and where its file goes."""
    parser.add_argument("what", choices=["filter"], help="what to make")
    parser.add_argument("name", metavar="NAME", help="name of the filter's class, as in AddTenant")
    parser.add_argument(
        "--folder", type=Path, default=Path(), metavar="DIR", help="where the file goes (default: here)"
    )
    parser.add_argument(
        "--native", action="store_true", help="a filter of the core, in Rust; DIR is the root of the repository"
    )


def run(options: argparse.Namespace) -> int:
    """Write the file; an existing one is left alone."""
    name: str = options.name
    if not _CLASS_NAME.match(name) or keyword.iskeyword(name):
        complain(f"not a name for a filter: {name!r}; write one as in AddTenant")
        return DIFFERENT
    module = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    native = "".join(word.capitalize() for word in module.split("_"))
    if options.native and name != native:
        complain(f"a filter of the core is named after its file: write {native}")
        return DIFFERENT
    try:
        print(_write_native(options.folder, module, name) if options.native else _write(options.folder, module, name))
    except (_NotWritten, OSError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        complain(f"{options.folder}: {reason}")
        return FAILED
    return FINE


def _write(folder: Path, module: str, name: str) -> str:
    file = folder / f"{module}.py"
    folder.mkdir(parents=True, exist_ok=True)
    _create(file, python_text(name, header=module.replace("_", "-")))
    return f"""wrote {file}
use it:
  kind: Plugin
  name: house
  python: {file}
and in a route's steps:
  - kind: {name}"""


def _write_native(root: Path, module: str, name: str) -> str:
    file, listed = root / _NATIVE / f"{module}.rs", root / _NATIVE / "mod.rs"
    if not listed.is_file():
        raise _NotWritten(f"no {_NATIVE / 'mod.rs'} here; go to the root of the repository, or name it by --folder")
    before = listed.read_text(encoding="utf-8")
    found = _LIST.search(before)
    if found is None:
        raise _NotWritten(f"the list in {_NATIVE / 'mod.rs'} is not as expected; write the line there yourself")
    lines = sorted({*found[0].splitlines(keepends=True), f"    {module}::{name},\n"})
    _create(file, rust_text(name))
    listed.write_text(f"{before[: found.start()]}{''.join(lines)}{before[found.end() :]}", encoding="utf-8")
    return f"""wrote {file}
and its line in {listed}
fill it from top to bottom, then:
  make check
  cargo test -p penstock-proxy {module}"""


def _create(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise _NotWritten(f"{file.name} is already there") from None


COMMAND = Command(add_options, run)
