"""Where processes spend their time and memory: sampled on demand, nothing runs otherwise.

Source: proc(5), `/proc/PID/task/TID/stat`, `/proc/PID/smaps_rollup`.
"""

import asyncio
import os
import sys
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

_SAMPLES_A_SECOND = 100
_DEEPEST = 100
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_COMMAND_END = ") "
_USER, _SYSTEM = 11, 12
"""Positions of the two times among the fields behind the command."""
_KILOBYTE = 1024


async def sampled_stacks(seconds: float) -> Counter[str]:
    """How often each stack of this process's Python threads was seen, a hundred times a second.

    Shape: `outermost;...;innermost`, the thread's name first, as flame graphs are made from.
    """
    found: Counter[str] = Counter()
    await asyncio.to_thread(_sample, seconds, found)
    return found


def _sample(seconds: float, found: Counter[str]) -> None:
    # On a thread: what the loop does is to be seen too.
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found.update(_stacks())
        time.sleep(1 / _SAMPLES_A_SECOND)


def _stacks() -> list[str]:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    own = threading.get_ident()
    frames = [(number, frame) for number, frame in sys._current_frames().items() if number != own]  # noqa: SLF001
    return [";".join([names.get(number, str(number)), *_calls(frame)]) for number, frame in frames]


def _calls(frame: FrameType | None) -> list[str]:
    """The calls that lead to a frame, the outermost first."""
    calls: list[str] = []
    while frame is not None and len(calls) < _DEEPEST:
        calls.append(f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_qualname}:{frame.f_lineno}")
        frame = frame.f_back
    return calls[::-1]


def thread_seconds(process: int) -> dict[str, float]:
    """The processor time of a process by the names of its threads; nothing of one that has ended."""
    found: dict[str, int] = {}
    for stat in Path(f"/proc/{process}/task").glob("*/stat"):
        try:
            before, _, after = stat.read_text().rpartition(_COMMAND_END)
        except OSError:
            continue
        fields = after.split()
        name = before.partition("(")[2]
        found[name] = found.get(name, 0) + int(fields[_USER]) + int(fields[_SYSTEM])
    return {name: ticks / _TICKS_A_SECOND for name, ticks in found.items()}


def memory_of(process: int) -> dict[str, int]:
    """The memory of a process: all that it has mapped in, and its share of it; nothing of one that has ended.

    Units: bytes.
    """
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    kilobytes = dict(_numbers(lines))
    return {f"{name.lower()}_bytes": kilobytes[name] * _KILOBYTE for name in ("Rss", "Pss") if name in kilobytes}


def _numbers(lines: list[str]) -> Iterator[tuple[str, int]]:
    for line in lines:
        name, _, value = line.partition(":")
        yield name, int(value.split()[0])


async def allocations(seconds: float, most: int) -> list[tuple[str, int, int]]:
    """Where this process's Python code took memory within a time and kept it, the largest first.

    Shape: place, bytes, blocks.
    """
    tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot()
        await asyncio.sleep(seconds)
        after = await asyncio.to_thread(tracemalloc.take_snapshot)
    finally:
        tracemalloc.stop()
    compared = await asyncio.to_thread(after.compare_to, before, "lineno")
    grown = [one for one in compared if one.size_diff > 0][:most]
    return [(str(one.traceback), one.size_diff, one.count_diff) for one in grown]
