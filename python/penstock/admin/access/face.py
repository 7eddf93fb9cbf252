"""The admin API as it is served: the operations, and before them the guard."""

from dataclasses import dataclass

from starlette.routing import compile_path

from penstock.admin.access.audit import Audit
from penstock.admin.access.book import AccessBook
from penstock.admin.access.credentials import Credentials
from penstock.admin.access.guard import App, Guard
from penstock.admin.access.sessions.file_place import FilePlace
from penstock.admin.access.sessions.sessions import Sessions
from penstock.admin.access.sessions.shared_place import SharedPlace
from penstock.admin.app import OPERATIONS, make_app
from penstock.admin.token import Token
from penstock.runtime.supervisor import Supervisor

_DOORS = [(one.method, compile_path(one.path)[0]) for one in OPERATIONS if one.is_open]


@dataclass(frozen=True, slots=True)
class Known:
    """What port and socket share."""

    supervisor: Supervisor
    app: App
    credentials: Credentials
    audit: Audit

    @classmethod
    def of(cls, supervisor: Supervisor) -> "Known":
        """What a gateway has of it."""
        audit = Audit(supervisor.launch.folder.audit)
        standing, folder = supervisor.applying.standing, supervisor.launch.folder
        place = SharedPlace(supervisor.applying, standing) if standing else FilePlace(folder.sessions)
        return cls(supervisor, make_app(supervisor), Credentials(AccessBook(supervisor), Sessions(place)), audit)

    def workers(self) -> frozenset[int]:
        """The processes that serve."""
        earlier = (one.pid for one in self.supervisor.launch.earlier)
        return frozenset({*earlier, *(worker.pid for worker in self.supervisor.fleet.workers.values())})


@dataclass(frozen=True, slots=True)
class Admission:
    """How one is let in at one place: by tokens, of which `first` opens everything, or by being able to connect."""

    first: Token | None = None
    open_paths: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()


def guard(known: Known, admission: Admission) -> Guard:
    """What answers at one place."""
    if admission.first is not None:
        known.credentials.book.first = admission.first
    return Guard(
        known.app,
        known.credentials,
        known.audit,
        needs_token=admission.first is not None,
        open_paths=admission.open_paths,
        doors=_DOORS,
        hosts=admission.hosts,
        strangers=known.workers,
    )
