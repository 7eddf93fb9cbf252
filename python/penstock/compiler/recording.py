"""Resources that say what is recorded, in each other's way: of traces and of metrics one alone can speak."""

from collections.abc import Iterator, Sequence

from penstock.base.problem import Problem
from penstock.model.loading.loaded import Placed
from penstock.model.telemetry import Telemetry

_SPOKEN_OF_ONCE = ("tracing", "metrics")


def check_recording(resources: Sequence[Placed]) -> Iterator[Problem]:
    """What a resource says of traces or metrics although an earlier one does; access logs there can be many of."""
    first: dict[str, str] = {}
    for placed in resources:
        telemetry = placed.resource
        if not isinstance(telemetry, Telemetry):
            continue
        for setting in _SPOKEN_OF_ONCE:
            if getattr(telemetry, setting) is None or placed.lacks(setting):
                continue
            earlier = first.setdefault(setting, telemetry.name)
            if earlier != telemetry.name:
                message = f"telemetry `{earlier}` says of {setting} already what is to become of all"
                yield placed.located(Problem((setting,), message, "say it in one of the two"))
