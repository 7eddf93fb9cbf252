"""What is said while something takes long: on a terminal alone, and gone when it is done."""

import io
import threading

import pytest

from penstock.cli.progress import progress


class Screen(io.StringIO):
    """A terminal, or something else, that notes when something is written."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal = is_terminal
        self.written = threading.Event()

    def isatty(self) -> bool:
        return self.is_terminal

    def write(self, text: str) -> int:
        self.written.set()
        return super().write(text)


def test_what_takes_long_is_told_and_wiped_away(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(is_terminal=True)
    monkeypatch.setattr("sys.stderr", screen)
    with progress("writing", lambda: "3 of 4"):
        assert screen.written.wait(60)
    told = screen.getvalue()
    assert "| writing, " in told
    assert " s, 3 of 4" in told
    assert told.endswith("\r\x1b[K")


def test_what_is_quick_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(is_terminal=True)
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr("penstock.cli.progress._PATIENCE_SECONDS", 3600.0)
    with progress("writing"):
        pass
    assert screen.getvalue() == ""


def test_no_terminal_is_told_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(is_terminal=False)
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr("penstock.cli.progress._PATIENCE_SECONDS", 0.0)
    before = threading.active_count()
    with progress("writing"):
        assert threading.active_count() == before
    assert screen.getvalue() == ""
