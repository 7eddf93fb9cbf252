"""A plan that crashes workers is told from workers that crash (R69)."""

from hashlib import sha256
from pathlib import Path

import pytest

from penstock.runtime.change.crash_guard import CrashGuard
from penstock.runtime.change.last_good import LastGood, read_last_good


def test_r69_the_third_crash_soon_after_a_commit_marks_the_plan_for_ever(tmp_path: Path) -> None:
    guard = CrashGuard(tmp_path / "bad")
    assert [guard.crashed("p", "b", 1.0) for _ in range(4)] == [False, False, True, False]
    later = CrashGuard(tmp_path / "bad")
    later.load()
    assert later.is_bad("p", "b")
    assert not later.is_bad("p", "another build")
    assert not later.is_bad("q", "b")


def test_late_crashes_are_not_the_plans(tmp_path: Path) -> None:
    guard = CrashGuard(tmp_path / "bad")
    assert not any(guard.crashed("p", "b", 11.0) for _ in range(9))


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[1]", b"\xff"])
def test_a_damaged_list_of_marks_marks_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad").write_bytes(content)
    guard = CrashGuard(tmp_path / "bad")
    guard.load()
    assert not guard.is_bad("p", "b")


GOOD = LastGood("1.0", {"route/a": {"hash": "1", "body": {"name": "ä"}}}, {"route/a": "{}"})


def test_r55_a_last_good_plan_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "good"
    assert read_last_good(path) is None
    GOOD.write(path)
    assert read_last_good(path) == GOOD
    assert path.stat().st_mode & 0o777 == 0o600
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert read_last_good(path) is None, position
        path.write_bytes(whole[:position])
        assert read_last_good(path) is None, position
        path.write_bytes(whole[:position] + bytes(len(whole) - position))
        assert read_last_good(path) is None, position


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"{}", b'{"build": "1.0"}', b"\xff"])
def test_r55_a_whole_file_of_another_form_is_as_good_as_none(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "good").write_bytes(f"{sha256(body).hexdigest()}\n".encode() + body)
    assert read_last_good(tmp_path / "good") is None
