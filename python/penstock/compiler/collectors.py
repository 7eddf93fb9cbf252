"""Collectors as the plan says them: who takes telemetry over the network."""

from penstock.base.problem import Steps
from penstock.compiler import plan_types
from penstock.compiler.compiled import Fragment, Reference
from penstock.compiler.settings import keep_secret
from penstock.compiler.upstreams import tls_of
from penstock.filters.catalogue import Catalogue
from penstock.model.collector import Collector, OtlpCollector
from penstock.model.upstream import UpstreamTls


def compile_collector(
    collector: Collector, path: Steps, catalogue: Catalogue, fragment: Fragment
) -> plan_types.Collector:
    """A collector that stands at a path of the resource."""
    url = collector.endpoint
    check_collector_tls(collector, path, catalogue, fragment)
    return {
        "address": url.address,
        "host": url.host,
        "path": url.path,
        "protocol": collector.protocol if isinstance(collector, OtlpCollector) else "http",
        "headers": [
            {"name": name, "value_hash": keep_secret(value.get_secret_value(), fragment)}
            for name, value in collector.headers.items()
        ],
        "timeout_ms": collector.timeout.milliseconds,
        "tls": tls_of(collector.tls or UpstreamTls()) if url.is_tls else None,
    }


def check_collector_tls(collector: Collector, path: Steps, catalogue: Catalogue, fragment: Fragment) -> None:
    """Notes what is wrong with what is asked of a collector in handshakes."""
    tls = collector.tls
    if tls is None:
        return
    if not collector.endpoint.is_tls and fragment.is_whole((*path, "endpoint")):
        fragment.warn((*path, "tls"), "the collector does not speak TLS", "write https:// if it does")
    if tls.certificate is not None:
        fragment.references.append(Reference((*path, "tls", "certificate"), "certificate", tls.certificate))
    if tls.ca is not None and fragment.is_whole((*path, "tls", "ca")):
        for problem in catalogue.check_client_certificates(tls.ca, None):
            fragment.error((*path, "tls", "ca"), problem.message, problem.hint)
    if tls.insecure:
        fragment.warn(
            (*path, "tls", "insecure"), "anybody between here and the collector can read and change all of it"
        )
