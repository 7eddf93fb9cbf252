"""The file of contexts: gateways by names, which one is meant where none is named, and where their tokens lie."""

import os
import stat
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from penstock.base.names import check_name, did_you_mean
from penstock.cli.gateway_address import Address, NoGateway, checked_server, read_token

_FIELDS = ("server", "token_file", "authority", "certificate", "key")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Context:
    """A gateway that has a name, as the file tells of it."""

    server: str
    token_file: str = ""
    authority: str = ""
    certificate: str = ""
    key: str = ""

    def address(self) -> Address:
        """Where it is, with the token that lies in its file.

        Raises: NoGateway.
        """
        token = ""
        if self.token_file:
            path = Path(self.token_file).expanduser()
            warn_of_mode(path)
            token = read_token(path)
        files = {name: _path(getattr(self, name)) for name in ("authority", "certificate", "key")}
        return Address(server=self.server, token=token, **files)


@dataclass(frozen=True, slots=True)
class Contexts:
    """All contexts of a user, and the one in use."""

    known: dict[str, Context] = field(default_factory=dict)
    current: str = ""

    def named(self, name: str) -> Context:
        """The context of a name.

        Raises: NoGateway.
        """
        if name not in self.known:
            hint = did_you_mean(name, self.known) or "`penstock context list` lists them"
            raise NoGateway(f"no context is called {name[:80]!r}; {hint}")
        return self.known[name]

    def using(self, name: str) -> "Contexts":
        """The same, with another one in use."""
        return replace(self, current=name)

    def write(self) -> None:
        """Keep them in their file, which nobody else can read.

        Raises: OSError.
        """
        import yaml

        from penstock.base.durable_files import write_atomically

        told = {
            name: {word: value for word in _FIELDS if (value := getattr(context, word))}
            for name, context in self.known.items()
        }
        text = yaml.safe_dump({"current": self.current, "contexts": told}, sort_keys=False)
        contexts_file().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(contexts_file(), text.encode())


def contexts_file() -> Path:
    """Where a user's contexts are kept."""
    given = os.environ.get("PENSTOCK_CONFIG")
    if given:
        return Path(given)
    home = os.environ.get("XDG_CONFIG_HOME")
    base = Path(home) if home and Path(home).is_absolute() else Path.home() / ".config"
    return base / "penstock" / "contexts.yaml"


def read_contexts() -> Contexts:
    """The contexts of the user; none where there is no file.

    Raises: NoGateway that says what is wrong with the file.
    """
    path = contexts_file()
    try:
        text = path.read_text()
    except FileNotFoundError:
        return Contexts()
    except (OSError, UnicodeDecodeError) as problem:
        raise NoGateway(f"{path}: {problem}") from None
    warn_of_mode(path)
    return _parsed(text, path)


def warn_of_mode(path: Path) -> None:
    """Say on standard error that others can read a file that they should not."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if stat.S_ISREG(mode) and mode & _OTHERS:
        told = f"{path}: others can look into it (mode {stat.S_IMODE(mode):04o}); `chmod 600` keeps it to yourself"
        print(f"warning: {told}", file=sys.stderr)


def _parsed(text: str, path: Path) -> Contexts:
    import yaml

    try:
        data = yaml.safe_load(text) or {}
    except yaml.YAMLError as problem:
        raise NoGateway(f"{path}: no YAML: {' '.join(str(problem).split())}") from None
    if not isinstance(data, dict) or not isinstance(data.get("contexts") or {}, dict):
        raise NoGateway(f"{path}: write `current: NAME` and `contexts:` with a mapping for each name")
    known = {str(name): _context(str(name), one, path) for name, one in (data.get("contexts") or {}).items()}
    return Contexts(known, str(data.get("current") or ""))


def _context(name: str, data: Any, path: Path) -> Context:
    try:
        check_name(name)
        return Context(**{**_fields(data), "server": checked_server(data.get("server", ""))})
    except ValueError as problem:
        raise NoGateway(f"{path}: context {name[:80]}: {problem}") from None


def _fields(data: Any) -> dict[str, str]:
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise ValueError(f"write {', '.join(_FIELDS)} as texts")
    strange = sorted(map(str, data.keys() - set(_FIELDS)))
    if strange:
        raise ValueError(f"`{strange[0][:80]}` is unknown; {did_you_mean(strange[0], _FIELDS) or ', '.join(_FIELDS)}")
    return data


def _path(text: str) -> Path | None:
    return Path(text).expanduser() if text else None
