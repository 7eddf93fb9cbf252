"""Penstock, an API gateway: Python decides, Rust moves the bytes."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.runtime.embedded import ConfigError, Gateway, ServedRequest

__all__ = ["ConfigError", "Gateway", "ServedRequest"]


def __getattr__(name: str) -> Any:
    """Load the embedded gateway when it is first asked for: commands and workers never need it."""
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from penstock.runtime import embedded  # noqa: PLC0415 - see above

    return getattr(embedded, name)
