"""Archives of plugins: one file that holds a plugin, packed the same every time, and read as a stranger's (I16)."""

import stat
import struct
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path, PurePosixPath

from penstock.filters.plugin_files import PluginFiles, check_amount, files_of, is_code, read_plugin

LARGEST_ARCHIVE = 16 * 1024 * 1024
"""Bytes of an archive."""
_LARGEST_UNPACKED = 64 * 1024 * 1024
"""Bytes of all that is in an archive, unpacked: four times what its Python files may have."""
_MOST_ENTRIES = 2_000
_LARGEST_DIRECTORY = 1024 * 1024
"""Bytes of an archive's list of contents, which is read as a whole: 500 for each entry."""
_MOST_RATIO, _FREE_BYTES = 100, 1024 * 1024
"""Text shrinks to a tenth; what shrinks to less than a hundredth was made to. Up to a MiB nobody asks."""
_LONGEST_NAME, _DEEPEST = 200, 16
_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\5\6"
_ENCRYPTED = 0x1
_UNREADABLE = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, struct.error, zlib.error)
"""What the library raises for archives that are none."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest moment that the format knows: when files were changed does not come into an archive."""
_UNIX, _PLAIN_FILE = 3, (stat.S_IFREG | 0o444) << 16


def digest_of(content: bytes) -> str:
    """What an archive is called: `sha256:` and the digest of all its bytes."""
    return f"sha256:{sha256(content).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Packed:
    """An archive, and how many Python files of a plugin are in it."""

    content: bytes
    digest: str
    files: int


def pack(path: Path) -> Packed:
    """The archive of a plugin: of a folder or Python file its Python files, of an archive (a zip, a wheel) itself.

    The same files give the same bytes, wherever and whenever they are packed.

    Raises: OSError if something cannot be read, ValueError if there is nothing, too much, or something hostile.
    """
    if path.is_file() and path.suffix != ".py":
        with path.open("rb") as opened:
            content = opened.read(LARGEST_ARCHIVE + 1)
    else:
        content = _packed(read_plugin(path).contents)
    return Packed(content, digest_of(content), len(unpack(content).contents))


def unpack(content: bytes, source: Path = Path()) -> PluginFiles:
    """The Python files of the plugin in an archive; what else is in it may be nothing hostile either, and stays there.

    Shape: `source` is where they come from, for messages.
    Raises: ValueError if it is no archive, or one that no honest tool has made.
    """
    _check_frame(content)
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            entries = archive.infolist()
            check_entries(entries)
            code = [entry for entry in entries if is_code(entry.filename)]
            check_amount(len(code), sum(entry.file_size for entry in code))
            read = {entry.filename: _read(archive, entry) for entry in code}
    except _UNREADABLE as problem:
        raise ValueError(f"the archive cannot be read: {problem}") from None
    return files_of(source, read)


def check_entries(entries: Sequence[zipfile.ZipInfo]) -> None:
    """Look at all that an archive says of its contents, before any of it is unpacked.

    Raises: ValueError.
    """
    if len(entries) > _MOST_ENTRIES:
        raise ValueError(f"more than {_MOST_ENTRIES} entries in the archive")
    seen: dict[str, tuple[str, bool]] = {}
    for entry in entries:
        _check_name(entry)
        _check_kind(entry)
        _check_alone(seen, entry)
    twice = [name for name, count in Counter(entry.filename for entry in entries).items() if count > 1]
    if twice:
        raise ValueError(f"{twice[0][:80]!r} is in the archive twice")
    unpacked, packed = sum(entry.file_size for entry in entries), sum(entry.compress_size for entry in entries)
    if unpacked > _LARGEST_UNPACKED:
        raise ValueError(f"unpacked, the archive is larger than {_LARGEST_UNPACKED // 1024 // 1024} MiB")
    if unpacked > _FREE_BYTES and unpacked > packed * _MOST_RATIO:
        raise ValueError(f"unpacked, the archive is more than {_MOST_RATIO} times as large")


def _packed(contents: Mapping[str, bytes]) -> bytes:
    written = BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            # Else it would tell on which system it was packed.
            entry.create_system, entry.external_attr = _UNIX, _PLAIN_FILE
            # Not compressed: what compressing gives is another matter with each version of zlib.
            archive.writestr(entry, content, zipfile.ZIP_STORED)
    return written.getvalue()


def _check_frame(content: bytes) -> None:
    """That the bytes are one archive from the first to the last, with a list of contents that is worth reading.

    Raises: ValueError.
    """
    if len(content) > LARGEST_ARCHIVE:
        raise ValueError(f"the archive is larger than {LARGEST_ARCHIVE // 1024 // 1024} MiB")
    if len(content) < _END.size or content[-_END.size :][:4] != _END_MARK:
        raise ValueError("not a zip archive, or something follows its end")
    _, disk, first_disk, here, entries, size, begin, comment = _END.unpack(content[-_END.size :])
    if disk or first_disk or here != entries or comment:
        raise ValueError("the archive has several parts, or a comment")
    if begin + size + _END.size != len(content):
        # Also what is large enough to need the longer form, which nothing here is.
        raise ValueError("the archive's list of contents is not where it is told to be")
    if size > _LARGEST_DIRECTORY or entries > _MOST_ENTRIES:
        raise ValueError(f"more than {_MOST_ENTRIES} entries in the archive, or too long names")


def _check_name(entry: zipfile.ZipInfo) -> None:
    name = entry.orig_filename
    shown = f"{name[:80]!r} in the archive"
    if any(unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for letter in name):
        raise ValueError(f"{shown}: a name with a control character")
    if name.startswith(("/", "\\")) or name[1:2] == ":":
        raise ValueError(f"{shown}: an absolute name")
    parts = name.removesuffix("/").split("/")
    if ".." in parts:
        raise ValueError(f"{shown}: a name that leads out of the archive")
    if "\\" in name or "." in parts or "" in parts or len(name) > _LONGEST_NAME or len(parts) > _DEEPEST:
        raise ValueError(f"{shown}: not a plain name, as in filters/add_tenant.py")


def _check_kind(entry: zipfile.ZipInfo) -> None:
    shown = f"{entry.filename[:80]!r} in the archive"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise ValueError(f"{shown}: a symbolic link")
    if kind not in {0, stat.S_IFDIR if entry.is_dir() else stat.S_IFREG}:
        raise ValueError(f"{shown}: neither a file nor a folder")
    if entry.flag_bits & _ENCRYPTED:
        raise ValueError(f"{shown}: enciphered")
    if entry.compress_type not in _METHODS:
        raise ValueError(f"{shown}: compressed in another way than `deflate`")
    if entry.is_dir() and entry.file_size:
        raise ValueError(f"{shown}: a folder with a content")


def _check_alone(seen: dict[str, tuple[str, bool]], entry: zipfile.ZipInfo) -> None:
    """That no two entries would be one file, and no file a folder: systems that do not tell cases apart, too.

    Shape: `seen` has each name so far, as such systems see it, with its spelling and whether it is a folder; it grows.
    Raises: ValueError.
    """
    name = entry.filename.removesuffix("/")
    places = [(folder, True) for folder in map(str, PurePosixPath(name).parents) if folder != "."]
    for spelled, is_folder in (*places, (name, entry.is_dir())):
        first = seen.setdefault(unicodedata.normalize("NFC", spelled).casefold(), (spelled, is_folder))
        if first != (spelled, is_folder):
            raise ValueError(f"{first[0][:80]!r} and {spelled[:80]!r} in the archive would be one file")


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as opened:
        content = opened.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        raise ValueError(f"{entry.filename[:80]!r} in the archive is not as large as it is told to be")
    return content
