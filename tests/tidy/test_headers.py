"""Every module opens with a line that says what it owns."""

import ast

from tools.repository import text, with_suffix


def test_every_rust_file_opens_with_a_module_line() -> None:
    assert [str(path) for path in with_suffix(".rs") if not text(path).startswith("//! ")] == []


def test_every_python_module_has_a_docstring() -> None:
    modules = {path: ast.parse(text(path)) for path in with_suffix(".py")}
    assert [str(path) for path, module in modules.items() if module.body and not ast.get_docstring(module)] == []


def test_every_script_says_what_it_does() -> None:
    second_lines = {path: text(path).splitlines()[1:2] for path in with_suffix(".sh")}
    assert [str(path) for path, lines in second_lines.items() if not "".join(lines).startswith("# ")] == []
