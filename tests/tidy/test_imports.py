"""What a layer does not know: the modules that only certain places may import.

The order of the layers themselves is checked by import-linter (`pyproject.toml`).
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.repository import text, with_suffix

PACKAGE = Path("python/penstock")
MAY_IMPORT = {
    "cryptography": ("runtime/acme/", "runtime/cluster/", "filters/plugin_trust.py"),
    "penstock._core": ("runtime/", "filters/native.py", "sdk/request.py"),
    "sqlite3": ("store/",),
    "grpc": ("store/", "admin/push/"),
    "jwt": ("admin/access/oidc/",),
    "starlette": ("admin/", "console/"),
    "uvicorn": ("admin/", "console/"),
    "yaml": ("base/", "model/", "cli/", "store/", "importers/", "sdk/"),
    "ruamel": ("cli/",),
}


def imported(path: Path) -> Iterator[str]:
    """Every module, and every name taken from one, that a file imports anywhere."""
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("module", MAY_IMPORT)
def test_only_the_places_meant_for_it_import(module: str) -> None:
    offenders = []
    for path in with_suffix(".py"):
        if path.is_relative_to(PACKAGE) and not str(path.relative_to(PACKAGE)).startswith(MAY_IMPORT[module]):
            offenders += [f"{path}: {name}" for name in imported(path) if f"{name}.".startswith(f"{module}.")]
    assert offenders == []


def test_no_task_is_started_and_forgotten() -> None:
    starters = {"create_task", "ensure_future"}
    forgotten = [
        f"{path}:{node.lineno}"
        for path in with_suffix(".py")
        for node in ast.walk(ast.parse(text(path)))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "attr", getattr(node.value.func, "id", "")) in starters
        and "TaskGroup" not in text(path)
    ]
    assert forgotten == []


def test_nothing_waits_in_a_way_that_goes_on_though_it_is_cancelled() -> None:
    """Before Python 3.12 `asyncio.wait_for` does where what it waits for comes in the same turn: `asyncio.timeout`."""
    offenders = [
        path for path in with_suffix(".py") if path.is_relative_to(PACKAGE) and "asyncio.wait_for" in text(path)
    ]
    assert offenders == []
