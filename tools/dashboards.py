"""Makes the dashboards for Grafana from short descriptions: panels with their queries, in rows.

Units: Grafana's own words, such as `reqps`, `s`, `bytes`, `percentunit`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WIDTH = 24
_HEIGHT = 8
_LOW = 4
_SCHEMA = 39
_SOURCE = {"type": "prometheus", "uid": "${source}"}


@dataclass(frozen=True, slots=True)
class Query:
    """A query, and what its lines are called: `{{route}}` stands for the value of a label."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel; of one with a number and no lines `is_number` holds."""

    title: str
    description: str
    unit: str
    queries: Sequence[Query]
    width: int = 12
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard: its panels by row, and the variables that choose what it shows, with queries for their values."""

    name: str
    title: str
    rows: Mapping[str, Sequence[Panel]]
    variables: Mapping[str, str]


def grafana(dashboard: Dashboard) -> str:
    """The dashboard as Grafana imports it."""
    told = {
        "uid": f"penstock-{dashboard.name}",
        "title": dashboard.title,
        "tags": ["penstock"],
        "timezone": "browser",
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "schemaVersion": _SCHEMA,
        "templating": {"list": [_source(), *(_variable(*one) for one in dashboard.variables.items())]},
        "panels": list(_panels(dashboard)),
    }
    return json.dumps(told, indent=2) + "\n"


def _source() -> dict[str, Any]:
    return {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": _SOURCE,
        "query": query,
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _panels(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    number, top = 1, 0
    for title, panels in dashboard.rows.items():
        place = {"x": 0, "y": top, "w": _WIDTH, "h": 1}
        yield {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}
        number, top, left, height = number + 1, top + 1, 0, 0
        for panel in panels:
            if left + panel.width > _WIDTH:
                top, left = top + height, 0
            height = _LOW if panel.is_number else _HEIGHT
            yield _panel(number, panel, {"x": left, "y": top, "w": panel.width, "h": height})
            number, left = number + 1, left + panel.width
        top += height


def _panel(number: int, panel: Panel, place: Mapping[str, int]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": number,
        "type": "stat" if panel.is_number else "timeseries",
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + position),
                "datasource": _SOURCE,
                "expr": query.expression,
                "legendFormat": query.legend or "__auto",
                "range": True,
            }
            for position, query in enumerate(panel.queries)
        ],
    }
    if not panel.is_number:
        told["options"] = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
    return told
