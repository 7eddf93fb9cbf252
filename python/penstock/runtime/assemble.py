"""Puts a gateway together."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from penstock.filters.native import native_catalogue
from penstock.runtime.change.applying import Applying
from penstock.runtime.change.compilation import Compilation
from penstock.runtime.change.crash_guard import CrashGuard
from penstock.runtime.change.entries import Entries
from penstock.runtime.change.file_watch import FileWatch
from penstock.runtime.change.opening import open_in_folder
from penstock.runtime.change.source import DataSource, FileSource, Source
from penstock.runtime.launch import Launch
from penstock.runtime.listening import Sockets
from penstock.runtime.supervisor import Supervisor
from penstock.runtime.worker.fleet import Fleet
from penstock.runtime.worker.rollout import Rollout
from penstock.store import MemoryStore


def serving_files(launch: Launch, path: Path, *, is_watching: bool) -> Supervisor:
    """A gateway that serves what configuration files say."""
    compilation = Compilation(native_catalogue(), launch.folder.path)
    source = FileSource(path, compilation)
    watch = FileWatch(path, lambda: source.referred)
    known = watch.look()
    supervisor = _supervisor(launch, source, compilation, (lambda: watch.changes(known)) if is_watching else None)
    supervisor.opening = partial(open_in_folder, launch.folder, launch.settings.history, launch.settings.store_key)
    return supervisor


def serving_data(launch: Launch, data: Sequence[Mapping[str, Any]]) -> Supervisor:
    """A gateway that serves what resources say which are given as data."""
    compilation = Compilation(native_catalogue(), launch.folder.path)
    return _supervisor(launch, DataSource(data, compilation), compilation, None)


def _supervisor(
    launch: Launch,
    source: Source,
    compilation: Compilation,
    changes: Callable[[], AsyncIterator[object]] | None,
) -> Supervisor:
    rollout = Rollout(Sockets(launch.settings.workers), launch.directory)
    fleet = Fleet(launch.starter, rollout, workers={worker.index: worker for worker in launch.workers})
    guard = CrashGuard(launch.folder.bad_plans)
    guard.load()
    applying = Applying(MemoryStore(), compilation, Entries(), fleet, guard, launch.folder)
    fleet.on_crash = applying.crashed
    return Supervisor(launch, source, applying, changes)
