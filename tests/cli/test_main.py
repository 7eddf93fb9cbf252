"""The commands as users call them: output, exit codes, files."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from penstock.cli.commands import COMMANDS, load_command
from penstock.cli.main import main
from penstock.cli.page import fields_page
from penstock.filters import native
from penstock.filters.catalogue import FilterKind
from penstock.model import KINDS
from tests.filters.catalogue_fake import FakeCatalogue

LISTENER = "kind: Listener\nname: web\naddress: 127.0.0.1:8080\n---\n"
ROUTE = "kind: Route\nname: a\nto: http://127.0.0.1:1\n"
GOOD = LISTENER + ROUTE
BAD = "kind: Route\nname: a\nto: http://127.0.0.1:1\npth: /x\n"

Run = Callable[..., SimpleNamespace]


@pytest.fixture
def penstock(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    for module in ("penstock.cli.configuration", "penstock.cli.filters"):
        monkeypatch.setattr(f"{module}.native_catalogue", FakeCatalogue)

    def run(*arguments: str | Path) -> SimpleNamespace:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.yaml"


def test_the_catalogue_of_the_commands_is_the_cores() -> None:
    assert callable(native.native_catalogue)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_list_is_there(name: str) -> None:
    assert callable(load_command(name).run)


def test_a_good_configuration_is_valid(penstock: Run, file: Path) -> None:
    file.write_text(GOOD)
    result = penstock("validate", "-c", file)
    assert (result.code, result.out, result.err) == (0, f"{file} is fine: 1 listener, 1 route\n", "")


def test_a_configuration_without_a_listener_is_warned_of(penstock: Run, file: Path) -> None:
    file.write_text(ROUTE)
    result = penstock("validate", "-c", file)
    assert (result.code, result.out) == (0, f"{file} is fine: 1 route, 1 warning\n")
    assert f"{file}: warning: no listener: nothing is served\n    add one: " in result.err
    file.write_text(f"{LISTENER.replace('name: web', 'name: web, enabled: false')}{ROUTE}".replace(", ", "\n"))
    assert "no listener is enabled" in penstock("validate", "-c", file).err


def test_what_else_is_wrong_is_not_hidden_behind_a_missing_listener(penstock: Run, file: Path) -> None:
    file.write_text(BAD)
    assert "listener" not in penstock("validate", "-c", file).err


def test_a_bad_configuration_is_refused_with_the_place_and_a_hint(penstock: Run, file: Path) -> None:
    file.write_text(BAD)
    result = penstock("validate", "-c", file)
    assert result.code == 1
    problem = f"{file}:4:1: route/a: pth: unknown key `pth`\n    did you mean `path`?\n"
    assert (result.out, result.err) == ("", f"{problem}{file}: 1 problem\n")


def test_problems_as_json_have_all_fields(penstock: Run, file: Path) -> None:
    file.write_text(BAD)
    result = penstock("validate", "-c", file, "-o", "json")
    assert result.code == 1
    (problem,) = json.loads(result.out)["problems"]
    assert problem == {
        "severity": "error", "file": str(file), "line": 4, "column": 1, "resource": "route/a", "path": "pth",
        "message": "unknown key `pth`", "hint": "did you mean `path`?",
    }  # fmt: skip


def test_a_warning_is_shown_and_refuses_nothing(penstock: Run, file: Path) -> None:
    file.write_text(
        f"{GOOD}when: request.id\n---\n{ROUTE.replace('name: a', 'name: b')}when: request.id\npriority: 1\n"
    )
    result = penstock("validate", "-c", file)
    assert (result.code, "warning" in result.err) == (0, True)


def test_a_plan_is_printed_only_if_nothing_refuses_it(penstock: Run, file: Path) -> None:
    file.write_text(GOOD)
    assert "route/a" in json.loads(penstock("plan", "-c", file).out)["parts"]
    file.write_text(BAD)
    result = penstock("plan", "-c", file)
    assert (result.code, result.out) == (1, "")


def test_formatting_keeps_comments_and_is_done_once(penstock: Run, file: Path) -> None:
    file.write_text(
        "# head\nkind:   Route\nname: a # why\nhosts:\n- 'a.b'\n-   c.d\nto: http://127.0.0.1:1\n\n\n---\n# end\n"
    )
    file.chmod(0o640)
    assert penstock("fmt", "-c", file, "--check").code == 2
    assert penstock("fmt", "-c", file).code == 0
    assert file.read_text() == (
        "# head\nkind: Route\nname: a # why\nhosts:\n  - 'a.b'\n  - c.d\nto: http://127.0.0.1:1\n---\n# end\n"
    )
    assert file.stat().st_mode & 0o777 == 0o640
    assert penstock("fmt", "-c", file, "--check").code == 0


def test_a_file_that_cannot_be_read_is_left_as_it_is(penstock: Run, file: Path) -> None:
    file.write_text("a: 1\na:   2\n")
    result = penstock("fmt", "-c", file)
    assert (result.code, file.read_text()) == (1, "a: 1\na:   2\n")
    assert "given twice" in result.err


def test_filters_are_listed_and_shown(penstock: Run) -> None:
    assert "Forward      Sends the request to an upstream." in penstock("filters").out
    assert "Results: too_large" in penstock("filters", "MaxBodySize").out
    assert json.loads(penstock("filters", "Respond", "-o", "json").out)["name"] == "Respond"
    result = penstock("filters", "Forwrd")
    assert (result.code, result.err) == (2, "penstock: no filter is called Forwrd; did you mean `Forward`?\n")


@pytest.mark.parametrize("kind", native.native_catalogue().kinds.values(), ids=lambda kind: kind.name)
def test_a_page_of_a_filter_tells_its_results_once(kind: FilterKind, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["filters", kind.name]) == 0
    assert capsys.readouterr().out.count("Results:") == bool(kind.results)


def test_a_page_says_what_may_be_written_for_each_setting_and_what_holds_without() -> None:
    schema = {
        "properties": {
            "limit": {"type": "integer", "minimum": 1, "description": "Most of it."},
            "parts": {"$ref": "#/$defs/Part", "description": "More."},
        },
        "required": ["limit"],
        "$defs": {"Part": {"properties": {"is_on": {"type": "boolean", "default": True, "description": "Or not."}}}},
    }
    assert fields_page("Settings", schema).splitlines() == [
        "Settings:", "  limit: number from 1, required", "      Most of it.", "  parts: Part", "      More.", "",
        "Part:", "  is_on: true or false, default true", "      Or not.",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_resource_is_listed_and_has_a_page(penstock: Run, kind: str) -> None:
    assert f"\n{kind} " in f"\n{penstock('kinds').out}"
    page = penstock("kinds", kind).out
    assert [field for field in KINDS[kind].model_fields if f"\n  {field}: " not in page] == []


def test_a_misspelt_kind_is_told_with_the_one_that_is_meant(penstock: Run) -> None:
    result = penstock("kinds", "Upstrem")
    assert (result.code, result.out) == (2, "")
    assert result.err == "penstock: no kind of resource is called Upstrem; did you mean `Upstream`?\n"


def test_a_new_filter_is_a_python_file_that_is_never_overwritten(penstock: Run, tmp_path: Path) -> None:
    assert penstock("new", "filter", "AddHTTPTenant", "--folder", tmp_path / "filters").code == 0
    file = tmp_path / "filters" / "add_http_tenant.py"
    code: Any = compile(file.read_text(), file, "exec")
    assert "AddHTTPTenant" in code.co_names
    file.write_text("mine")
    assert penstock("new", "filter", "AddHTTPTenant", "--folder", tmp_path / "filters").code == 1
    assert file.read_text() == "mine"


@pytest.mark.parametrize("name", ["addTenant", "../X", "A b", "", "None"])
def test_what_is_no_class_name_is_refused(penstock: Run, tmp_path: Path, name: str) -> None:
    assert penstock("new", "filter", name, "--folder", tmp_path).code == 2
    assert list(tmp_path.iterdir()) == []


def test_the_version_is_printed(penstock: Run) -> None:
    assert penstock("version").out.startswith("penstock ")


@pytest.mark.parametrize("arguments", [["validate"], ["validate", "-c", "x", "-o", "xml"]])
def test_wrong_usage_exits_with_two(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("word", "hint"), [("vaildate", "did you mean `validate`?"), ("frobnicate", "`penstock --help` lists them")]
)
def test_an_unknown_command_is_told_in_one_line(penstock: Run, word: str, hint: str) -> None:
    result = penstock(word, "-c", "x")
    assert (result.code, result.err) == (2, f"penstock: no command is called {word}; {hint}\n")


def test_help_imports_neither_pydantic_nor_yaml() -> None:
    lines = [
        "import sys",
        "from penstock.cli.main import main",
        "try:",
        "    main(['--help'])",
        "except SystemExit:",
        "    print(*[name for name in ('pydantic', 'yaml') if name in sys.modules])",
    ]
    script = "\n".join(lines)
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert output.splitlines()[-1] == ""


def stdin(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))


def test_a_dash_is_standard_input(penstock: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, BAD)
    assert penstock("validate", "-c", "-").err.startswith("-:4:1: route/a: pth: unknown key `pth`\n")
    stdin(monkeypatch, "a:   1 # x\n")
    assert (result := penstock("fmt", "-c", "-")).code == 0
    assert result.out == "a: 1   # x\n"
    stdin(monkeypatch, "a:   1\n")
    assert penstock("fmt", "-c", "-", "--check").code == 2
    stdin(monkeypatch, "a: [\n")
    assert (result := penstock("fmt", "-c", "-")).code == 1
    assert (result.out, result.err.startswith("-: not YAML")) == ("", True)


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (["validate"], {"problems"}),
        (["plan"], {"parts"}),
        (["fmt"], {"changed", "failed"}),
        (["explain", "GET", "http://a/"], {"problems"}),
        (["version"], {"penstock", "python", "machine"}),
    ],
)
def test_machine_output_is_json_on_standard_output(
    penstock: Run, file: Path, arguments: list[str], keys: set[str]
) -> None:
    file.write_text(BAD if arguments[0] == "explain" else GOOD)
    result = penstock(*arguments, "-o", "json", *([] if arguments[0] == "version" else ["-c", file]))
    assert (json.loads(result.out).keys(), result.err) == (keys, "")


def test_people_are_not_shown_every_one_of_a_hundred_thousand_problems(penstock: Run, file: Path) -> None:
    file.write_text(f"{GOOD}labels:\n" + "".join(f"  k{index}: 1\n" for index in range(1500)))
    shown = penstock("validate", "-c", file).err.splitlines()
    assert len(shown) == 2002
    assert shown[-1] == f"{file}: 1,500 problems"
    assert shown[-2] == "and 500 more; `penstock validate -o json` lists all"
    assert len(json.loads(penstock("validate", "-c", file, "-o", "json").out)["problems"]) == 1500
