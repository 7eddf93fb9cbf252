"""Archives on a machine: what was changed, or is signed by nobody who is trusted, is not used (I16)."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from penstock.filters.plugin_archive import digest_of
from penstock.filters.plugin_shelf import Shelf
from penstock.filters.plugin_trust import Trust, read_trust, sign

CONTENT = b"an archive"
DIGEST = digest_of(CONTENT)


def key(folder: Path, name: str, kind: str = "ed25519") -> Path:
    """A private key, and beside it `NAME.pub`, as anybody makes them."""
    private = folder / name
    subprocess.run(["openssl", "genpkey", "-algorithm", kind, "-out", private], check=True, capture_output=True)
    private.chmod(0o600)
    public = subprocess.run(["openssl", "pkey", "-in", private, "-pubout"], check=True, capture_output=True).stdout
    private.with_suffix(".pub").write_bytes(public)
    return private


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "archives")


def test_what_is_kept_is_read_only_and_comes_back(shelf: Shelf) -> None:
    assert not shelf.has(DIGEST)
    shelf.keep(DIGEST, CONTENT)
    assert shelf.read(DIGEST) == CONTENT
    assert {path.stat().st_mode & 0o777 for path in shelf.folder.iterdir()} == {0o400}


def test_i16_what_is_another_than_its_name_says_is_not_kept(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="is not what was received"):
        shelf.keep(DIGEST, b"something else")
    assert not shelf.folder.exists()


def test_i16_what_was_changed_since_is_not_read(shelf: Shelf) -> None:
    shelf.keep(DIGEST, CONTENT)
    [path] = shelf.folder.glob("*.zip")
    path.unlink()
    path.write_bytes(CONTENT + b".")
    with pytest.raises(ValueError, match="is not what it was"):
        shelf.read(DIGEST)
    shelf.keep(DIGEST, CONTENT)
    assert shelf.read(DIGEST) == CONTENT


def test_only_what_nobody_has_used_for_a_day_is_removed(shelf: Shelf) -> None:
    others = [b"used", b"fresh", b"old"]
    for content in others:
        shelf.keep(digest_of(content), content)
    long_ago = time.time() - 2 * 24 * 3600
    for path in shelf.folder.iterdir():
        if digest_of(b"fresh")[7:] not in path.name:
            os.utime(path, (long_ago, long_ago))
    shelf.forget({digest_of(b"used")})
    assert [shelf.has(digest_of(content)) for content in others] == [True, True, False]
    shelf.forget(set())
    assert shelf.has(digest_of(b"used"))  # was in use just now


def test_i16_only_what_a_trusted_key_has_signed_is_kept_and_read(tmp_path: Path) -> None:
    ours, theirs = key(tmp_path, "ours"), key(tmp_path, "theirs")
    both = tmp_path / "trusted"
    both.write_bytes(key(tmp_path, "other").with_suffix(".pub").read_bytes() + ours.with_suffix(".pub").read_bytes())
    shelf = Shelf(tmp_path / "archives", read_trust(both))
    good = sign(DIGEST, ours)
    wrong = {
        "": "is not signed",
        sign(DIGEST, theirs): "by no key that is trusted",
        sign(digest_of(b"another"), ours): "made for something else",
        good[:-8] + "AAAAAA==": "made for something else",
        f"{good}\u00e9": "made for something else",
        good.replace("ed25519", "rsa"): "by no key that is trusted",
        "ed25519": "by no key that is trusted",
    }
    for signature, problem in wrong.items():
        with pytest.raises(ValueError, match=problem):
            shelf.keep(DIGEST, CONTENT, signature)
    shelf.keep(DIGEST, CONTENT, good)
    assert shelf.read(DIGEST) == CONTENT
    # Also what was kept before anybody had to vouch for it.
    Shelf(tmp_path / "before").keep(DIGEST, CONTENT)
    with pytest.raises(ValueError, match="is not signed"):
        Shelf(tmp_path / "before", read_trust(both)).read(DIGEST)


def test_what_is_no_file_of_keys_is_told(tmp_path: Path) -> None:
    made = key(tmp_path, "ours")
    public, other = made.with_suffix(".pub"), key(tmp_path, "x", "x25519").with_suffix(".pub")
    cases = {b"": "write public keys", b"ssh-ed25519 AAAA": "write public keys", other.read_bytes(): "key 1 is no"}
    cases[public.read_bytes() + b"rest"] = "write public keys"
    cases[b"nonsense\n-----END PUBLIC KEY-----"] = "key 1 is no"
    for content, problem in cases.items():
        (tmp_path / "trusted").write_bytes(content)
        with pytest.raises(ValueError, match=problem):
            read_trust(tmp_path / "trusted")
    with pytest.raises(ValueError, match="no such file"):
        read_trust(tmp_path / "nowhere")
    assert read_trust(None) == Trust()


def test_a_private_key_that_others_can_read_or_that_is_none_signs_nothing(tmp_path: Path) -> None:
    made = key(tmp_path, "ours")
    made.chmod(0o644)
    with pytest.raises(ValueError, match="others can read"):
        sign(DIGEST, made)
    for wrong in (key(tmp_path, "x", "x25519"), made.with_suffix(".pub")):
        wrong.chmod(0o600)
        with pytest.raises(ValueError, match="no private Ed25519 key"):
            sign(DIGEST, wrong)
