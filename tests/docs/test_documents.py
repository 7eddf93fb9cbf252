"""What the documents show works: their YAML validates, their Python runs, their commands exist.

A YAML block is a whole configuration, beside which the tests' certificates lie. A Python block whose first line is a
comment with a path is written there, for the configurations of its page to name; any other is run.
"""

import importlib.util
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from penstock.cli.commands import COMMANDS
from penstock.cli.main import main
from tools.repository import ROOT, text, with_suffix

if TYPE_CHECKING:
    from penstock.testing import StartGateway

pytest_plugins = ["penstock.testing"]

FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
VARIABLE = re.compile(r"\$\{env:(\w+)\}")
FILE = re.compile(r"# ([\w./-]+\.py)\n")
PAGES = [path for path in with_suffix(".md") if path.name == "README.md" or path.match("docs/guide/*.md")]

core = importlib.import_module("penstock._core")
needs_core = pytest.mark.skipif(not hasattr(core, "native_filters"), reason="the core has no filters to check against")
needs_sdk = pytest.mark.skipif(importlib.util.find_spec("penstock.sdk") is None, reason="there is no penstock.sdk")


@dataclass(frozen=True)
class Block:
    """One fenced block, and the page it stands on."""

    page: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(language: str) -> list[Block]:
    return [
        Block(page, text(page).count("\n", 0, match.start()) + 2, match["text"])
        for page in PAGES
        for match in FENCE.finditer(text(page))
        if match["language"] == language
    ]


def files_of(page: Path) -> dict[str, str]:
    """The Python files that a page shows, by path."""
    shown = (block.text for block in blocks("python") if block.page == page)
    return {match[1]: code for code in shown if (match := FILE.match(code))}


@needs_core
@needs_sdk
@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_a_configuration_that_a_page_shows_has_no_problems(
    block: Block, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in VARIABLE.findall(block.text):
        monkeypatch.setenv(variable, "set")
    for name, code in files_of(block.page).items():
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(code)
    for file in (ROOT / "tests/certificates").iterdir():
        shutil.copy(file, tmp_path)
    (tmp_path / "gateway.yaml").write_text(block.text)
    assert main(["validate", "-c", str(tmp_path / "gateway.yaml")]) == 0, capsys.readouterr().err
    assert capsys.readouterr().err == ""


@needs_core
@needs_sdk
@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_that_a_page_shows_runs(block: Block, penstock_gateway: "StartGateway") -> None:
    shown: dict[str, Any] = {"__name__": "shown"}
    exec(compile(block.text, str(block), "exec"), shown)
    for test in [value for name, value in shown.items() if name.startswith("test_")]:
        test(penstock_gateway)


@needs_core
@needs_sdk
def test_the_example_configuration_has_no_problems(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "-c", str(ROOT / "examples/penstock.yaml")]) == 0, capsys.readouterr().err


@pytest.mark.skipif("run" not in COMMANDS, reason="the command line is not complete")
def test_every_command_that_a_document_names_exists() -> None:
    commands = re.compile(r"(?:^ {4}|`|bin/)penstock ([a-z]+)", re.MULTILINE)
    named = {(word, str(path)) for path in with_suffix(".md") for word in commands.findall(text(path))}
    assert [f"{path}: penstock {word}" for word, path in sorted(named) if word not in COMMANDS] == []
