"""Namespaces: the resources of a team, which are all whose names begin with the team's, and what they may touch."""

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from penstock.admin.access.role import Kind, Pattern
from penstock.model.resource import Settings, Text

_ANY_HOST = "*"


def check_key_pattern(pattern: str) -> str:
    """The pattern itself, if it may be one.

    Raises: ValueError that says what one looks like.
    """
    kind, slash, name = pattern.partition("/")
    if not slash or not kind.isascii() or not kind.islower() or not name:
        raise ValueError(f"not a pattern of resources: {pattern[:80]!r}; write one as in upstream/shared-*")
    return pattern


KeyPattern = Annotated[Text, AfterValidator(check_key_pattern), Field(json_schema_extra={"pattern": "^[a-z]+/.+$"})]
"""Resources by kind and name, `*` for any characters."""


class Namespace(Settings):
    """What a team may have: resources named `TEAM.something`, for its hosts, on its listeners."""

    kinds: tuple[Kind, ...] = Field(
        ("Route", "Upstream", "Pipeline"), description="Kinds of resources that it may have."
    )
    hosts: tuple[Text, ...] = Field(
        (), description="Hosts that its routes may serve; `*.example.com` for all below one, `*` for every host."
    )
    listeners: tuple[Pattern, ...] = Field((), description="Listeners that its routes may be served on. Empty: all.")
    shared: tuple[KeyPattern, ...] = Field(
        (), description="Resources of others that its own may refer to, such as `pipeline/shared-*`."
    )
    description: Text = Field("", max_length=1000, description="Whose it is.")


def is_within(name: str, namespace: str) -> bool:
    """Whether a name is one of a namespace."""
    return name.startswith(f"{namespace}.") and len(name) > len(namespace) + 1


def trespasses(
    name: str, namespace: Namespace, data: Mapping[str, Any], references: Iterable[tuple[str, str]]
) -> Iterator[str]:
    """What a resource does that its namespace does not allow.

    Shape: `data` is the resource as it was written, `references` the kinds and names that it refers to.
    """
    kind = str(data.get("kind"))
    if kind not in namespace.kinds:
        yield f"namespace {name} has no {kind}; it may have {', '.join(namespace.kinds) or 'nothing'}"
    if kind in {"Route", "TlsRoute"}:
        yield from _foreign_hosts(name, namespace, data.get("hosts"))
    if kind.endswith("Route") and namespace.listeners:
        yield from _foreign_listeners(name, namespace, data.get("listeners"))
    for target, named in references:
        key = f"{target}/{named}"
        is_listener = target == "listener" and kind.endswith("Route")
        if not (is_listener or is_within(named, name) or any(fnmatchcase(key, one) for one in namespace.shared)):
            yield f"{key[:140]} is not of namespace {name}, and not shared with it"
    if any(text.startswith("unix:") for text in _texts(data)):
        yield "sockets of the machine are not for namespaces"


def _foreign_hosts(name: str, namespace: Namespace, hosts: Any) -> Iterator[str]:
    told = f"namespace {name} serves {', '.join(namespace.hosts) or 'no host'}"
    if _ANY_HOST in namespace.hosts:
        return
    if not hosts or not isinstance(hosts, list):
        yield f"a route of a namespace names its hosts; {told}"
        return
    for host in hosts:
        if not isinstance(host, str) or not any(_covers(pattern, host.lower()) for pattern in namespace.hosts):
            yield f"the host {str(host)[:260]!r} is another's; {told}"


def _covers(pattern: str, host: str) -> bool:
    """Whether all that a host of a route stands for is among what a pattern stands for."""
    if not pattern.startswith("*."):
        return host == pattern.lower()
    return host == pattern.lower() or host.endswith(pattern[1:].lower())


def _foreign_listeners(name: str, namespace: Namespace, listeners: Any) -> Iterator[str]:
    allowed = ", ".join(namespace.listeners)
    if not listeners or not isinstance(listeners, list):
        yield f"a route of namespace {name} names its listeners, of {allowed}"
        return
    for listener in listeners:
        if not any(fnmatchcase(str(listener), pattern) for pattern in namespace.listeners):
            yield f"the listener {str(listener)[:80]!r} is not one of namespace {name}: {allowed}"


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data.strip().lower()
    elif isinstance(data, Mapping):
        for item in data.values():
            yield from _texts(item)
    elif isinstance(data, list | tuple):
        for item in data:
            yield from _texts(item)
