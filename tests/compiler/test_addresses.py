"""Two listeners on one address are a problem of the second."""

import pytest

from penstock.compiler import compile_resources
from penstock.model.loading import load_resources
from tests.filters.catalogue_fake import FakeCatalogue

MEETING = [
    ("127.0.0.1:80", "127.0.0.1:80"),
    ("0.0.0.0:80", "127.0.0.1:80"),
    ("127.0.0.1:80", "0.0.0.0:80"),
    ("[::]:80", "0.0.0.0:80"),
    ("[::]:80", "127.0.0.1:80"),
    ("[::1]:80", "[::]:80"),
    ("[::1]:80", "[0:0::1]:80"),
    ("[::ffff:10.0.0.1]:80", "10.0.0.1:80"),
    ("unix:/run/a.sock", "unix:/run/a.sock"),
    ("unix:/run/a.sock", "unix:/run/./b/../a.sock"),
]
APART = [
    ("127.0.0.1:80", "127.0.0.1:81"),
    ("127.0.0.1:80", "127.0.0.2:80"),
    ("[::1]:80", "127.0.0.1:80"),
    ("[::1]:80", "0.0.0.0:80"),
    ("127.0.0.1:0", "127.0.0.1:0"),
    ("unix:/run/a.sock", "unix:/run/b.sock"),
    ("unix:/run/80", "0.0.0.0:80"),
]


def check(one: str, two: str, rest: str = "") -> list[tuple[str, str]]:
    text = f"{{kind: Listener, name: a, address: '{one}'}}\n---\n{{kind: Listener, name: b, address: '{two}'{rest}}}\n"
    problems = compile_resources(load_resources(text).resources, FakeCatalogue()).problems
    return [(problem.resource, problem.path_text) for problem in problems]


@pytest.mark.parametrize(("one", "two"), MEETING)
def test_listeners_that_meet_are_a_problem_of_the_second(one: str, two: str) -> None:
    assert check(one, two) == [("listener/b", "address")]


@pytest.mark.parametrize(("one", "two"), APART)
def test_listeners_that_do_not_meet_are_none(one: str, two: str) -> None:
    assert check(one, two) == []


def test_a_listener_that_is_off_takes_no_address() -> None:
    assert check("0.0.0.0:80", "0.0.0.0:80", ", enabled: false") == []
