"""Archives of plugins: packed the same every time; of strangers' none is taken that no honest tool makes (I16)."""

import io
import random
import stat
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.filters.plugin_archive import LARGEST_ARCHIVE, check_entries, digest_of, pack, unpack
from penstock.filters.plugin_files import read_plugin

CODE = b"x = 1\n"
Change = Callable[[zipfile.ZipInfo], object]


def zipped(*names: str, change: Change = lambda _: None, content: bytes = CODE) -> bytes:
    """An archive of files, each with the same content; `change` has a hand in what is said of each."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            change(entry)
            archive.writestr(entry, content)
    return written.getvalue()


def mode(kind: int) -> Change:
    def change(entry: zipfile.ZipInfo) -> None:
        entry.external_attr = (kind | 0o777) << 16

    return change


def with_end(content: bytes, at: int, form: str, number: int) -> bytes:
    """An archive whose last record says something else."""
    end = bytearray(content[-22:])
    struct.pack_into(form, end, at, number)
    return content[:-22] + bytes(end)


def named(raw: bytes) -> bytes:
    """An archive in which a name has been overwritten, in both places where it stands."""
    return zipped("a" * len(raw)).replace(b"a" * len(raw), raw)


GOOD = zipped("a.py")
BOMB = zipped("a.py", content=bytes(10 * 1024 * 1024))
HOSTILE: dict[str, tuple[bytes, str]] = {
    "zip slip": (zipped("../a.py"), "a name that leads out of the archive"),
    "zip slip within": (zipped("b/../../a.py"), "a name that leads out of the archive"),
    "zip slip with backslashes": (named(b"..\\..\\a.py"), "not a plain name"),
    "absolute": (zipped("/etc/a.py"), "an absolute name"),
    "absolute elsewhere": (named(b"C:\\a.py"), "an absolute name"),
    "network share": (named(b"\\\\h\\s\\a.py"), "an absolute name"),
    "nothing between slashes": (zipped("a//b.py"), "not a plain name"),
    "here": (zipped("./a.py"), "not a plain name"),
    "zero byte": (named(b"a.py\0.txt"), "a control character"),
    "line end": (named(b"a\nb.py"), "a control character"),
    "direction of writing": (zipped("a\u202eyp.py"), "a control character"),
    "no name": (zipped("a.py", change=lambda entry: setattr(entry, "filename", "")), "not a plain name"),
    "long name": (zipped(f"{'a' * 300}.py"), "not a plain name"),
    "deep": (zipped("a/" * 20 + "a.py"), "not a plain name"),
    "symlink": (zipped("a.py", change=mode(stat.S_IFLNK), content=b"/etc/passwd"), "a symbolic link"),
    "device": (zipped("a.py", change=mode(stat.S_IFCHR)), "neither a file nor a folder"),
    "pipe": (zipped("a.py", change=mode(stat.S_IFIFO)), "neither a file nor a folder"),
    "file called a folder": (zipped("a.py", change=mode(stat.S_IFDIR)), "neither a file nor a folder"),
    "twice": (zipped("a.py", "b.py").replace(b"b.py", b"a.py"), "is in the archive twice"),
    "case twins": (zipped("a.py", "A.py"), "would be one file"),
    "case twins of folders": (zipped("a/b.py", "A/c.py"), "would be one file"),
    "twins by composition": (zipped("\u00e9.py", "e\u0301.py"), "would be one file"),
    "file and folder": (zipped("a.py", "a.py/b.py"), "would be one file"),
    "folder and file": (zipped("a.py/b.py", "a.py"), "would be one file"),
    "enciphered": (GOOD.replace(b"PK\1\2\x14\x03\x14\0\0\0", b"PK\1\2\x14\x03\x14\0\1\0"), "enciphered"),
    "another compression": (
        GOOD.replace(b"PK\1\2\x14\x03\x14\0\0\0\x08\0", b"PK\1\2\x14\x03\x14\0\0\0\x0e\0"),
        "in another way",
    ),
    "bomb": (BOMB, "100 times as large"),
    "many entries": (zipped(*(f"{number}.txt" for number in range(2_001)), content=b""), "more than 2000 entries"),
    "many files": (zipped(*(f"{number}.py" for number in range(1_001)), content=b""), "more than 1000 Python files"),
    "no code": (zipped("a.txt", "test_a.py", ".a.py", "__pycache__/a.py", ".b/a.py"), "no Python files"),
    "too large": (bytes(LARGEST_ARCHIVE + 1), "larger than 16 MiB"),
    "nothing": (b"", "not a zip archive"),
    "no archive": (b"import os\n" * 10, "not a zip archive"),
    "cut off": (GOOD[:-1], "not a zip archive"),
    "something behind it": (GOOD + b"\0", "not a zip archive"),
    "something before it": (b"#!/bin/sh\n" + GOOD, "not where it is told to be"),
    "two in one": (zipped("b.py") + GOOD, "not where it is told to be"),
    "comment": (with_end(GOOD, 20, "<H", 1) + b"x", "not a zip archive"),
    "several parts": (with_end(GOOD, 4, "<H", 1), "several parts"),
    "count too large": (with_end(with_end(GOOD, 8, "<H", 5000), 10, "<H", 5000), "more than 2000 entries"),
    "list elsewhere": (with_end(GOOD, 16, "<L", 3), "not where it is told to be"),
    "longer form": (with_end(GOOD, 16, "<L", 2**32 - 1), "not where it is told to be"),
    "wrong sum": (GOOD.replace(struct.pack("<L", zlib.crc32(CODE)), b"\1\2\3\4"), "cannot be read"),
    "another name before the content": (GOOD.replace(b"a.py", b"b.py", 1), "cannot be read"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_i16_what_no_honest_tool_makes_is_refused(what: str) -> None:
    content, problem = HOSTILE[what]
    with pytest.raises(ValueError, match=problem):
        unpack(content)


def test_i16_what_is_told_to_be_small_is_not_unpacked_further() -> None:
    """Its list of contents says that a file has six bytes, and what is packed goes on for ten million."""
    lie = BOMB.replace(struct.pack("<L", 10 * 1024 * 1024), struct.pack("<L", 6))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"cannot be read|not as large"):
            unpack(lie)
        assert tracemalloc.get_traced_memory()[1] < 2 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_i16_what_is_told_to_be_a_gigabyte_is_not_begun() -> None:
    entry = zipfile.ZipInfo("a.bin")
    entry.file_size, entry.compress_size = 1024**3, 15 * 1024**2
    with pytest.raises(ValueError, match="larger than 64 MiB"):
        check_entries([entry])


@given(at=st.integers(0, 10_000), letter=st.integers(0, 255), seed=st.integers(0, 3))
@settings(max_examples=400, deadline=None)
def test_i16_an_archive_with_any_byte_changed_is_read_or_refused(at: int, letter: int, seed: int) -> None:
    whole = bytearray(zipped("a.py", "b/c.py", "b/d.txt", content=random.Random(seed).randbytes(50)))
    whole[at % len(whole)] = letter
    try:
        found = unpack(bytes(whole))
    except ValueError:
        return
    assert all(name.endswith(".py") and ".." not in name.split("/") for name in found.contents)


@given(content=st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_i16_any_bytes_with_the_end_of_an_archive_are_read_or_refused(content: bytes) -> None:
    for end in (GOOD[-22:], with_end(GOOD[-22:], 16, "<L", max(0, len(content) - 50))):
        with pytest.raises(ValueError, match="archive"):
            unpack(content + end)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "filters"
    for name in ("a.py", "b/c.py", "test_a.py", "notes.txt", ".hidden/x.py", "__pycache__/a.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(CODE + name.encode())
    return folder


def test_the_same_files_are_the_same_archive_wherever_and_whenever_they_are_packed(
    folder: Path, tmp_path: Path
) -> None:
    first = pack(folder)
    again = folder.rename(tmp_path / "elsewhere")
    (again / "a.py").touch()
    (again / "a.py").chmod(0o777)
    assert pack(again) == first
    assert first.digest == digest_of(first.content)
    assert first.files == 2
    # What workers import is the same as of the folder itself.
    assert unpack(first.content).digest == read_plugin(again).digest
    assert set(unpack(first.content).contents) == {"a.py", "b/c.py"}


def test_a_wheel_is_taken_as_it_is(tmp_path: Path) -> None:
    wheel = tmp_path / "house-1.0-py3-none-any.whl"
    wheel.write_bytes(zipped("house/__init__.py", "house/add.py", "house/data.json", "house-1.0.dist-info/RECORD"))
    packed = pack(wheel)
    assert packed.content == wheel.read_bytes()
    assert set(unpack(packed.content).contents) == {"house/__init__.py", "house/add.py"}


def test_folders_have_entries_of_their_own_where_a_tool_writes_them(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b.py").write_bytes(CODE)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for path in (tmp_path / "a", tmp_path / "a/b.py"):
            archive.write(path, path.relative_to(tmp_path))
    assert set(unpack(written.getvalue()).contents) == {"a/b.py"}


def test_i16_a_hostile_file_is_not_pushed_either(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped("../a.py"))
    with pytest.raises(ValueError, match="leads out"):
        pack(tmp_path / "a.zip")
