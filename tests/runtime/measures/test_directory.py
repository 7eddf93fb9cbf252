"""Which subject has which place: kept over changes, given back late, taken over from other supervisors."""

import random
from collections.abc import Iterable, Mapping
from typing import Any

from penstock._core import SharedTable
from penstock.runtime.measures.directory import BLOCKS, REST_SECONDS, Directory, Placed
from penstock.runtime.measures.kinds import KINDS, REGIONS
from penstock.runtime.measures.region import Region
from penstock.runtime.measures.subjects import ALWAYS, PlanSubjects, Subject, subjects_of_part


class TableFake:
    """A small table: it notes what is cleared, and its gauges read what a test sets."""

    def __init__(self, **regions: int) -> None:
        self.capacities = {region: regions.get(region, 1 << 14) for region in REGIONS}
        self.values: dict[int, int] = {}
        self.cleared: list[tuple[str, int, int]] = []

    def regions(self) -> dict[str, int]:
        return self.capacities

    def gauges(self, places: list[int], column: int | None = None) -> list[int]:
        assert column is None
        return [self.values.get(place, 0) for place in places]

    def clear(self, region: str, first: int, count: int) -> None:
        self.cleared.append((region, first, count))


def subjects(*routes: str, endpoints: Iterable[str] = ()) -> dict[str, Subject]:
    named = [Subject("route", (name,)) for name in routes]
    named += [Subject("endpoint", ("up", address)) for address in endpoints]
    return {one.key: one for one in (*ALWAYS, *named)}


def taken(placed: Iterable[Placed], region: str) -> list[int]:
    """Every place that a subject has to itself."""
    own = (one for one in placed if region in one.own)
    sizes = ((one.place[region], KINDS[one.subject.kind].sizes[region]) for one in own)
    return [first + offset for first, size in sizes for offset in range(size)]


def test_every_subject_has_places_of_its_own_in_every_region_that_it_needs() -> None:
    placed = Directory(TableFake()).admit(subjects("a", "b", endpoints=["1", "2"]), [], 0.0)
    for one in placed.values():
        assert one.own == {region for region, size in KINDS[one.subject.kind].sizes.items() if size}
    for region in REGIONS:
        places = taken(placed.values(), region)
        assert len(places) == len(set(places))
        assert min(places) >= BLOCKS[region]


def test_a_subject_keeps_its_place_while_a_running_plan_names_it_and_for_a_while_after() -> None:
    table = TableFake()
    directory = Directory(table)
    first = directory.admit(subjects("a", "b"), [], 0.0)
    second = directory.admit(subjects("b", "c"), [first], REST_SECONDS * 2)
    assert second["route/b"] is first["route/b"]
    third = directory.admit(subjects("d"), [second], REST_SECONDS * 3)
    assert not table.cleared, "nothing was used twice"
    gone = {first["route/a"].place["counters"]}
    assert third["route/d"].place["counters"] not in gone
    again = directory.admit(subjects("a", "d"), [third], REST_SECONDS * 3 + 1)
    assert again["route/a"] == first["route/a"], "it came back while its place was still its own"


def test_a_place_is_given_to_another_only_when_it_has_rested_and_is_cleared_then() -> None:
    table = TableFake()
    directory = Directory(table)
    first = directory.admit(subjects("a"), [], 0.0)
    directory.admit(subjects(), [], 1.0)
    early = directory.admit(subjects("b"), [], REST_SECONDS)
    assert early["route/b"].place != first["route/a"].place
    late = directory.admit(subjects("b", "c"), [], REST_SECONDS + 1)
    assert late["route/c"].place == first["route/a"].place
    sizes = {region: size for region, size in KINDS["route"].sizes.items() if size}
    assert table.cleared == [(region, first["route/a"].place[region], size) for region, size in sizes.items()]


def test_a_place_whose_gauges_are_not_back_at_zero_is_not_given_away() -> None:
    table = TableFake()
    directory = Directory(table)
    first = directory.admit(subjects(endpoints=["1"]), [], 0.0)
    gauge = first["endpoint/up/1"].place["gauges"]
    table.values[gauge] = 1
    directory.admit(subjects(), [], 1.0)
    later = directory.admit(subjects(endpoints=["2"]), [], REST_SECONDS * 5)
    assert later["endpoint/up/2"].place["gauges"] != gauge
    table.values[gauge] = 0
    last = directory.admit(subjects(endpoints=["2", "3"]), [], REST_SECONDS * 6)
    assert last["endpoint/up/3"].place["gauges"] == gauge


def test_subjects_without_room_share_the_place_of_the_others_and_only_there() -> None:
    table = TableFake(histograms=6)
    placed = Directory(table).admit(subjects("a", "b", "c", "d"), [], 0.0)
    shared = [one for one in placed.values() if one.subject.kind == "route" and "histograms" not in one.own]
    assert shared, "there is too little room"
    for one in shared:
        assert one.place["histograms"] == placed["route/*"].place["histograms"]
        assert "counters" in one.own


def test_a_new_supervisor_claims_what_running_workers_use() -> None:
    before = Directory(TableFake())
    running = before.admit(subjects("a", "b", "c", endpoints=["1"]), [], 0.0)
    table = TableFake()
    after = Directory(table)
    after.claim(7, {key: whole(one.place) for key, one in running.items()})
    placed = after.admit(subjects("b", "new", endpoints=["1", "2"]), [], 0.0)
    for key in ("gateway", "route/*", "route/b", "endpoint/up/1"):
        assert whole(placed[key].place) == whole(running[key].place), key
        assert placed[key].own == running[key].own
        assert placed[key].subject.key == key
    for region in ("counters", "gauges"):
        used = {*taken(running.values(), region)}
        fresh = taken([placed["route/new"], placed["endpoint/up/2"]], region)
        assert not used & set(fresh)
    assert table.cleared, "what an earlier supervisor left in free places is unknown"
    after.admit(subjects(), [], 1.0)
    held = after.admit(subjects("x"), [], REST_SECONDS * 2)
    assert whole(held["route/x"].place)["counters"] != running["route/a"].place["counters"]
    after.forget(7)
    after.admit(subjects(), [], REST_SECONDS * 3)
    freed = after.admit(subjects("x", "y", "z", "w"), [], REST_SECONDS * 5)
    assert running["route/a"].place["counters"] in {one.place.get("counters") for one in freed.values()}


def whole(place: Mapping[str, int]) -> dict[str, int]:
    """A place as workers tell it: every region, 0 where there is none."""
    return {region: place.get(region, 0) for region in REGIONS}


def test_places_never_overlap_whatever_comes_and_goes() -> None:
    chance = random.Random(4)
    for size in (100, 1 << 14):
        table = TableFake(counters=1000 if size == 100 else size, histograms=20)
        directory = Directory(table)
        running: dict[str, Placed] = {}
        for step in range(60):
            names = [f"r{number}" for number in chance.sample(range(60), chance.randrange(40))]
            placed = directory.admit(subjects(*names), [running], step * 40.0)
            for region in REGIONS:
                places = taken({**running, **placed}.values(), region)
                assert len(places) == len(set(places))
                assert max(places) < table.capacities[region]
            running = placed


def test_a_region_gives_the_lowest_first_and_fills_what_was_given_back() -> None:
    region = Region(64, 8)
    assert [region.take(5), region.take(8), region.take(20)] == [8, 16, 24]
    region.give_back(8, 5)
    region.give_back(24, 20)
    assert [region.take(1) for _ in range(6)] == [8, 24, 32, 40, 48, 56]
    assert region.take(1) is None


def test_claims_leave_the_gaps_between_them_free() -> None:
    region = Region(80, 8)
    for first, count in [(40, 8), (16, 9), (16, 9)]:
        region.claim(first, count)
    assert [region.take(8) for _ in range(6)] == [8, 32, 48, 56, 64, 72]


def test_the_real_table_is_what_the_directory_expects() -> None:
    table = SharedTable(1)
    directory = Directory(table)
    many = subjects(*(f"r{number}" for number in range(5_000)))
    placed = directory.admit(many, [], 0.0)
    assert all("counters" in one.own for one in placed.values() if KINDS[one.subject.kind].sizes["counters"])
    directory.admit(subjects(), [], 1.0)
    again = directory.admit(subjects(*(f"s{number}" for number in range(5_000))), [], REST_SECONDS * 2)
    assert taken(again.values(), "counters") == taken(placed.values(), "counters")


def test_the_subjects_of_a_plan_are_those_that_its_parts_name() -> None:
    def step(name: str, source: Any) -> dict[str, Any]:
        return {"name": name, "filter": name, "source": source}

    python = {"python": "plugin/house"}
    bodies: dict[str, Any] = {
        "listener/web": {"before": [step("mark", python), step("Respond", "native")], "after": [step("mark", python)]},
        "pipeline/route.a": {"steps": [step("auth", python), step("RateLimit", "native"), step("Forward", "native")]},
        "route/a": {},
        "upstream/http://x:1": {"endpoints": [{"address": "x:1"}, {"address": "unix:/run/x"}]},
        "telemetry/default": {},
        "names/x": {},
        "plugin/house": {},
    }
    keys = [one.key for key, body in bodies.items() for one in subjects_of_part(key, body)]
    assert keys == [
        "listener/web",
        "filter/listener:web:before/mark",
        "filter/listener:web:after/mark",
        "filter/route.a/auth",
        "limiter/route.a/RateLimit",
        "route/a",
        "upstream/http://x:1",
        "endpoint/http://x:1/x:1",
        "endpoint/http://x:1/unix:/run/x",
    ]
    plan = PlanSubjects()
    parts = {key: {"hash": "1", "body": body} for key, body in bodies.items()}
    found = plan.of(parts)
    assert set(found) == {*keys, *(one.key for one in ALWAYS)}
    assert list(found)[-1] == "route/a", "of routes there may be too many for the table: they come last"
    changed = {"hash": "2", "body": {"endpoints": [{"address": "y:1"}]}}
    later = plan.of({**{key: parts[key] for key in ("listener/web", "route/a")}, "upstream/http://x:1": changed})
    gone = {
        "filter/route.a/auth",
        "limiter/route.a/RateLimit",
        "endpoint/http://x:1/x:1",
        "endpoint/http://x:1/unix:/run/x",
    }
    assert set(later) == set(found) - gone | {"endpoint/http://x:1/y:1"}
