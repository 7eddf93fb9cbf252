"""The first moments of a gateway: its folder locked, its workers starting while the rest is still loaded."""

import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from penstock._core import Keeper
from penstock.runtime.descriptors import raise_limit
from penstock.runtime.measures.directory import Directory
from penstock.runtime.privileges import harden
from penstock.runtime.settings import Settings
from penstock.runtime.signals import Signals
from penstock.runtime.state_folder import StateFolder, generation_of
from penstock.runtime.upgrade.successor import Succession
from penstock.runtime.worker.process import Starter, WorkerProcess
from penstock.runtime.worker.takeover import Earlier, find_earlier, table_for


@dataclass(frozen=True, slots=True)
class Launch:
    """A gateway about to run: what it has claimed, and the processes that are already starting."""

    settings: Settings
    folder: StateFolder
    lock: int
    signals: Signals
    earlier: Sequence[Earlier]
    starter: Starter
    directory: Directory
    workers: Sequence[WorkerProcess]
    succession: Succession | None = None
    """Where it follows a gateway that serves."""

    def abandon(self) -> None:
        """End what was started; earlier workers go on as if nothing had been."""
        for worker in self.workers:
            worker.is_ending = True
            worker.signal(signal.SIGKILL)
            worker.process.wait()
            self.starter.bury(worker)
            with contextlib.suppress(OSError):
                self.folder.worker_socket(worker.index).unlink()
        os.close(self.lock)


def launch(settings: Settings, succession: Succession | None = None) -> Launch:
    """Claim the state folder, or take it from who gives way, and start the workers.

    Raises: Owned, Unusable, NotGiven; OSError if no process can be started.
    """
    raise_limit()
    harden()
    folder = StateFolder(settings.state_folder.absolute(), generation_of(os.getpid()) if succession else "")
    folder.create()
    if succession:
        succession.claim()
    lock = succession.lock if succession else folder.lock()
    signals = Signals()
    signals.note()
    earlier = find_earlier(folder)
    columns, directory = table_for(settings.workers, earlier)
    if succession:
        # Its table may be another one, and the store may be away.
        columns.table.tell_nodes(succession.nodes)
    keeper = Keeper(columns.table, round(settings.stalled_seconds * 1000))
    starter = Starter(folder, columns, keeper, settings.memory_limit)
    workers = [starter.start(index) for index in range(settings.workers)]
    return Launch(settings, folder, lock, signals, earlier, starter, directory, workers, succession)
