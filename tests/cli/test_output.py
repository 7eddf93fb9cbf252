"""The forms in which every command prints what it lists or shows, and colours, which are for terminals alone."""

import argparse
import io
import json
from collections.abc import Iterator

import pytest
import yaml

from penstock.cli.colours import complain, has_colours, print_difference
from penstock.cli.main import every_parser, main
from penstock.cli.output import DOCUMENTS, FORMS, show

SILENT = {
    "run", "proxy", "backup", "restore", "confirm", "drain", "undrain", "edit", "new", "completion", "login", "logout",
    "invite", "rollback", "context use", "context remove", "context add", "token revoke",
    "user set", "user delete", "role set", "role delete", "namespace set", "namespace delete", "provider set",
    "provider delete", "plugin push", "plugin sign", "plugin delete",
}  # fmt: skip
"""Commands that do something, or print what has one form: a script, a word, a difference, a page."""


def every_word() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command, and every word behind one, with its parser."""
    waiting = list(every_parser().items())
    while waiting:
        name, parser = waiting.pop()
        words = next((one for one in parser._actions if isinstance(one, argparse._SubParsersAction)), None)
        if words is None:
            yield name, parser
        else:
            waiting += [(f"{name} {word}", below) for word, below in words.choices.items()]


@pytest.mark.parametrize(("name", "parser"), [pytest.param(*one, id=one[0]) for one in every_word()])
def test_every_command_that_shows_something_has_the_same_forms(name: str, parser: argparse.ArgumentParser) -> None:
    forms = next((one.choices for one in parser._actions if "--output" in one.option_strings), None)
    assert (forms is None) == (name in SILENT)
    assert forms in (None, FORMS, DOCUMENTS)


def test_yaml_says_what_json_says(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["filters"], ["filters", "Respond"], ["version"]):
        assert main([*command, "-o", "json"]) == 0
        as_json = json.loads(capsys.readouterr().out)
        assert main([*command, "-o", "yaml"]) == 0
        assert yaml.safe_load(capsys.readouterr().out) == as_json


def test_people_are_told_that_there_is_nothing_and_programs_are_given_it(capsys: pytest.CaptureFixture[str]) -> None:
    for form, out, err in (("table", "", "there is nothing to list\n"), ("json", "[]\n", ""), ("yaml", "[]\n", "")):
        show(argparse.Namespace(output=form), [], lambda: ())
        told = capsys.readouterr()
        assert (told.out, told.err) == (out, err)


class Terminal(io.StringIO):
    """What a terminal is taken for."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("around", "expected"),
    [
        ({}, (True, False)),
        ({"TERM": "dumb"}, (False, False)),
        ({"NO_COLOR": "1"}, (False, False)),
        ({"NO_COLOR": ""}, (True, False)),
        ({"CLICOLOR_FORCE": "1"}, (True, True)),
        ({"CLICOLOR_FORCE": "0"}, (True, False)),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, (False, False)),
    ],
    ids=str,
)
def test_colours_are_for_terminals_and_as_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, around: dict[str, str], expected: tuple[bool, bool]
) -> None:
    for name in ("NO_COLOR", "CLICOLOR_FORCE", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in around.items():
        monkeypatch.setenv(name, value)
    assert (has_colours(Terminal()), has_colours(io.StringIO())) == expected


def test_refusals_are_red_and_differences_red_and_green(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    complain("no")
    print_difference(["--- a", "-old", "+new", " same"])
    printed = capsys.readouterr()
    assert printed.err == "\x1b[31mpenstock:\x1b[0m no\n"
    assert printed.out == "\x1b[31m--- a\x1b[0m\n\x1b[31m-old\x1b[0m\n\x1b[32m+new\x1b[0m\n same\n"
