"""Host names: looked up beside the request path, last good addresses kept (R35)."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from penstock.discovery import names as module
from penstock.discovery.names import Names


class Resolver:
    """Answers from a table; an entry may be addresses, a failure, or something to wait for."""

    def __init__(self, **table: tuple[str, ...] | Exception) -> None:
        self.table: dict[str, tuple[str, ...] | Exception] = dict(table)
        self.asked: list[str] = []

    def __call__(self, name: str) -> tuple[str, ...]:
        self.asked.append(name)
        found = self.table[name]
        if isinstance(found, Exception):
            raise found
        return found


def names(resolver: Callable[[str], tuple[str, ...]]) -> tuple[Names, list[str]]:
    news: list[str] = []
    return Names(lambda: news.append("news"), resolver), news


def test_r35_the_last_good_addresses_stay_when_lookups_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.01)
    resolver = Resolver(a=("10.0.0.1", "10.0.0.2"))

    async def run() -> None:
        known, news = names(resolver)
        assert await known.want(["a"]) == {"a": ("10.0.0.1", "10.0.0.2")}
        async with asyncio.TaskGroup() as group:
            refreshing = group.create_task(known.refresh())
            resolver.table["a"] = ("10.0.0.2", "10.0.0.1")
            await asyncio.sleep(0.1)
            assert news == []
            resolver.table["a"] = OSError("no such name")
            await asyncio.sleep(0.1)
            assert await known.want(["a"]) == {"a": ("10.0.0.1", "10.0.0.2")}
            resolver.table["a"] = ("10.0.0.3",)
            await asyncio.sleep(0.1)
            assert news == ["news"]
            assert await known.want(["a"]) == {"a": ("10.0.0.3",)}
            refreshing.cancel()

    asyncio.run(run())


def test_a_slow_name_holds_nobody_up_and_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_SECONDS", 0.05)
    answer = threading.Event()

    def slow(name: str) -> tuple[str, ...]:
        if name == "slow":
            answer.wait(10)
        return ("10.0.0.1",)

    async def run() -> None:
        known, news = names(slow)
        assert await known.want(["slow", "fast"]) == {"fast": ("10.0.0.1",), "slow": ()}
        answer.set()
        for _ in range(200):
            await asyncio.sleep(0.01)
            if news:
                break
        assert await known.want(["slow"]) == {"slow": ("10.0.0.1",)}

    asyncio.run(run())


def test_a_name_that_failed_is_not_asked_again_at_every_change() -> None:
    resolver = Resolver(bad=OSError("no such name"))

    async def run() -> None:
        known, _ = names(resolver)
        for _ in range(3):
            assert await known.want(["bad"]) == {"bad": ()}
        assert resolver.asked == ["bad"]

    asyncio.run(run())


def test_names_that_nobody_uses_are_forgotten() -> None:
    resolver = Resolver(a=("10.0.0.1",), b=("10.0.0.2",))

    async def run() -> None:
        known, _ = names(resolver)
        await known.want(["a"])
        await known.want(["b"])
        assert await known.want(["a"]) == {"a": ("10.0.0.1",)}
        assert resolver.asked == ["a", "b", "a"]

    asyncio.run(run())
