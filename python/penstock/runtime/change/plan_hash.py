"""The hash of a whole plan, from the hashes of its parts."""

from hashlib import blake2b

from penstock.runtime.change.delta import Parts


def plan_hash(parts: Parts) -> str:
    """Equal for plans of equal parts; what addresses host names have at the moment is left out."""
    lasting = [f"{key}\0{parts[key]['hash']}\0" for key in sorted(parts) if not key.startswith("names/")]
    return blake2b("".join(lasting).encode(), digest_size=16).hexdigest()
