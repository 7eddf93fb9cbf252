"""What archives of plugins are called: the digest of all their bytes."""

import re

ARCHIVE_PATTERN = "^sha256:[0-9a-f]{64}$"
"""What such a digest looks like."""
_DIGEST = re.compile(ARCHIVE_PATTERN.removesuffix("$"))


def check_archive(digest: str) -> str:
    """The digest itself, if it is one.

    Raises: ValueError that says what one looks like.
    """
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"not the digest of an archive: {digest[:80]!r}; write sha256: and 64 digits of 0-9 and a-f")
    return digest
