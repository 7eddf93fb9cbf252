"""What a node tells of itself to the others."""

import contextlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.base.durable_files import write_atomically
from penstock.runtime.worker.entry import BUILD

if TYPE_CHECKING:
    from penstock.runtime.supervisor import Supervisor

_ID_BYTES = 8
_TOLD_PROBLEMS = 3
_LONGEST = 300
_DRAINING = "draining"


@dataclass(frozen=True, slots=True)
class Member:
    """One node.

    Shape: `desired` is the latest revision of the store that it knows of, `applied` the one that it runs, `last_good`
    the one that ran for a while; `refused` is a revision that it does not run, because of `problems`. `id` stays the
    same for the life of its state folder, `boot` for that of its supervisor.
    """

    name: str
    id: str = ""
    boot: str = ""
    version: str = ""
    addresses: tuple[str, ...] = ()
    phase: str = ""
    desired: int = 0
    applied: int = 0
    last_good: int = 0
    refused: int = 0
    problems: tuple[str, ...] = ()
    workers: int = 0
    is_drained: bool = False

    def has_settled(self, revision: int) -> bool:
        """Whether it runs a revision or a later one, or has said that it does not."""
        return max(self.applied, self.refused) >= revision

    @property
    def takes_requests(self) -> bool:
        """Whether clients are to come to it: it neither ends nor was drained."""
        return not self.is_drained and self.phase != _DRAINING

    def to_text(self) -> str:
        """The form that the store holds."""
        return json.dumps(asdict(self), sort_keys=True)


def read_member(name: str, text: str) -> Member:
    """A member from what the store holds. What a later version has added is left out, as is what is no such thing."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    known: Mapping[str, Any] = found if isinstance(found, dict) else {}
    usual = Member(name)
    told = {one.name: _like(known.get(one.name), getattr(usual, one.name)) for one in fields(Member)}
    return Member(**{**told, "name": name})


def own_member(supervisor: "Supervisor", identity: str, boot: str) -> Member:
    """This node as it is."""
    applying = supervisor.applying
    outcome = applying.outcome
    current = supervisor.fleet.rollout.current
    listeners = current.listeners if current else {}
    return Member(
        name=applying.history.node,
        id=identity,
        boot=boot,
        version=BUILD,
        addresses=tuple(supervisor.sockets.bound(name, address) for name, address in sorted(listeners.items())),
        phase=supervisor.phase.value,
        desired=max(applying.desired, applying.revision),
        applied=applying.revision,
        last_good=applying.proven,
        refused=outcome.store_revision if outcome.problems else 0,
        problems=tuple(problem[:_LONGEST] for problem in outcome.problems[:_TOLD_PROBLEMS]),
        workers=sum(worker.is_alive for worker in supervisor.fleet.workers.values()),
        is_drained=applying.is_drained,
    )


def identity_in(path: Path) -> str:
    """Who the node is whose state folder this is; made at its first start."""
    try:
        found = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        found = ""
    if found:
        return found
    made = secrets.token_hex(_ID_BYTES)
    # On a full disk it is another node after the next start; that must not keep it from serving.
    with contextlib.suppress(OSError):
        write_atomically(path, f"{made}\n".encode())
    return made


def _like(found: Any, usual: Any) -> Any:
    """What was found, if it is of the usual type."""
    if isinstance(usual, tuple):
        return tuple(map(str, found)) if isinstance(found, list) else usual
    return found if type(found) is type(usual) else usual
