"""What a node of a cluster keeps on disk: who it is, whom it knows, its certificates and the data of its etcd."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from penstock.base.durable_files import write_atomically
from penstock.runtime.change.checked_file import read_checked, write_checked
from penstock.runtime.cluster.certificates import Pair, issue, make_authority, make_key, public_of
from penstock.store.etcd import Access


@dataclass(frozen=True, slots=True)
class Address:
    """Where a node is reached by the others: etcd's clients at `port`, its members behind it, who joins behind that."""

    host: str
    port: int

    @property
    def client(self) -> str:
        """Where etcd is asked."""
        return f"https://{self.host}:{self.port}"

    @property
    def peer(self) -> str:
        """Where etcd's members ask each other."""
        return f"https://{self.host}:{self.port + 1}"

    @property
    def door(self) -> int:
        """The port at which nodes join."""
        return self.port + 2


@dataclass(frozen=True, slots=True)
class ClusterPlace:
    """The files of a node in its folder, readable by their owner alone."""

    folder: Path

    @property
    def is_made(self) -> bool:
        """Whether the node has begun a cluster, or joined one."""
        return self._state.exists()

    @property
    def _state(self) -> Path:
        return self.folder / "cluster.json"

    def file(self, name: str) -> Path:
        """A file or folder of it: `authority.pem`, `node.pem`, `node.key`, `etcd`, `etcd.pid`."""
        return self.folder / name

    @property
    def authority(self) -> Pair:
        """The authority of the cluster.

        Raises: OSError.
        """
        return Pair(self.file("authority.pem").read_text(), self.file("authority.key").read_text())

    def begin(self, name: str, host: str) -> None:
        """Begin a cluster of this node alone.

        Raises: OSError.
        """
        authority, key = make_authority(), make_key()
        self.keep(authority, Pair(issue(authority, public_of(key), name, host), key))

    def keep(self, authority: Pair, node: Pair) -> None:
        """Keep certificates.

        Raises: OSError.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file, text in (
            ("authority.pem", authority.certificate),
            ("authority.key", authority.key),
            ("node.pem", node.certificate),
            ("node.key", node.key),
        ):
            write_atomically(self.file(file), text.encode())

    def know(self, initial: Mapping[str, str], endpoints: tuple[str, ...]) -> None:
        """Keep how this node's etcd begins, and where others are asked.

        Shape: `initial` are the peer URLs of all members by name.
        Raises: OSError.
        """
        write_checked(self._state, {"initial": dict(initial), "endpoints": list(endpoints)})

    @property
    def initial(self) -> dict[str, str]:
        """The members with which this node's etcd began; none of a damaged file."""
        found = read_checked(self._state)
        return dict(found["initial"]) if found else {}

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Where others are asked."""
        found = read_checked(self._state)
        return tuple(found["endpoints"]) if found else ()

    def access(self, own: Address) -> Access:
        """How etcd is reached, this node's first.

        Raises: OSError.
        """
        endpoints = dict.fromkeys((own.client, *self.endpoints))
        return Access(
            tuple(endpoints),
            authorities=self.file("authority.pem").read_text(),
            certificate=self.file("node.pem").read_text(),
            key=self.file("node.key").read_text(),
        )
