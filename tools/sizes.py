"""Reports files and Python functions that have grown beyond what reads well. Reports only: size alone is no fault."""

import ast
import sys
from pathlib import Path

from tools.repository import text, with_suffix

FILE_LINES, FUNCTION_LINES = 300, 40


def long_files() -> dict[str, int]:
    """Source files of more than `FILE_LINES` lines; tests in a Rust file do not count."""
    sizes = {}
    for path in with_suffix(".py", ".rs"):
        code = text(path).split("#[cfg(test)]\nmod tests {")[0] if path.suffix == ".rs" else text(path)
        sizes[str(path)] = len(code.splitlines())
    return {name: lines for name, lines in sizes.items() if lines > FILE_LINES}


def long_functions(path: Path) -> dict[str, int]:
    """Functions of one Python file of more than `FUNCTION_LINES` lines."""
    functions = (
        node for node in ast.walk(ast.parse(text(path))) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    sizes = {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1 for node in functions
    }
    return {name: lines for name, lines in sizes.items() if lines > FUNCTION_LINES}


def main() -> int:
    """Print what is long, the longest first; never fails."""
    functions = (item for path in with_suffix(".py") for item in long_functions(path).items())
    rows = sorted([*long_files().items(), *functions], key=lambda item: -item[1])
    print("\n".join(f"{lines:5} lines: {name}" for name, lines in rows) or "nothing is long")
    return 0


if __name__ == "__main__":
    sys.exit(main())
