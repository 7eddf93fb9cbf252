"""Whatever becomes of a good configuration, it gives a plan or problems, never an exception (R2, I11, I12)."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.base.problem import errors
from penstock.compiler import compile_resources
from penstock.model.loading import Text, load_data, load_texts, locate
from penstock.model.loading.loaded import Loaded
from penstock.model.loading.text import documents
from penstock.model.loading.tree import read_yaml
from tests.filters.catalogue_fake import FakeCatalogue

TEXTS = [case.read_text() for case in sorted(Path(__file__).with_name("cases").glob("*.in.yaml"))]
DATA: list[dict[str, Any]] = [read_yaml(document.content) for text in TEXTS for document in documents(text)]
SNIPPETS = [
    "{{7*7}}", "{{ ''.__class__ }}", "*a", "&a", "!!python/name:os.system", "\0", "---", "${env:X}", "${file:/etc/x}",
    "{", "}", "[", "]", ": ", "- ", "\t", "\u2028", "%", "|", "'", '"', "\ud800", "<<", "1e999", "9" * 400,
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(SNIPPETS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def check(loaded: Loaded, texts: list[Text]) -> None:
    compiled = compile_resources(loaded.resources, FakeCatalogue(), unusable=loaded.unusable)
    for problem in locate([*loaded.problems, *compiled.problems], texts):
        assert problem.message
        assert str(problem)
        assert json.dumps(problem.to_json())
    if not errors([*loaded.problems, *compiled.problems]):
        assert json.loads(compiled.to_json())["parts"] is not None


@st.composite
def mutated_texts(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(text)))
        end = draw(st.integers(begin, min(len(text), begin + 12)))
        text = text[:begin] + draw(st.sampled_from(SNIPPETS) | st.text(max_size=4)) + text[end:]
    return text


@st.composite
def mutated_data(draw: st.DrawFn) -> Any:
    data = json.loads(json.dumps(draw(st.sampled_from(DATA))))
    value = data
    while isinstance(value, dict | list) and value:
        keys: list[Any] = sorted(value) if isinstance(value, dict) else list(range(len(value)))
        key = draw(st.sampled_from(keys))
        if not isinstance(value[key], dict | list) or not value[key] or draw(st.booleans()):
            value[key] = draw(JSON)
            break
        value = value[key]
    return data


@settings(max_examples=300, deadline=None, derandomize=True)
@given(mutated_texts(), st.sampled_from(["a.yaml", "a.json"]))
def test_r2_a_mutated_text_gives_a_plan_or_problems(text: str, file: str) -> None:
    texts = [Text(text, file)]
    check(load_texts(texts), texts)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(mutated_data())
def test_r2_mutated_data_gives_a_plan_or_problems(data: Any) -> None:
    check(load_data([data]), [])
