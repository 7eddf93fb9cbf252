"""Puts a gateway together."""

import os
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
from penstock.runtime.change.opening import open_in_folder, open_shared
from penstock.runtime.change.source import DataSource, FileSource, NoSource, Source
from penstock.runtime.change.standing import Standing
from penstock.runtime.launch import Launch
from penstock.runtime.listening import Sockets
from penstock.runtime.measures.statistics import Statistics
from penstock.runtime.supervisor import Supervisor
from penstock.runtime.systemd import Opened
from penstock.runtime.worker.fleet import Fleet
from penstock.runtime.worker.rollout import Rollout
from penstock.store import MemoryStore


def serving_files(launch: Launch, path: Path | None, *, is_watching: bool) -> Supervisor:
    """A gateway that serves what configuration files say, and what others write into the store that it shares."""
    compilation = Compilation(native_catalogue(), launch.folder.path, launch.settings.trust)
    if path is None:
        return _sharing(_supervisor(launch, NoSource(), compilation, None))
    source = FileSource(path, compilation)
    watch = FileWatch(path, lambda: source.referred)
    known = watch.look()
    supervisor = _supervisor(launch, source, compilation, (lambda: watch.changes(known)) if is_watching else None)
    supervisor.opening = partial(open_in_folder, launch.folder, launch.settings.history, launch.settings.store_key)
    return _sharing(supervisor)


def _sharing(supervisor: Supervisor) -> Supervisor:
    """A gateway whose store is etcd, where its settings say so."""
    launch = supervisor.launch
    settings = launch.settings
    if settings.etcd is not None:
        supervisor.opening = partial(open_shared, settings.etcd, settings.history, settings.store_key)
    elif settings.cluster is not None:
        from penstock.runtime.cluster.clustered import clustered  # noqa: PLC0415 - an extra that others do without

        supervisor.cluster = clustered(settings, launch.folder.cluster, settings.cluster)
    else:
        return supervisor
    standing = supervisor.applying.standing = Standing(launch.folder.applied)
    standing.load()
    if supervisor.cluster is not None:
        supervisor.opening = partial(supervisor.cluster.open, is_known=standing.applied is not None)
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
    statistics = Statistics(launch.starter.columns.table)
    sockets = Sockets(launch.settings.workers, Opened.of(os.environ, os.getpid()))
    rollout = Rollout(sockets, launch.directory, statistics.watch)
    fleet = Fleet(launch.starter, rollout, workers={worker.index: worker for worker in launch.workers})
    guard = CrashGuard(launch.folder.bad_plans)
    guard.load()
    applying = Applying(MemoryStore(), compilation, Entries(), fleet, guard, launch.folder)
    applying.history.node = launch.settings.node
    fleet.on_crash = applying.crashed
    return Supervisor(launch, source, applying, statistics, changes)
