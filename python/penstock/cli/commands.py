"""The one list of commands: a line each, its module is imported when the command is used."""

from importlib import import_module

from penstock.cli.command import Command

COMMANDS: dict[str, str] = {
    "run": "Run the gateway",
    "proxy": "Forward one address to one endpoint",
    "reload": "Let a running gateway read its configuration again",
    "status": "Print how a running gateway is",
    "get": "List the resources of a running gateway, or print one",
    "apply": "Make resources of files those of a running gateway",
    "delete": "Take a resource away from a running gateway",
    "history": "List who changed what, when, and what became of it",
    "show": "Print what a revision changed",
    "diff": "Print what tells two revisions apart",
    "rollback": "Let a running gateway go back to an earlier revision",
    "backup": "Write the whole history of a gateway into one file",
    "restore": "Begin the history of a gateway with a backup",
    "export": "Print a revision as a configuration file",
    "validate": "Check a configuration and list every problem",
    "plan": "Print the plan that a configuration compiles to",
    "explain": "Tell what becomes of a request, and why",
    "certs": "List certificates, until when they are good and who uses them",
    "fmt": "Format configuration files, keeping comments",
    "kinds": "List the kinds of resources, or print the page of one",
    "filters": "List the filters, or print the page of one",
    "new": "Write the first file of a filter",
    "version": "Print the version",
    "_worker": "",
    "_describe": "",
}
"""Each command and its line of help; `penstock.cli.<word>` holds its `COMMAND`.

A word with an underscore is the gateway's own: it stands in no list.
"""


def load_command(name: str) -> Command:
    """The command of a word of the list."""
    command: Command = import_module(f"penstock.cli.{name.removeprefix('_')}").COMMAND
    return command
