"""What a route asks of methods and named values, without the forms of the file."""

from collections.abc import Iterator

from penstock.model.patterns import ValueTest
from penstock.model.route import Route


def served_methods(route: Route) -> list[str]:
    """The methods of a route without repetition, `HEAD` beside `GET`."""
    methods = list(dict.fromkeys(route.methods))
    if "GET" in methods and "HEAD" not in methods:
        methods.insert(methods.index("GET") + 1, "HEAD")
    return methods


def conditions_of(route: Route) -> Iterator[tuple[str, str, str, ValueTest]]:
    """The conditions on named values: what is looked at, the field that says so, the name, the test."""
    for kind, field, tests in (
        ("header", "headers", route.headers),
        ("query", "query", route.query),
        ("cookie", "cookies", route.cookies),
    ):
        for name, test in tests.items():
            yield kind, field, name, test
