"""The hash of a whole plan, from the hashes of its parts."""

from hashlib import blake2b

from penstock.runtime.change.delta import Parts


def plan_hash(parts: Parts) -> str:
    """Equal for plans of equal parts; what addresses host names have at the moment is left out."""
    digest = blake2b(digest_size=16)
    for key in sorted(parts):
        if not key.startswith("names/"):
            digest.update(f"{key}\0{parts[key]['hash']}\0".encode())
    return digest.hexdigest()
