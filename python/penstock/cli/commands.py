"""The one list of commands: a line each, its module is imported when the command is used."""

from importlib import import_module

from penstock.cli.command import Command

COMMANDS: dict[str, str] = {
    "validate": "Check a configuration and list every problem",
    "plan": "Print the plan that a configuration compiles to",
    "fmt": "Format configuration files, keeping comments",
    "filters": "List the filters, or print the page of one",
    "new": "Write the first file of a filter",
    "version": "Print the version",
}
"""Each command and its line of help; `penstock.cli.<word>` holds its `COMMAND`."""


def load_command(name: str) -> Command:
    """The command of a word of the list."""
    command: Command = import_module(f"penstock.cli.{name}").COMMAND
    return command
