"""Metrics as text, in the two forms that Prometheus and its kin read.

Source: Prometheus documentation, "Exposition formats", text format 0.0.4; OpenMetrics 1.0.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from penstock.runtime.measures.kinds import BOUNDS_US
from penstock.runtime.measures.readings import Histogram, Labels, Metric

_MICROSECONDS = 1_000_000
_TOTAL = "_total"


@dataclass(frozen=True, slots=True)
class Form:
    """One form of the text: how it is called, what counters are called in their heads, how it ends."""

    media_type: str
    counter_suffix: str
    end: str
    quotes_helps: bool
    bounds: tuple[str, ...]


PLAIN = Form(
    "text/plain; version=0.0.4; charset=utf-8",
    _TOTAL,
    "",
    quotes_helps=False,
    bounds=tuple(f"{bound / _MICROSECONDS:g}" for bound in BOUNDS_US),
)
OPEN_METRICS = Form(
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
    "",
    "# EOF\n",
    quotes_helps=True,
    bounds=tuple(str(bound / _MICROSECONDS) for bound in BOUNDS_US),
)


def form_for(accept: str) -> Form:
    """The form that a reader wants, from its `Accept`; the plain one unless it likes OpenMetrics better."""
    wanted = dict(map(_media_range, accept.lower().split(",")))
    likes = wanted.get("application/openmetrics-text", 0.0)
    return OPEN_METRICS if likes > 0 and likes >= wanted.get("text/plain", 0.0) else PLAIN


def _media_range(text: str) -> tuple[str, float]:
    media, *parameters = (part.strip() for part in text.split(";"))
    given = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    try:
        return media, min(1.0, max(0.0, float(given)))
    except ValueError:
        return media, 0.0


def exposition(metrics: Iterable[Metric], form: Form = PLAIN) -> str:
    """The text; a metric without samples is left out."""
    lines = (line for metric in metrics if metric.samples for line in _lines(metric, form))
    return "".join(f"{line}\n" for line in lines) + form.end


def _lines(metric: Metric, form: Form) -> Iterator[str]:
    family = metric.name
    if metric.type == "counter":
        family = metric.name.removesuffix(_TOTAL) + form.counter_suffix
    yield f"# HELP {family} {_escaped(metric.help) if form.quotes_helps else metric.help}"
    yield f"# TYPE {family} {metric.type}"
    for labels, value in metric.samples:
        if isinstance(value, tuple):
            yield from _histogram(metric.name, labels, value, form.bounds)
        else:
            yield f"{metric.name}{_braced(_shown(labels))} {value}"


def _histogram(name: str, labels: Labels, value: Histogram, bounds: tuple[str, ...]) -> Iterator[str]:
    """Buckets hold all that is below them, not only what is between."""
    shown = _shown(labels)
    before = f"{shown}," if shown else ""
    counts, count, total_us = value
    for bound, below in zip(bounds, counts, strict=True):
        yield f'{name}_bucket{{{before}le="{bound}"}} {below}'
    yield f'{name}_bucket{{{before}le="+Inf"}} {count}'
    yield f"{name}_sum{_braced(shown)} {total_us / _MICROSECONDS:.6f}"
    yield f"{name}_count{_braced(shown)} {count}"


def _shown(labels: Labels) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _braced(shown: str) -> str:
    return f"{{{shown}}}" if shown else ""


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
