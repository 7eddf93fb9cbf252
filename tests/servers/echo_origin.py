"""An endpoint of bytes: it says back what comes until the caller is done."""

from tests.servers.raw_origin import Caller


def echo(caller: Caller) -> None:
    """The script: everything back, and then its own end."""
    while caller.read():
        caller.send(caller.unread)
        caller.unread = b""
