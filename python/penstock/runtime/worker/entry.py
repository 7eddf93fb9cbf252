"""Where a worker process enters the core."""

from penstock import _core

run_worker = _core.run_worker
"""Serves as one worker until told to end; gives the exit code."""
