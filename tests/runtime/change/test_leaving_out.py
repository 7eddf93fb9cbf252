"""What others wrote wrongly is left out; what a person wrote is taken whole or not at all (R3)."""

import pytest

from penstock.compiler import compile_resources
from penstock.model.loading import Placed, load_resources
from penstock.runtime.change.leaving_out import select
from tests.filters.catalogue_fake import FakeCatalogue

GOOD = "kind: Route\nname: good\npath: /good\nto: http://127.0.0.1:1\n"
DANGLING = "kind: Route\nname: dangling\npath: /dangling\nto: nobody\n"
WRONG = "kind: Pipeline\nname: wrong\nsteps: [{kind: Nothing}]\n"
LEANING = "kind: Route\nname: leaning\npath: /leaning\npipeline: wrong\n"
TWIN = "kind: Route\nname: twin\npath: /good\nto: http://127.0.0.1:2\n"


def check(texts: list[str], owned: set[str]) -> tuple[list[str], bool, set[str]]:
    """The routes of the plan, whether it is refused, and what was left out."""

    def compiled(placed: object) -> object:
        return compile_resources(placed, FakeCatalogue())  # type: ignore[arg-type]

    placed: tuple[Placed, ...] = load_resources("---\n".join(texts)).resources
    found = select(placed, (), owned, compiled)  # type: ignore[arg-type]
    routes = [key for key in found.compiled.plan["parts"] if key.startswith("route/")]
    return routes, bool(found.refusing), {problem.resource for problem in found.left_out}


@pytest.mark.parametrize(
    ("texts", "left_out"),
    [
        ([GOOD], set()),
        ([GOOD, DANGLING], {"route/dangling"}),
        ([GOOD, WRONG, LEANING], {"pipeline/wrong", "route/leaning"}),
        ([GOOD, TWIN], {"route/twin"}),
        ([DANGLING, WRONG, LEANING, TWIN, GOOD], {"route/dangling", "pipeline/wrong", "route/leaning", "route/good"}),
    ],
)
def test_r3_what_others_wrote_wrongly_is_left_out_and_the_rest_goes_live(texts: list[str], left_out: set[str]) -> None:
    routes, is_refused, found = check(texts, set())
    assert (found, is_refused) == (left_out, False)
    assert routes == (["route/twin"] if "route/good" in left_out else ["route/good"])


@pytest.mark.parametrize("owned", [{"route/dangling"}, {"route/good", "route/dangling"}])
def test_r3_what_a_person_wrote_wrongly_refuses_all(owned: set[str]) -> None:
    assert check([GOOD, DANGLING], owned)[1:] == (True, set())


def test_r3_a_stranger_that_disturbs_what_a_person_wrote_is_the_one_left_out() -> None:
    assert check([GOOD, TWIN], {"route/good"}) == (["route/good"], False, {"route/twin"})
