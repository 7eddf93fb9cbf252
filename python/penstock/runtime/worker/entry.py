"""Where a worker process enters the core, and which core it is."""

from penstock import _core

run_worker = _core.run_worker
"""Serves as one worker until told to end; gives the exit code."""

BUILD: str = _core.build_id()
"""The build of this core; workers of another one are not used."""
