"""Pytest fixtures: a gateway in the test's own process.

Shape: put `pytest_plugins = ["penstock.testing"]` into a `conftest.py`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from penstock import Gateway

StartGateway = Callable[[str | Path | Sequence[Mapping[str, Any]]], Gateway]


@pytest.fixture
def penstock_gateway() -> Iterator[StartGateway]:
    """Starts gateways from configurations; all of them stop when the test ends."""
    with ExitStack() as running:
        yield lambda config: running.enter_context(Gateway(config))
