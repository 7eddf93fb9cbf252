"""Resources survive the way through the store."""

import asyncio
from pathlib import Path

import pytest

from penstock.compiler import compile_resources
from penstock.filters.native import native_catalogue
from penstock.model.loading import load_texts
from penstock.model.loading.text import Text
from penstock.runtime.change.compilation import Compilation
from penstock.runtime.change.entries import Entries
from penstock.runtime.change.source import Reading
from penstock.store import Author, MemoryStore

SOMEBODY = Author("somebody", "api")

EVERYTHING = """
kind: Listener
name: web
address: 127.0.0.1:8080
trusted_proxies: [10.0.0.0/8]
limits: {idle: 5s, uri: 4KiB}
before: [{kind: RequestId}]
---
kind: Upstream
name: orders
endpoints: [http://127.0.0.1:9001, {url: http://localhost:9002/base, weight: 2, tags: [v2]}, "unix:/run/a.sock"]
retry: {attempts: 2, on: [connect_failure, 502], budget: 10%}
---
kind: Route
name: zebra
hosts: [shop.example.com, "*.example.com", {regex: "^a[0-9]$"}]
path: /orders/{id}/*
methods: [GET, POST]
headers: {x-beta: "1", x-env: {regex: "^dev$"}, x-no: absent}
query: {page: {present: true}}
client_ip: [127.0.0.0/8]
when: request.method == "GET"
timeout: 15s
steps:
  - {kind: SetHeaders, name: mark, when: request.host == "a", request: {set: {x-a: "{{ request.params.id }}"}}}
  - {kind: MaxBodySize, limit: 1MiB, on: {too_large: end}}
  - {kind: Forward, to: [{upstream: orders, weight: 1}]}
---
kind: Route
name: ant
path: /orders/{name}/*
to: http://127.0.0.1:1
---
kind: Pipeline
name: checkout
steps: [{kind: Respond, status: 204}]
---
kind: Route
name: regex
path: {regex: "^/x"}
pipeline: checkout
---
kind: Telemetry
name: default
access_log: {path: stdout, format: "{{ status }}"}
"""


def test_a_plan_is_the_same_whether_or_not_its_resources_went_through_a_store(
    tmp_path: Path,
) -> None:
    loaded = load_texts([Text(EVERYTHING, "a.yaml")])
    assert loaded.problems == ()
    direct = compile_resources(loaded.resources, native_catalogue())

    async def through() -> object:
        store = MemoryStore()
        await Reading(loaded.resources, ()).write(store, Entries())
        placed, problems = Entries().read(await store.range())
        assert problems == []
        return Compilation(native_catalogue(), tmp_path).compile(placed).plan

    assert asyncio.run(through()) == direct.plan


def test_a_later_reading_deletes_what_files_no_longer_hold_and_leaves_the_rest() -> None:
    async def run() -> list[str]:
        store, entries = MemoryStore(), Entries()
        await Reading(load_texts([Text(EVERYTHING, "a.yaml")]).resources, ()).write(store, entries)
        await store.put(
            "pipeline/own",
            '{"kind": "Pipeline", "name": "own", "steps": [{"kind": "Respond", "status": 204}]}',
            SOMEBODY,
        )
        only = load_texts([Text("kind: Pipeline\nname: checkout\nsteps: [{kind: Respond, status: 200}]\n", "a.yaml")])
        await Reading(only.resources, ()).write(store, entries)
        placed, _ = entries.read(await store.range())
        return [one.resource.name for one in placed]

    assert asyncio.run(run()) == ["checkout", "own"]


@pytest.mark.parametrize("value", ["", "{", "[]", '{"kind": "Route"}', '{"kind": "Nothing", "name": "a"}'])
def test_an_entry_that_is_no_resource_is_a_problem_and_no_crash(value: str) -> None:
    async def run() -> tuple[int, bool]:
        store = MemoryStore()
        await store.put("route/a", value, SOMEBODY)
        placed, problems = Entries().read(await store.range())
        return len(placed), bool(problems)

    assert asyncio.run(run()) == (0, True)
