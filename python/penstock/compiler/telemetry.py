"""Telemetry as the plan says it."""

from penstock.base.problem import Steps
from penstock.compiler import plan_types
from penstock.compiler.access_logs import compile_access_logs
from penstock.compiler.collectors import check_collector_tls, compile_collector
from penstock.compiler.compiled import Fragment
from penstock.filters.catalogue import Catalogue
from penstock.model.kinds import resource_key
from penstock.model.telemetry import Telemetry
from penstock.model.tracing import Tracing

ZIPKIN_PATH = "/api/v2/spans"


def compile_telemetry(telemetry: Telemetry, catalogue: Catalogue, fragment: Fragment) -> None:
    """The part of a resource that says what is recorded.

    What it says of metrics is for the supervisor alone, and no part of the plan.
    """
    _check_metrics(telemetry, catalogue, fragment)
    fragment.parts[resource_key("Telemetry", telemetry.name)] = {
        "kind": "telemetry",
        "name": telemetry.name,
        "access_logs": compile_access_logs(telemetry, catalogue, fragment),
        "otlp": compile_collector(telemetry.otlp, ("otlp",), catalogue, fragment) if telemetry.otlp else None,
        "tracing": _tracing(telemetry, catalogue, fragment),
    }


def _check_metrics(telemetry: Telemetry, catalogue: Catalogue, fragment: Fragment) -> None:
    if telemetry.metrics is None:
        return
    collector = telemetry.metrics.otlp
    path: Steps = ("metrics", "otlp")
    if collector is not None:
        check_collector_tls(collector, path, catalogue, fragment)
    else:
        collector, path = telemetry.otlp, ("otlp",)
    if collector is None:
        if fragment.is_whole(path) and fragment.is_whole(("metrics", "otlp")):
            fragment.error(("metrics",), "nobody takes the metrics", "write `otlp: {endpoint: http://127.0.0.1:4317}`")
    elif collector.tls is not None and collector.tls.certificate is not None:
        hint = "give metrics a collector of their own that asks for none"
        fragment.error((*path, "tls", "certificate"), "metrics are sent without a certificate", hint)
    elif collector.tls is not None and collector.tls.insecure and collector.protocol == "grpc":
        hint = "write `protocol: http`, or its `ca`"
        fragment.error((*path, "tls", "insecure"), "metrics are sent over gRPC to nobody who is not known", hint)


def route_tracing(share: int | str | None) -> plan_types.RouteTracing | None:
    """What a route says of traces."""
    if share is None:
        return None
    return {"ratio_millionths": share} if isinstance(share, int) else "off"


def _tracing(telemetry: Telemetry, catalogue: Catalogue, fragment: Fragment) -> plan_types.Tracing | None:
    tracing = telemetry.tracing
    if tracing is None:
        return None
    for name, template in tracing.attributes.items():
        problem = catalogue.check_template(template)
        if problem:
            fragment.error(("tracing", "attributes", name), problem)
    collector = _traces_collector(telemetry, tracing, catalogue, fragment)
    if collector is None:
        return None
    return {
        "collector": collector,
        "format": "zipkin" if tracing.zipkin else "otlp",
        "service_name": tracing.service_name,
        "resource": dict(tracing.resource),
        "ratio_millionths": tracing.sampling,
        "parent": tracing.parent,
        "stranger_every_us": tracing.strangers.period * 1000 // tracing.strangers.number,
        "propagation": list(tracing.propagation),
        "attributes": [{"name": name, "template": text} for name, text in tracing.attributes.items()],
    }


def _traces_collector(
    telemetry: Telemetry, tracing: Tracing, catalogue: Catalogue, fragment: Fragment
) -> plan_types.Collector | None:
    if tracing.zipkin is not None:
        collector = compile_collector(tracing.zipkin, ("tracing", "zipkin"), catalogue, fragment)
        return {**collector, "path": collector["path"] or ZIPKIN_PATH}
    if tracing.otlp is not None:
        return compile_collector(tracing.otlp, ("tracing", "otlp"), catalogue, fragment)
    if telemetry.otlp is not None:
        return compile_collector(telemetry.otlp, ("otlp",), catalogue, Fragment(secrets=fragment.secrets))
    if all(fragment.is_whole(path) for path in (("otlp",), ("tracing", "otlp"), ("tracing", "zipkin"))):
        fragment.error(("tracing",), "nobody takes the traces", "write `otlp: {endpoint: http://127.0.0.1:4317}`")
    return None
