"""Generates what is made from models and the core: writes it, or checks that it is fresh.

generate.py write|check [schemas|dashboards|plan_types]
generate.py docs
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from penstock import _core  # noqa: E402
from penstock.model.kinds import KINDS  # noqa: E402
from penstock.model.schema import combined_schema, kind_schema  # noqa: E402
from tools import reference  # noqa: E402
from tools.dashboards import grafana  # noqa: E402
from tools.panels import DASHBOARDS  # noqa: E402
from tools.plan_types import plan_types as typed_plan  # noqa: E402
from tools.reference_commands import commands_page  # noqa: E402
from tools.reference_endpoints import endpoints_page  # noqa: E402

Files = dict[Path, str]
"""What should be written where."""


def schemas() -> Files:
    """The JSON Schemas for editors: one per kind, and one for all."""
    folder = ROOT / "schemas"
    found = {folder / f"{name.lower()}.json": _json(kind_schema(model)) for name, model in KINDS.items()}
    found[folder / "penstock.json"] = _json(combined_schema())
    return found


def plan_types() -> Files:
    """The plan's types for mypy, from the schema that the core exports."""
    text = typed_plan(json.loads(_core.plan_schema()))
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", "plan_types.py", "-"]
    formatted = subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=ROOT)
    return {ROOT / "python/penstock/compiler/plan_types.py": formatted.stdout}


def docs() -> Files:
    """The reference, built and never committed."""
    from penstock.admin.app import OPERATIONS  # noqa: PLC0415 - loads the web framework
    from penstock.admin.description import describe  # noqa: PLC0415 - as above
    from penstock.admin.metrics import all_metrics  # noqa: PLC0415 - asks the core for what it counts
    from penstock.cli.main import every_parser  # noqa: PLC0415 - loads every command
    from penstock.filters.native import native_catalogue  # noqa: PLC0415 - asks the core for its filters

    folder = ROOT / "build" / "docs" / "reference"
    kinds = {name: kind_schema(model) for name, model in KINDS.items()}
    filters = sorted(native_catalogue().kinds.values(), key=lambda kind: kind.name)
    pages = {
        folder / f"{name.lower()}.md": reference.resource_page(name, schema, KINDS[name].example)
        for name, schema in kinds.items()
    }
    pages |= {folder / "filters" / f"{kind.name}.md": reference.filter_page(kind) for kind in filters}
    pages[folder / "metrics.md"] = reference.metrics_page(all_metrics())
    pages[folder / "reasons.md"] = reference.reasons_page(json.loads(_core.reasons()))
    pages[folder / "commands.md"] = commands_page(every_parser())
    pages[folder / "admin-api.md"] = endpoints_page(describe(OPERATIONS))
    return {**pages, folder / "index.md": reference.index_page(kinds, filters)}


def dashboards() -> Files:
    """The dashboards for Grafana, to be imported as they are."""
    folder = ROOT / "dashboards" / "grafana"
    return {folder / f"{one.name}.json": grafana(one) for one in DASHBOARDS}


TARGETS: dict[str, Callable[[], Files]] = {"schemas": schemas, "dashboards": dashboards}
if hasattr(_core, "plan_schema"):
    TARGETS["plan_types"] = plan_types


def main(arguments: list[str] | None = None) -> int:
    """Write the files of the targets, or list the stale ones and fail."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["write", "check", "docs"])
    parser.add_argument("target", nargs="?", choices=list(TARGETS))
    options = parser.parse_args(arguments)
    if options.mode == "docs":
        write(docs())
        return 0
    chosen = [options.target] if options.target else list(TARGETS)
    stale = [name for name in chosen if (write if options.mode == "write" else is_stale)(TARGETS[name]())]
    if options.mode == "check":
        for name in stale:
            print(f"{name} are stale; run: python tools/generate.py write {name}", file=sys.stderr)
        return 1 if stale else 0
    return 0


def is_stale(files: Files) -> bool:
    """Whether a file differs from what should be in it, or lies there without being wanted."""
    return any(True for _ in stale_files(files))


def stale_files(files: Files) -> Iterator[Path]:
    """The files that differ from what should be in them, and those that nothing generates any more."""
    for path, content in files.items():
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            yield path
    for folder in {path.parent for path in files if path.suffix == ".json"}:
        yield from (path for path in folder.glob("*.json") if path not in files)


def write(files: Files) -> bool:
    """Write the files; those that nothing generates any more go. Whether something changed."""
    changed = list(stale_files(files))
    for path in changed:
        if path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path], encoding="utf-8")
        else:
            path.unlink()
    return bool(changed)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
