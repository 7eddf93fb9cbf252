"""Makes the filter of a step in a worker: the core calls this, and nothing else of the package."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import ref

from penstock.base.units import Duration
from penstock.sdk.failure import describe_failure
from penstock.sdk.filter import Filter
from penstock.sdk.plugin_module import forget_other_versions, import_plugin_file
from penstock.sdk.request import Response

__all__ = ["LoadedFilter", "describe_failure", "load_filter"]

_made: list[tuple[ref[Filter], str]] = []
"""Filters that may still run, and the version of the plugin that each came from."""


@dataclass(frozen=True, slots=True)
class LoadedFilter:
    """A filter as the core calls it. A method that does nothing is None, so that it costs nothing."""

    on_request: Callable[..., Any] | None
    on_response: Callable[..., Any] | None
    results: list[str]
    buffers_body: bool
    budget_ms: int
    on_error: int | str | Response


def load_filter(folder: str, digest: str, file: str, kind: str, settings: str) -> LoadedFilter:
    """The filter of one step.

    Shape: `settings` is JSON, as the user wrote them.
    Raises: whatever the plugin's code raises; ValidationError if the settings are wrong.
    """
    _made[:] = [(made, version) for made, version in _made if made() is not None]
    forget_other_versions({digest, *(version for _, version in _made)})
    module = import_plugin_file(Path(folder), digest, file)
    kind_class: type[Filter] = getattr(module, kind)
    config = kind_class.Config.model_validate_json(settings)
    made = kind_class(config)
    _made.append((ref(made), digest))
    return LoadedFilter(
        on_request=made.on_request if kind_class.on_request is not Filter.on_request else None,
        on_response=made.on_response if kind_class.on_response is not Filter.on_response else None,
        results=list(kind_class.results),
        buffers_body=bool(kind_class.buffers_body),
        budget_ms=Duration.parse(kind_class.budget).milliseconds,
        on_error=kind_class.on_error if config.on_error is None else config.on_error,
    )
