"""Names of blobs: the digest of what they hold."""

from hashlib import blake2b

_BYTES = 20
"""160 bits: two blobs of one name are not found by trying."""
ROOT, BUCKET, VALUE = b"penstock root", b"penstock bucket", b"penstock value"
"""What a blob is goes into its name, so that none passes for another kind."""


def digest(kind: bytes, blob: bytes) -> str:
    """The name of a blob, in hex."""
    return blake2b(blob, digest_size=_BYTES, person=kind).hexdigest()
