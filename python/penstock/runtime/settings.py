"""What a gateway process is started with: the flags of `run`."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """How one gateway process runs; its configuration is another matter.

    Units: seconds. `workers` is how many worker processes serve; one that stands still for `stalled_seconds` is ended.
    `history` is how many changes are kept, `store_key` the file of keys that seal them.
    """

    state_folder: Path
    workers: int = 1
    grace_seconds: float = 30.0
    shutdown_delay_seconds: float = 0.0
    stalled_seconds: float = 10.0
    history: int = 1_000
    store_key: Path | None = None
