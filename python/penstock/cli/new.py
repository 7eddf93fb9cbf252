"""`penstock new`: the first file of something, ready to run."""

import argparse
import keyword
import re
import sys
from pathlib import Path
from textwrap import dedent

from penstock.cli.command import DIFFERENT, FAILED, FINE, Command

_CLASS_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,62}\Z")
_PAGE = '''\
    """`{name}`: adds a header to every request."""

    from penstock.sdk import Field, Filter, FilterConfig, Request


    class {name}(Filter):
        """Adds a header to every request.

        This text is the filter's manual page: `penstock filters {name}` prints it.
        """

        class Config(FilterConfig):
            """What a step may set."""

            header: str = Field("x-{header}", description="Header that is added.")
            value: str = Field("on", description="What the header says.")

        example = """
            kind: {name}
            value: "yes"
        """

        def on_request(self, request: Request) -> None:
            """Add the header before the request goes on."""
            request.headers[self.config.header] = self.config.value
    '''


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is made, its name, and where its file goes."""
    parser.add_argument("what", choices=["filter"], help="what to make")
    parser.add_argument("name", metavar="NAME", help="name of the filter's class, as in AddTenant")
    parser.add_argument(
        "--folder", type=Path, default=Path(), metavar="DIR", help="where the file goes (default: here)"
    )


def run(options: argparse.Namespace) -> int:
    """Write the file; an existing one is left alone."""
    name: str = options.name
    if not _CLASS_NAME.match(name) or keyword.iskeyword(name):
        print(f"penstock: not a name for a filter: {name!r}; write one as in AddTenant", file=sys.stderr)
        return DIFFERENT
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    file: Path = options.folder / f"{snake}.py"
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            opened.write(dedent(_PAGE).format(name=name, header=snake.replace("_", "-")))
    except FileExistsError:
        print(f"penstock: {file} is already there", file=sys.stderr)
        return FAILED
    except OSError as problem:
        print(f"penstock: {file} cannot be written: {problem.strerror}", file=sys.stderr)
        return FAILED
    print(_next_steps(file, name))
    return FINE


def _next_steps(file: Path, name: str) -> str:
    return f"""wrote {file}
use it:
  kind: Plugin
  name: house
  python: {file}
and in a route's steps:
  - kind: {name}"""


COMMAND = Command(add_options, run)
