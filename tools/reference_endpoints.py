"""Makes the reference of the admin API, from the description that it gives of itself."""

from collections.abc import Iterator, Mapping
from typing import Any

from tools.reference import Gap

Described = Mapping[str, Any]


def endpoints_page(description: Described) -> str:
    """The page of all that the admin API can be asked, in the order of its description.

    Raises: Gap if an operation, a parameter or an answer is not described.
    """
    sections = [
        _section(method.upper(), path, operation)
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    ]
    return "\n\n".join(["# Admin API", _FOREWORD, *sections]) + "\n"


def _section(method: str, path: str, operation: Described) -> str:
    what = f"{method} {path}"
    parts = [f"## {what}", f"{_said(what, operation.get('summary', ''))}.", _needs(operation)]
    if rows := [_parameter(what, parameter) for parameter in operation.get("parameters", ())]:
        parts.append("\n".join(["| parameter | in | type | meaning |", "| --- | --- | --- | --- |", *rows]))
    if "requestBody" in operation:
        parts.append(_body(operation["requestBody"]))
    parts.append("\n".join(["| answer | meaning |", "| --- | --- |", *_answers(what, operation)]))
    return "\n\n".join(part for part in parts if part)


def _needs(operation: Described) -> str:
    needed = operation.get("security")
    if needed == []:
        return "Needs no token."
    return "Needs a token unless it is asked on loopback." if needed and {} in needed else ""


def _parameter(what: str, parameter: Described) -> str:
    if parameter["in"] == "path":
        meaning = parameter.get("description") or f"Of what is meant, its {parameter['name']}."
    else:
        meaning = _said(f"{what} {parameter['name']}", parameter.get("description", ""))
    return f"| `{parameter['name']}` | {parameter['in']} | {_type(parameter['schema'])} | {meaning} |"


def _body(body: Described) -> str:
    return f"Takes {', '.join(f'`{form}`' for form in body['content'])}."


def _answers(what: str, operation: Described) -> Iterator[str]:
    for status, answer in sorted(operation["responses"].items()):
        yield f"| {status} | {_said(f'{what} {status}', answer.get('description', ''))} |"


def _type(schema: Described) -> str:
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    kind = str(schema.get("type", "text")).replace("string", "text").replace("integer", "number")
    low, high = schema.get("minimum"), schema.get("maximum")
    return f"{kind} from {low} to {high}" if low is not None and high is not None else kind


def _said(what: str, text: str) -> str:
    if not text.strip():
        raise Gap(f"{what} is not described")
    return " ".join(text.split()).replace("|", "\\|")


_FOREWORD = """What is written as JSON is described in full at `/openapi.json`. Whatever is refused is answered with
`application/problem+json`: `title`, `status`, `detail` and, where a configuration is at fault, its `problems`."""
