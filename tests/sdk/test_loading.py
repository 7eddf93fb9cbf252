"""How a worker makes filters of a plugin's files."""

import gc
import json
import sys
from pathlib import Path

import pytest

from penstock.sdk import loading
from penstock.sdk.failure import describe_failure
from penstock.sdk.loading import LoadedFilter, load_filter

PAGE = """
from penstock.sdk import Field, Filter, FilterConfig

from .inner.word import WORD


class Say(Filter):
    class Config(FilterConfig):
        times: int = Field(1, description="How often.")

    budget = "1s"
    on_error = 503

    def on_response(self, request, response):
        return WORD * self.config.times
"""


def load(folder: Path, version: str, settings: object = None) -> LoadedFilter:
    copy = folder / version
    (copy / "inner").mkdir(parents=True, exist_ok=True)
    (copy / "inner/word.py").write_text(f"WORD = {version!r}\n")
    (copy / "say.py").write_text(PAGE)
    return load_filter(str(copy), version, "say.py", "Say", json.dumps(settings or {}))


def modules(version: str) -> list[str]:
    return [name for name in sys.modules if name.startswith(f"penstock_plugin_{version}")]


def test_a_filter_is_made_with_its_settings_and_files_import_each_other(tmp_path: Path) -> None:
    loaded = load(tmp_path, "aa", {"times": 2})
    assert loaded.on_request is None
    assert loaded.on_response is not None
    assert loaded.on_response(None, None) == "aaaa"
    assert (loaded.budget_ms, loaded.on_error, loaded.buffers_body) == (1000, 503, False)


def test_the_step_decides_over_the_class_what_an_error_means(tmp_path: Path) -> None:
    assert load(tmp_path, "ab", {"on_error": "continue"}).on_error == "continue"


def test_versions_that_no_filter_uses_are_forgotten(tmp_path: Path) -> None:
    old = load(tmp_path, "ba")
    used = load(tmp_path, "bb")
    assert modules("ba")
    del old
    gc.collect()
    load(tmp_path, "bc")
    assert modules("ba") == []
    assert modules("bb")
    assert used.on_response is not None


def test_two_hundred_edits_leave_no_more_modules_than_one(tmp_path: Path) -> None:
    for number in range(200):
        load(tmp_path, f"c{number}")
        if number % 20 == 0:
            gc.collect()
    gc.collect()
    load(tmp_path, "d")
    assert modules("c") == []
    assert len(loading._made) == 1


def test_a_failure_names_the_authors_frames_only(tmp_path: Path) -> None:
    (tmp_path / "say.py").write_text("import json\n\n\njson.loads('x')\n")
    with pytest.raises(ValueError, match="Expecting value") as caught:
        load_filter(str(tmp_path), "e", "say.py", "Say", "{}")
    told = describe_failure(caught.value)
    assert "\n  say.py:4 in <module>: json.loads('x')\n" in told
    assert not [name for name in (" loading.py", "plugin_module.py", "importlib") if name in told]


def test_a_long_recursion_is_told_in_a_few_lines() -> None:
    def again() -> None:
        again()

    with pytest.raises(RecursionError) as caught:
        again()
    assert len(describe_failure(caught.value).splitlines()) < 20
