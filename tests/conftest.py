"""Options that tests of the whole project share, and what each of them must leave behind: nothing."""

import gc
from collections.abc import Iterator

import pytest

from tests.servers.leftovers import end, left_over, mark_run, processes, sockets


def pytest_configure() -> None:
    mark_run()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite-golden", action="store_true", help="write the expected plans anew; review the difference"
    )


@pytest.fixture
def rewrite_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are written instead of compared."""
    return bool(request.config.getoption("--rewrite-golden"))


@pytest.fixture(autouse=True)
def leaves_no_process() -> Iterator[None]:
    """Fails a test whose processes live on. What a whole module shares was there before it."""
    before = processes()
    yield
    found = left_over(before)
    end(found)
    assert not found, "processes live on: " + "; ".join(f"{pid} {command}" for pid, command in found.items())


@pytest.fixture(autouse=True)
def leaves_no_socket() -> Iterator[None]:
    """Collects behind a test that has left sockets: one that nobody closes is told there, not in a later test."""
    before = sockets()
    yield
    if sockets() - before:
        gc.collect()
