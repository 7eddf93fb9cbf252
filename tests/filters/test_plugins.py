"""Plugins as the compiler sees them: described, checked and copied, but never imported here."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock.compiler import compile_resources
from penstock.filters import plugin_child
from penstock.filters.native import native_catalogue
from penstock.filters.plugin_files import forget_copies
from penstock.filters.plugin_version import Described, PluginMemory, describe, install
from penstock.filters.plugins import Known, plugin_catalogue
from penstock.model.loading import load_resources
from penstock.model.loading.loaded import Placed

HEAD = "from penstock.sdk import Field, Filter, FilterConfig, Request, Response\n"
GOOD = (
    HEAD
    + '''
from pydantic import field_validator


class Good(Filter):
    """Does good.

    A lot of it.
    """

    class Config(FilterConfig):
        """What a step may set."""

        word: str = Field(description="A word.")
        count: int = Field(1, ge=1, description="How often.")

        @field_validator("word")
        @classmethod
        def is_short(cls, word: str) -> str:
            """Refuses long words."""
            if len(word) > 5:
                raise ValueError(f"{word} is too long")
            return word.upper()

    example = """
        kind: Good
        word: yes
    """
    results = ("done",)
    buffers_body = True

    def on_request(self, request: Request) -> str:
        """Is done."""
        return "done"
'''
)


def described(folder: Path, code: str, name: str = "good.py") -> Described:
    (folder / name).write_text(code)
    return describe(folder)


def test_a_filter_is_described_without_being_imported_here(tmp_path: Path) -> None:
    found = described(tmp_path, GOOD)
    assert found.problems == ()
    (kind,) = found.kinds
    assert (kind.name, kind.summary, kind.page) == ("Good", "Does good.", "Does good.\n\nA lot of it.")
    assert (kind.results, kind.buffers_body, kind.example) == (("done",), True, "kind: Good\nword: yes")
    assert kind.source == f"{tmp_path}/good.py:6"
    assert set(kind.schema["properties"]) == {"word", "count", "on_error"}
    assert not [name for name in sys.modules if found.digest in name]


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("def broken(:\n", "good.py:1: invalid syntax"),
        ("x = 1\nraise ValueError('no')\n", "good.py: importing it failed: ValueError: no\n  good.py:2 in <module>"),
        ("raise SystemExit(3)\n", "good.py: importing it failed: SystemExit: 3"),
        ("import os\nos._exit(3)\n", "importing it ended the process with exit code 3"),
        ("x = 1\n", "no class is derived from"),
        (HEAD + "class A(Filter):\n    pass\n", "good.py:2: A: no docstring"),
        (HEAD + "class A(Filter):\n    'Page.'\n    async def on_request(self, r): ...\n", "`async def` is not built"),
        (HEAD + "class A(Filter):\n    'Page.'\n    def on_request(self, r): yield\n", "it has a `yield`"),
        (HEAD + "class A(Filter):\n    'Page.'\n    runs_in = 'process'\n", "'process' is not built yet"),
        (HEAD + "class A(Filter):\n    'Page.'\n    results = 'one'\n", "results: write the names as a tuple"),
        (HEAD + "class A(Filter):\n    'Page.'\n    budget = 5\n", "A: budget: "),
        (HEAD + "class A(Filter):\n    'Page.'\n    budget = '0s'\n", "A: budget: at least 1ms"),
        (HEAD + "class A(Filter):\n    'Page.'\n    on_error = 99\n", "on_error: write a status"),
        (HEAD + "class A(Filter):\n    'Page.'\n    Config = dict\n", "derive it from FilterConfig"),
        (
            HEAD + "class A(Filter):\n    'Page.'\n    class Config(FilterConfig):\n        word: str = ''\n",
            "Config.word: no description",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(tmp_path: Path, code: str, problem: str) -> None:
    assert any(problem in found for found in described(tmp_path, code).problems), described(tmp_path, code).problems


def test_all_problems_of_all_files_are_found(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("(\n")
    found = described(tmp_path, HEAD + "class A(Filter):\n    budget = 5\n")
    assert len(found.problems) == 3


ENDLESS = [
    ("while True: pass\n", "takes longer than 1 s of computing"),
    ("import time\nwhile True: time.sleep(1)\n", "takes longer than 2 s"),
]


@pytest.mark.parametrize(("code", "expected"), ENDLESS, ids=["computing", "asleep"])
def test_a_file_that_does_not_come_to_an_end_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, expected: str
) -> None:
    # Each is to be ended for what it does, on a busy machine too.
    is_asleep = "sleep" in code
    monkeypatch.setattr(plugin_child, "COMPUTING_S", 30 if is_asleep else 1)
    monkeypatch.setattr(plugin_child, "TIME_S", 2.0 if is_asleep else 60.0)
    (problem,) = described(tmp_path, code).problems
    assert problem.endswith(expected)


def test_a_file_that_waits_for_its_turn_is_not_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin_child, "COMPUTING_S", 2)
    assert described(tmp_path, "import time\ntime.sleep(3)\n" + GOOD).problems == ()


def test_what_a_file_prints_does_not_disturb(tmp_path: Path) -> None:
    assert described(tmp_path, "print('{')\n" + GOOD).problems == ()


@pytest.mark.parametrize("path", ["none.py", "empty"])
def test_a_path_without_files_is_a_problem(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    assert len(describe(tmp_path / path).problems) == 1


def test_the_copy_is_named_by_its_content(tmp_path: Path) -> None:
    code, state = tmp_path / "code", tmp_path / "state"
    (code / "inner").mkdir(parents=True)
    (code / "good.py").write_text(GOOD)
    (code / "inner/more.py").write_text("")
    (code / "test_good.py").write_text("import nothing")
    digest = install(code, state)
    copied = state / "plugins" / digest
    assert sorted(str(file.relative_to(copied)) for file in copied.rglob("*.py")) == ["good.py", "inner/more.py"]
    assert install(code, state) == digest
    (code / "inner/more.py").write_text("x = 1\n")
    assert install(code, state) != digest
    assert len(list((state / "plugins").iterdir())) == 2


def test_copies_that_nobody_uses_are_removed_after_a_day(tmp_path: Path) -> None:
    code, state = tmp_path / "code", tmp_path / "state"
    code.mkdir()
    digests = []
    for number in range(3):
        (code / "good.py").write_text(f"x = {number}\n")
        digests.append(install(code, state))
    for digest in digests:
        os.utime(state / "plugins" / digest, (0, 0))
    assert install(code, state) == digests[2]
    forget_copies(state / "plugins", {digests[0]})
    assert sorted(folder.name for folder in (state / "plugins").iterdir()) == sorted([digests[0], digests[2]])


CONFIGURATION = """
kind: Plugin
name: house
python: {folder}
---
kind: Route
name: all
path: /*
steps:
  - {{kind: Good, {settings}}}
  - {{kind: Respond, status: 200}}
"""


def placed(folder: Path, settings: str) -> tuple[Placed, ...]:
    loaded = load_resources(CONFIGURATION.format(folder=folder, settings=settings))
    assert loaded.problems == ()
    return loaded.resources


@pytest.mark.parametrize(
    ("settings", "problems"),
    [
        ("word: abc", []),
        ("word: abc, on_error: continue", []),
        ("word: abc, on_error: 503", []),
        ("word: abc, on_error: 99", ["steps[0].on_error: write a status from 200 to 599, or `continue`"]),
        ("count: 2", ["steps[0]: `word` is missing"]),
        ("word: abcdef", ["steps[0].word: abcdef is too long"]),
        (
            "wrod: a, count: x",
            [
                "steps[0].count: input should be a valid integer, unable to parse string as an integer",
                "steps[0].wrod: unknown key `wrod`",
            ],
        ),
    ],
)
def test_the_authors_own_validators_run_before_a_plan_is_accepted(
    tmp_path: Path, settings: str, problems: list[str]
) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    resources = placed(tmp_path, settings)
    compiled = compile_resources(resources, plugin_catalogue(native_catalogue(), resources))
    assert sorted(f"{problem.path_text}: {problem.message}" for problem in compiled.problems) == problems


def test_the_plan_names_the_copy_and_keeps_settings_as_written(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    resources = placed(tmp_path, "word: abc, on: {done: Respond}")
    catalogue = plugin_catalogue(native_catalogue(), resources, tmp_path / "state")
    parts: dict[str, Any] = compile_resources(resources, catalogue).plan["parts"]
    body = parts["plugin/house"]["body"]
    assert body["filters"] == [{"name": "Good", "file": "good.py"}]
    assert (tmp_path / "state" / "plugins" / body["digest"] / "good.py").read_text() == GOOD
    step = parts["pipeline/route.all"]["body"]["steps"][0]
    assert (step["source"], step["settings"]) == ({"python": "plugin/house"}, {"word": "abc"})
    assert step["jumps"] == [{"result": "done", "to": {"step": 1}}]


def test_children_are_asked_once_for_what_they_have_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    resources, memory = placed(tmp_path, "word: abc"), PluginMemory()
    first = plugin_catalogue(native_catalogue(), resources, tmp_path / "state", memory)
    monkeypatch.setattr("subprocess.Popen", None)
    again = plugin_catalogue(native_catalogue(), resources, tmp_path / "state", memory)
    assert again.digest == first.digest
    assert again.check("Good", {"word": "abc"}).settings == {"word": "abc"}


@pytest.mark.parametrize("remembers", [True, False])
def test_an_accepted_version_is_used_whatever_has_become_of_its_files(tmp_path: Path, remembers: bool) -> None:  # noqa: FBT001 - a case
    code, state, memory = tmp_path / "code", tmp_path / "state", PluginMemory()
    code.mkdir()
    (code / "good.py").write_text(GOOD)
    resources = placed(code, "word: abc")
    first = plugin_catalogue(native_catalogue(), resources, state, memory)
    accepted = {"house": first.plugins["house"].digest}
    (code / "good.py").write_text("broken(\n")
    assert compile_resources(resources, plugin_catalogue(native_catalogue(), resources, state, memory)).problems
    again = plugin_catalogue(
        native_catalogue(), resources, state, memory if remembers else PluginMemory(), Known(accepted)
    )
    assert compile_resources(resources, again).plan == compile_resources(resources, first).plan
    assert compile_resources(resources, again).problems == ()


def test_a_name_that_is_taken_is_a_problem_of_the_plugin(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(GOOD + GOOD.replace("class Good", "class Respond").replace(HEAD, ""))
    resources = placed(tmp_path, "word: abc")
    catalogue = plugin_catalogue(native_catalogue(), resources)
    (problem,) = compile_resources(resources, catalogue).problems
    assert "a filter Respond is there already" in problem.message
    assert catalogue.kinds["Respond"].plugin == ""


def test_without_plugins_the_catalogue_is_the_cores() -> None:
    assert plugin_catalogue(native_catalogue(), ()) is native_catalogue()
