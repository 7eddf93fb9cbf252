"""The one list of commands: a line each, its module is imported when the command is used."""

from importlib import import_module

from penstock.cli.command import Command

COMMANDS: dict[str, str] = {
    "run": "Run the gateway",
    "proxy": "Forward one address to one endpoint",
    "reload": "Let a running gateway read its configuration again",
    "upgrade": "Let a running gateway give way to this version, without a lost request",
    "scale": "Change how many workers a running gateway has, without a lost request",
    "status": "Print how a running gateway is",
    "top": "Watch requests, errors and latencies as they happen",
    "get": "List the resources of a running gateway, or print one",
    "describe": "Print a resource with what refers to it and its latest changes",
    "edit": "Change a resource of a running gateway in an editor",
    "create": "Give a running gateway new resources, none of which is there yet",
    "apply": "Make resources of files those of a running gateway",
    "delete": "Take a resource away from a running gateway",
    "upstreams": "List upstreams and their endpoints with what was counted",
    "history": "List who changed what, when, and what became of it",
    "logs": "Print requests of an access log, also as they come",
    "blame": "Tell who gave each field of a resource its value",
    "show": "Print what a revision changed",
    "diff": "Print what tells two revisions apart",
    "rollback": "Let a running gateway go back to an earlier revision",
    "audit": "List who did what over the admin API, and what was refused",
    "backup": "Write the whole history of a gateway into one file",
    "restore": "Begin the history of a gateway with a backup",
    "members": "List the nodes that share a store, and what each of them runs",
    "drain": "Let a node serve nobody for a while",
    "undrain": "Let a drained node serve again",
    "invite": "Print a word by which a node can join the cluster, once",
    "confirm": "Let all nodes go on with a store that holds older data",
    "export": "Print a revision as a configuration file",
    "validate": "Check a configuration and list every problem",
    "plan": "Print the plan that a configuration compiles to",
    "explain": "Tell what becomes of a request, and why",
    "test": "Run the tests of a configuration, and tell which routes have none",
    "whatif": "List the requests of an access log that would be served differently",
    "consumers": "List who is known by a key, and in which groups",
    "certs": "List certificates, until when they are good and who uses them",
    "fmt": "Format configuration files, keeping comments",
    "kinds": "List the kinds of resources, or print the page of one",
    "filters": "List the filters, or print the page of one",
    "plugin": "Bring plugins to a gateway, for all of its nodes, and list them",
    "new": "Write the first file of a filter",
    "token": "Make, list and revoke the tokens of programs",
    "user": "Make, list and delete the people who may come in",
    "role": "Say what users and tokens may do",
    "namespace": "Say what teams may have",
    "provider": "Say which OpenID providers people come in by",
    "whoami": "Tell who the gateway takes the command for",
    "login": "Come in with a password, or by an OpenID provider",
    "logout": "End the session that `login` began",
    "context": "Name gateways that are elsewhere, and choose the one that is meant",
    "completion": "Print a script by which a shell completes commands",
    "version": "Print the version",
    "_worker": "",
    "_succeed": "",
    "_examine": "",
    "_complete": "",
    "_trial": "",
}
"""Each command and its line of help; `penstock.cli.<word>` holds its `COMMAND`.

A word with an underscore is the gateway's own: it stands in no list.
"""


def load_command(name: str) -> Command:
    """The command of a word of the list."""
    command: Command = import_module(f"penstock.cli.{name.removeprefix('_')}").COMMAND
    return command
