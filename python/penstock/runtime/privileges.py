"""What the processes may do: as little as serving takes.

The supervisor becomes another user before it opens anything, and keeps one right, to bind ports below 1024: sockets
that share a port must be of one user, and a change may ask for such a port at any time.
Source: capabilities(7), prctl(2); socket(7), SO_REUSEPORT.
"""

import contextlib
import ctypes
import grp
import os
import pwd
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SET_DUMPABLE, _SET_KEEP_CAPABILITIES, _DROP_BOUND, _SET_NO_NEW_PRIVILEGES, _AMBIENT = 4, 8, 24, 38, 47
_AMBIENT_RAISE, _AMBIENT_CLEAR = 2, 4
_BIND_LOW_PORTS = 10
"""`CAP_NET_BIND_SERVICE`."""
_VERSION = 0x20080522
"""That of the structures of `capset`: two words of 32 rights for each set."""
_HEADER, _SETS = struct.Struct("=Ii"), struct.Struct("=6I")
_SUPERUSER = 0


class Denied(Exception):  # noqa: N818 - says what is the case
    """A user that the gateway cannot become; the text says why in one line."""


@dataclass(frozen=True, slots=True)
class Person:
    """A user and the groups that go with it."""

    user: int
    group: int
    groups: tuple[int, ...]


def person(user: str, group: str | None = None) -> Person:
    """The user of a name or number, with its own group or another one.

    Raises: Denied if there is none.
    """
    try:
        entry = pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user)
    except KeyError:
        raise Denied(f"there is no user {user}") from None
    try:
        first = entry.pw_gid if group is None else _group(group)
    except KeyError:
        raise Denied(f"there is no group {group}") from None
    return Person(entry.pw_uid, first, tuple(os.getgrouplist(entry.pw_name, first)))


def become(who: Person, folder: Path) -> None:
    """Become another user for good, and give it the state folder. Whoever is that user already stays so.

    Raises: Denied.
    """
    if os.geteuid() == who.user:
        return
    if os.geteuid() != _SUPERUSER:
        raise Denied("only the superuser can become another user: start the gateway by it, or leave out --user")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _give(folder, who)
        _give_up(who)
    except OSError as problem:
        raise Denied(f"the gateway cannot become user {who.user}: {(problem.strerror or '').lower()}") from None


def harden() -> None:
    """Let nothing that is run gain rights, and nobody of the same user look into this process or its core file."""
    _prctl(_SET_NO_NEW_PRIVILEGES, 1)
    _prctl(_SET_DUMPABLE, 0)
    if os.geteuid() != _SUPERUSER:
        # What was given to the supervisor, by systemd or a predecessor, is not its workers'.
        _prctl(_AMBIENT, _AMBIENT_CLEAR)
        _capset(_permitted() & (1 << _BIND_LOW_PORTS), 0)


@contextmanager
def handed_on() -> Iterator[None]:
    """What is started here has the right to bind ports below 1024 too, where this process has it: a successor."""
    permitted = _permitted() & (1 << _BIND_LOW_PORTS)
    if os.geteuid() == _SUPERUSER or not permitted:
        yield
        return
    _capset(permitted, permitted)
    _prctl(_AMBIENT, _AMBIENT_RAISE, _BIND_LOW_PORTS)
    try:
        yield
    finally:
        _prctl(_AMBIENT, _AMBIENT_CLEAR)
        _capset(permitted, 0)


def _group(group: str) -> int:
    return grp.getgrgid(int(group)).gr_gid if group.isdecimal() else grp.getgrnam(group).gr_gid


def _give(folder: Path, who: Person) -> None:
    """Make a user the owner of a folder and of all in it; links are not followed."""
    os.chown(folder, who.user, who.group, follow_symlinks=False)
    # By descriptors, not by paths: whoever it belongs to already may put a link in the place of a folder meanwhile.
    for _, folders, files, descriptor in os.fwalk(folder):
        for name in (*folders, *files):
            # A socket of a worker that has just ended.
            with contextlib.suppress(FileNotFoundError):
                os.chown(name, who.user, who.group, dir_fd=descriptor, follow_symlinks=False)


def _give_up(who: Person) -> None:
    kept = 1 << _BIND_LOW_PORTS
    for right in range(64):
        # The kernel knows of fewer; what is out of bounds nobody can have.
        if right != _BIND_LOW_PORTS:
            with contextlib.suppress(OSError):
                _prctl(_DROP_BOUND, right)
    # As where there is no such right to keep: in a container that has dropped it, ports below 1024 are refused.
    has_right = bool(_permitted() & kept)
    _prctl(_SET_KEEP_CAPABILITIES, 1)
    os.setgroups(who.groups)
    os.setresgid(who.group, who.group, who.group)
    os.setresuid(who.user, who.user, who.user)
    _capset(kept if has_right else 0, 0)


def _permitted() -> int:
    text = Path("/proc/self/status").read_text()
    return int(text.partition("CapPrm:")[2].split(maxsplit=1)[0], 16)


def _capset(permitted: int, inheritable: int) -> None:
    """Have these rights, all of them in effect, and no other."""
    low, high = permitted & 0xFFFFFFFF, permitted >> 32
    sets = _SETS.pack(low, low, inheritable & 0xFFFFFFFF, high, high, inheritable >> 32)
    _checked(_libc().capset(_HEADER.pack(_VERSION, 0), sets))


def _prctl(option: int, first: int = 0, second: int = 0) -> None:
    numbers = (ctypes.c_ulong(one) for one in (first, second, 0, 0))
    _checked(_libc().prctl(option, *numbers))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(code: int) -> None:
    if code:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
