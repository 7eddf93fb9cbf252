"""What a filter's exception says, with the author's own frames only."""

import traceback
from pathlib import Path
from types import TracebackType

_MOST_FRAMES = 12
"""Frames shown: enough to find the place, also when a recursion went a thousand deep."""
_MOST_LETTERS = 2000
"""Letters of one message: an exception may carry a whole body."""
_OURS = (str(Path(__file__).parent.parent), "<frozen importlib")
"""Where frames begin that say nothing to the author of a filter."""


def describe_failure(error: BaseException, trace: TracebackType | None = None) -> str:
    """An exception as text: what it is, and where in the plugin's files it was raised.

    Shape: `trace` where the exception does not carry its own, as one that the core caught.
    """
    frames = [
        frame for frame in traceback.extract_tb(trace or error.__traceback__) if not frame.filename.startswith(_OURS)
    ]
    shown = [_line(frame) for frame in frames[-_MOST_FRAMES:]]
    left_out = [f"  ({len(frames) - _MOST_FRAMES} more calls)"] if len(frames) > _MOST_FRAMES else []
    return "\n".join([_said(error), *left_out, *shown])


def _said(error: BaseException) -> str:
    message = str(error)[:_MOST_LETTERS]
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _line(frame: traceback.FrameSummary) -> str:
    return f"  {Path(frame.filename).name}:{frame.lineno} in {frame.name}: {frame.line or ''}".rstrip(": ")
