"""What a gateway process is started with: the flags of `run`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.filters.plugin_trust import Trust
from penstock.runtime.change.node_name import default_node_name

if TYPE_CHECKING:
    from penstock.store.etcd import Access


@dataclass(frozen=True, slots=True)
class Settings:
    """How one gateway process runs; its configuration is another matter.

    Units: seconds. `workers` is how many worker processes serve; one that stands still for `stalled_seconds` is ended.
    `history` is how many changes are kept, `store_key` the file of keys that seal them. With `etcd` the store is shared
    with other nodes, among which this one is called `node`; while it is away, what is known of tokens and
    users counts for `access_seconds`. `words` are the command and its arguments, with which a successor is started.
    """

    state_folder: Path
    workers: int = 1
    grace_seconds: float = 30.0
    shutdown_delay_seconds: float = 0.0
    stalled_seconds: float = 10.0
    history: int = 1_000
    store_key: Path | None = None
    trust: Trust = field(default_factory=Trust)
    """Whose signatures archives of plugins need, if they need any."""
    etcd: "Access | None" = None
    cluster: tuple[str, int] | None = None
    """Host and port at which other nodes reach this one, where etcd is a part of the gateway."""
    invitation: str = field(default="", repr=False)
    """What lets it join a cluster."""
    node: str = field(default_factory=default_node_name)
    words: Sequence[str] = ()
    access_seconds: float = 24 * 3600.0
    memory_limit: str = "auto"
    """Memory that all processes may have together: `auto` is what control groups say, `off` none, else bytes."""
    debug: bool = False
    """Whether the admin API lets look into the processes."""
