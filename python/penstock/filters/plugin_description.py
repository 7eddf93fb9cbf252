"""What a plugin holds, found by importing it: runs in a child process that may hang or die.

The parent is `plugin_child`. Neither the supervisor nor `validate` ever imports a stranger's module.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from penstock.base.units import Duration
from penstock.model.loading.validation import explained
from penstock.sdk.failure import describe_failure
from penstock.sdk.filter import Filter, FilterConfig, OnError
from penstock.sdk.plugin_module import import_plugin_file
from penstock.sdk.request import Response

_MOST_RESULTS = 200
_STATUSES = range(200, 600)


def describe_plugin(folder: Path, digest: str, files: list[str]) -> dict[str, Any]:
    """The filters that files define, and what is wrong with them.

    Shape: `files` are relative to the folder; the answer is plain data with `filters` and `problems`.
    """
    filters: list[dict[str, Any]] = []
    problems: list[str] = []
    for file in files:
        try:
            module = import_plugin_file(folder, digest, file)
        except BaseException as error:  # noqa: BLE001 - a module may raise SystemExit too
            problems.append(_import_problem(file, error))
            continue
        for kind in _filter_classes(module):
            place = f"{file}:{_line(kind)}"
            problems += [f"{place}: {kind.__name__}: {problem}" for problem in _class_problems(kind)]
            filters.append(_described(kind, file))
    return {"filters": filters, "problems": problems}


def check_settings(folder: Path, digest: str, checks: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """What is wrong with the settings of some steps, in the same order.

    Shape: each check has `file`, `kind` and `settings` (JSON text); each problem `path`, `message` and `hint`.
    """
    return [_check(folder, digest, check) for check in checks]


def _check(folder: Path, digest: str, check: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        kind: type[Filter] = getattr(import_plugin_file(folder, digest, check["file"]), check["kind"])
        config = kind.Config.model_validate_json(check["settings"])
    except ValidationError as error:
        return [
            {"path": list(problem.path), "message": problem.message, "hint": problem.hint}
            for problem in explained(error, kind.Config)
        ]
    except BaseException as error:  # noqa: BLE001 - a validator may raise anything
        return [{"path": [], "message": f"the filter's settings fail: {describe_failure(error)}", "hint": ""}]
    wrong = _on_error_problem(config.on_error)
    return [{"path": ["on_error"], "message": wrong, "hint": ""}] if wrong else []


def _filter_classes(module: ModuleType) -> Iterator[type[Filter]]:
    """The filters that a module defines itself; a name with an underscore is the author's own affair."""
    for name, value in vars(module).items():
        is_filter = isinstance(value, type) and issubclass(value, Filter) and value.__module__ == module.__name__
        if is_filter and not name.startswith("_") and value.__name__ == name:
            yield value


def _described(kind: Any, file: str) -> dict[str, Any]:
    """What a class says of itself; typed as anything, since its author may have written anything."""
    page = inspect.getdoc(kind) or ""
    try:
        schema = kind.Config.model_json_schema()
    except Exception:  # noqa: BLE001 - said by `_class_problems`
        schema = {}
    return {
        "name": kind.__name__,
        "summary": page.partition("\n")[0],
        "page": page,
        "schema": schema,
        "example": inspect.cleandoc(kind.example) if isinstance(kind.example, str) else "",
        "results": list(kind.results) if isinstance(kind.results, tuple | list) else [],
        "buffers_body": bool(kind.buffers_body),
        "answers": "sometimes" if kind.on_request is not Filter.on_request else "never",
        "file": file,
        "line": _line(kind),
    }


def _class_problems(kind: Any) -> Iterator[str]:
    if kind.__doc__ is None:
        yield "no docstring: it is the manual page, and its first line the summary"
    yield from _config_problems(kind)
    yield from _method_problems(kind)
    results = kind.results
    if not isinstance(results, tuple | list) or not all(isinstance(one, str) and one for one in results):
        yield 'results: write the names as a tuple of texts, such as `results = ("invalid",)`'
    elif len(results) > _MOST_RESULTS or len(set(results)) < len(results):
        yield f"results: at most {_MOST_RESULTS} different names"
    try:
        if not Duration.parse(kind.budget).milliseconds:
            yield "budget: at least 1ms"
    except ValueError as error:
        yield f"budget: {error}"
    problem = None if isinstance(kind.on_error, Response) else _on_error_problem(kind.on_error)
    if problem:
        yield f"on_error: {problem}"


def _config_problems(kind: Any) -> Iterator[str]:
    if not (isinstance(kind.Config, type) and issubclass(kind.Config, FilterConfig)):
        yield "Config: derive it from FilterConfig"
        return
    for name, field in kind.Config.model_fields.items():
        if not field.description:
            yield f'Config.{name}: no description; write `Field(..., description="...")`'
    try:
        kind.Config.model_json_schema()
    except Exception as error:  # noqa: BLE001 - whatever a field's own schema raises
        yield f"Config: no schema can be made of it: {str(error).partition(chr(10))[0]}"


def _method_problems(kind: Any) -> Iterator[str]:
    for name in ("on_request", "on_response"):
        method = getattr(kind, name)
        if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            yield f"{name}: `async def` is not built yet; write `def {name}`, which must not wait"
        elif inspect.isgeneratorfunction(method):
            yield f"{name}: it has a `yield`; return the answer instead"
    if getattr(kind, "runs_in", "worker") != "worker":
        yield f"runs_in: {kind.runs_in!r} is not built yet; filters run in the worker"


def _on_error_problem(value: object) -> str | None:
    if value is None:
        return None
    try:
        found = TypeAdapter(OnError).validate_python(value, strict=True)
    except ValidationError:
        found = 0
    return None if found == "continue" or found in _STATUSES else "write a status from 200 to 599, or `continue`"


def _import_problem(file: str, error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.lineno:
        return f"{file}:{error.lineno}: {error.msg}"
    return f"{file}: importing it failed: {describe_failure(error)}"


def _line(kind: type[Filter]) -> int:
    try:
        return inspect.getsourcelines(kind)[1]
    except (OSError, TypeError):
        return 1
