"""Makes the reference: a page for each kind of resource and for each filter, from their schemas."""

from collections.abc import Iterable, Iterator, Mapping
from textwrap import dedent
from typing import Any

from penstock.filters.catalogue import FilterKind
from penstock.model.field_words import default_of, is_part, type_of
from penstock.runtime.measures.readings import Metric

Schema = Mapping[str, Any]


class Gap(Exception):  # noqa: N818 - says what was found
    """Something that the reference should say and nobody wrote."""


def resource_page(kind: str, schema: Schema, example: str) -> str:
    """The page of one kind of resource, the parts it is made of below it.

    Raises: Gap if a field has no description, or the kind no example.
    """
    if not example.strip():
        raise Gap(f"{kind} has no example")
    shown = f"```yaml\n{dedent(example).strip()}\n```"
    return "\n\n".join([f"# {kind}", _described(kind, schema), shown, *_tables(kind, schema)]) + "\n"


def filter_page(kind: FilterKind) -> str:
    """The page of one filter.

    Raises: Gap if it or one of its settings has no description.
    """
    page = kind.page.strip()
    if not page or not kind.example.strip():
        raise Gap(f"filter {kind.name} has no page or no example")
    facts = [] if "Results:" in page else [f"Results: {', '.join(f'`{one}`' for one in kind.results) or 'none'}."]
    facts.append("Needs the whole body." if kind.buffers_body else "Bodies stream through.")
    shown = [] if "```" in page else [f"```yaml\n{kind.example.strip()}\n```"]
    tables = _tables(kind.name, kind.schema)
    source = f"Source: `{kind.source}`"
    return "\n\n".join([f"# {kind.name}", page, *shown, *tables, " ".join(facts), source]) + "\n"


def metrics_page(metrics: Iterable[Metric]) -> str:
    """The page of all metrics.

    Raises: Gap if one is not described.
    """
    rows = ["| metric | kind | labels | meaning |", "| --- | --- | --- | --- |"]
    for metric in sorted(metrics, key=lambda one: one.name):
        if not metric.help.strip():
            raise Gap(f"metric {metric.name} has no description")
        rows.append(f"| `{metric.name}` | {metric.type} | {', '.join(metric.labels)} | {metric.help} |")
    return "\n".join(["# Metrics", "", *rows]) + "\n"


def reasons_page(reasons: Iterable[Mapping[str, Any]]) -> str:
    """The page of all reasons for which the gateway itself refuses a request or gives it up.

    Raises: Gap if one is not explained.
    """
    rows = ["| reason | status | fault of | meaning |", "| --- | --- | --- | --- |"]
    for reason in reasons:
        if not reason["meaning"].strip():
            raise Gap(f"reason {reason['reason']} is not explained")
        rows.append(f"| `{reason['reason']}` | {reason['status'] or ''} | {reason['blame']} | {reason['meaning']} |")
    return "\n".join(["# Reasons", "", _OF_REASONS, "", *rows]) + "\n"


def index_page(kinds: Mapping[str, Schema], filters: Iterable[FilterKind]) -> str:
    """The page that leads to all others."""
    resources = [f"- [{kind}]({kind.lower()}.md): {_summary(_described(kind, kinds[kind]))}" for kind in kinds]
    steps = [f"- [{kind.name}](filters/{kind.name}.md): {kind.summary}" for kind in filters]
    lists = ["## Resources", "", *resources, "", "## Filters", "", *steps, "", "## Else", "", *_ELSE]
    return "\n".join(["# Reference", "", *lists]) + "\n"


_ELSE = (
    "- [Commands](commands.md)",
    "- [Admin API](admin-api.md)",
    "- [Metrics](metrics.md)",
    "- [Reasons](reasons.md), for which the gateway itself refuses a request",
)
_OF_REASONS = """Why the gateway itself refuses a request or gives it up: the word that the access log has as
`reason`, and `penstock_failures_total` as a label. Where there is no status a connection or a stream is ended, or
nobody is there to be told; the log then says 499."""


def _tables(owner: str, schema: Schema) -> Iterator[str]:
    """The table of its fields, and below it one for each part they are made of."""
    definitions = schema.get("$defs", {})
    yield _table(owner, schema, definitions)
    for name, part in definitions.items():
        if is_part(part):
            yield f"## {name}\n\n{part.get('description', '')}"
            for one in (part, *part.get("anyOf", ())):
                if "properties" in one:
                    yield _table(f"{owner}.{name}", one, definitions)


def _table(owner: str, schema: Schema, definitions: Mapping[str, Schema]) -> str:
    rows = list(_rows(owner, schema, definitions))
    if not rows:
        return "It has no fields."
    return "\n".join(["| field | type | default | meaning |", "| --- | --- | --- | --- |", *rows])


def _rows(owner: str, schema: Schema, definitions: Mapping[str, Schema]) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        default = "required" if name in required else default_of(field)
        # A part's own words stand for those of a field that says the same.
        part = definitions.get(str(field.get("$ref", "")).rpartition("/")[2], {})
        meaning = " ".join(_described(f"{owner}.{name}", {**part, **field}).split()).replace("|", "\\|")
        yield f"| `{name}` | {type_of(field, definitions)} | {default} | {meaning} |"


def _described(what: str, schema: Schema) -> str:
    text: str = schema.get("description", "")
    if not text.strip():
        raise Gap(f"{what} has no description")
    return text


def _summary(text: str) -> str:
    return text.partition("\n")[0]
