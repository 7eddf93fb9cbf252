"""Which endpoints are asked, when, and what is told at the end."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from penstock.store import Lost, Unavailable, Unknown
from penstock.store.etcd.attempts import Answer, Attempts, Passing

Story = dict[int, Callable[[], Awaitable[Answer]]]


async def silent() -> Answer:
    await asyncio.Event().wait()
    return {}


async def fine() -> Answer:
    return {"done": True}


def saying(problem: Exception) -> Callable[[], Awaitable[Answer]]:
    async def said() -> Answer:
        raise problem

    return said


def ask(story: Story, seconds: float = 20, *, may_repeat: bool = True) -> tuple[list[int], list[int], int, Answer]:
    """The endpoints that were asked, those that were left, where to go on, and the answer."""
    asked: list[int] = []
    left: list[int] = []

    async def one(endpoint: int, _seconds: float) -> Answer:
        asked.append(endpoint)
        return await story[endpoint]()

    async def told() -> tuple[list[int], list[int], int, Answer]:
        attempts = Attempts(one, left.append, len(story), 0, 0.05, time.monotonic() + seconds, may_repeat)
        answer = await attempts.answer()
        assert len(asyncio.all_tasks()) == 1, "an attempt is left behind"
        return asked, left, attempts.at, answer

    return asyncio.run(told())


def test_the_next_is_asked_while_one_is_silent_and_the_first_answer_counts() -> None:
    assert ask({0: silent, 1: fine, 2: fine}) == ([0, 1], [0], 1, {"done": True})


def test_one_that_is_slow_is_waited_for_and_gone_on_with() -> None:
    answered = asyncio.Event()

    async def slow() -> Answer:
        await answered.wait()
        return {"slow": True}

    async def last() -> Answer:
        answered.set()
        return await silent()

    asked, _, at, answer = ask({0: slow, 1: silent, 2: last})
    assert (asked, at, answer) == ([0, 1, 2], 0, {"slow": True})


def test_one_that_fails_is_followed_by_the_next_and_asked_again_later() -> None:
    times = iter([saying(Passing("no leader")), saying(Unknown("gone")), fine])

    async def at_the_third() -> Answer:
        return await next(times)()

    asked, left, at, _ = ask({0: at_the_third, 1: silent})
    assert (asked, at) == ([0, 1, 0, 0], 0)
    assert set(left) == {0, 1}


@pytest.mark.parametrize(
    ("story", "may_repeat", "kind", "said", "first_asked"),
    [
        ({0: saying(Passing("no leader"))}, True, Unavailable, "no leader", [0, 0]),
        ({0: saying(Unknown("gone"))}, True, Unknown, "gone", [0, 0]),
        ({0: silent, 1: silent}, True, Unknown, "in time", [0, 1]),
        ({0: saying(Passing("no leader")), 1: silent}, True, Unknown, "no leader", [0, 1]),
        # Asked once: what may have been done is not asked for again, and what was not is.
        ({0: silent, 1: fine}, False, Unknown, "in time", [0]),
        ({0: saying(Unknown("gone")), 1: fine}, False, Unknown, "gone", [0]),
        # Of no use anywhere.
        ({0: saying(Lost("run out")), 1: fine}, True, Lost, "run out", [0]),
        ({0: saying(Unavailable("denied")), 1: fine}, True, Unavailable, "denied", [0]),
        ({0: silent, 1: saying(Unavailable("no space"))}, True, Unknown, "no space", [0, 1]),
    ],
)
def test_what_is_told_when_there_is_no_answer(
    story: Story, kind: type[Exception], said: str, first_asked: list[int], *, may_repeat: bool
) -> None:
    asked: list[int] = []

    def noting(endpoint: int, told: Callable[[], Awaitable[Answer]]) -> Callable[[], Awaitable[Answer]]:
        async def noted() -> Answer:
            asked.append(endpoint)
            return await told()

        return noted

    with pytest.raises(kind, match=said) as problem:
        ask({endpoint: noting(endpoint, told) for endpoint, told in story.items()}, 0.3, may_repeat=may_repeat)
    assert type(problem.value) is kind
    assert asked[: len(first_asked)] == first_asked
    assert len(first_asked) > 1 or asked == first_asked


def test_what_was_not_done_is_asked_elsewhere_even_if_it_is_asked_once() -> None:
    asked, _, at, _ = ask({0: saying(Passing("no leader")), 1: fine}, may_repeat=False)
    assert (asked, at) == ([0, 1], 1)
