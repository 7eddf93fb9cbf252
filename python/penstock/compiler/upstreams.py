"""Upstreams as the plan says them; a URL stands for one with a single endpoint."""

from penstock.compiler import plan_types
from penstock.compiler.compiled import Fragment, Reference
from penstock.compiler.plan_types import UpstreamBody
from penstock.filters.catalogue import Catalogue
from penstock.model.endpoint_url import EndpointUrl
from penstock.model.kinds import resource_key
from penstock.model.upstream import Endpoint, Retry, Upstream, UpstreamTls


def upstream_body(upstream: Upstream, name: str) -> UpstreamBody:
    """The part's body, under a name."""
    timeouts = upstream.timeouts
    return {
        "kind": "upstream",
        "name": name,
        "endpoints": [_endpoint(endpoint) for endpoint in upstream.endpoints],
        "balance": upstream.balance,
        "timeouts": {
            "connect_ms": timeouts.connect.milliseconds,
            "answer_ms": timeouts.answer.milliseconds,
            "idle_ms": timeouts.idle.milliseconds,
            "send_ms": timeouts.send.milliseconds,
            "keep_ms": timeouts.keep.milliseconds,
        },
        # What was said of one client must not be taken for another's.
        "idle_connections": upstream.idle_connections if upstream.proxy_protocol == "off" else 0,
        "protocol": _protocol(upstream),
        "ping": _ping(upstream),
        "proxy_protocol": upstream.proxy_protocol,
        "tls": tls_of(upstream.tls or UpstreamTls()) if any(one.url.is_tls for one in upstream.endpoints) else None,
        "retry": _retry(upstream.retry) if upstream.retry else None,
    }


def check_speech(upstream: Upstream, fragment: Fragment) -> None:
    """Note what is spoken to the endpoints, and what is wrong where that is not the same."""
    fragment.is_enciphered = any(endpoint.url.is_tls for endpoint in upstream.endpoints)
    for index, endpoint in enumerate(upstream.endpoints):
        known = endpoint.url.speaks
        if not fragment.speaks:
            fragment.speaks = known
        if known not in {"", fragment.speaks}:
            message = f"some endpoints speak {fragment.speaks.upper()} and some do not"
            fragment.error(("endpoints", index, "url"), message, "make two upstreams of them")
    _check_protocol(upstream, fragment)
    if fragment.speaks == "udp" and upstream.proxy_protocol != "off":
        fragment.error(("proxy_protocol",), "only connections begin with a PROXY protocol header")


def _check_protocol(upstream: Upstream, fragment: Fragment) -> None:
    """Note endpoints whose URLs say something else than the protocol."""
    protocol = _protocol(upstream)
    if upstream.protocol is not None and fragment.speaks in {"tcp", "udp"}:
        fragment.error(("protocol",), "only endpoints that speak HTTP have a protocol", "leave it out")
        return
    for index, endpoint in enumerate(upstream.endpoints):
        url, place = endpoint.url, ("endpoints", index, "url")
        if url.is_http2 and protocol != "h2c":
            fragment.error(place, f"h2c:// is HTTP/2 in clear text, and the protocol is {protocol}", "write http://")
        elif protocol == "h2c" and url.is_tls:
            fragment.error(place, "h2c is HTTP/2 in clear text", "write http://, or protocol: h2")
        elif protocol == "h2" and not url.is_tls:
            fragment.error(place, "HTTP/2 over TLS needs an https:// URL", "write https://, or protocol: h2c")


def _protocol(upstream: Upstream) -> plan_types.UpstreamProtocol:
    """What is spoken to the endpoints."""
    if upstream.protocol is not None:
        return upstream.protocol
    return "h2c" if any(endpoint.url.is_http2 for endpoint in upstream.endpoints) else "http1"


def _ping(upstream: Upstream) -> plan_types.Ping | None:
    """When endpoints are asked whether they are there; never where they do not speak HTTP/2."""
    ping = upstream.ping
    if _protocol(upstream) == "http1" or not ping.interval.milliseconds:
        return None
    return {"interval_ms": ping.interval.milliseconds, "timeout_ms": ping.timeout.milliseconds}


def check_tls(upstream: Upstream, catalogue: Catalogue, fragment: Fragment) -> None:
    """Note what is wrong with what is asked of endpoints in handshakes, and what it refers to."""
    tls = upstream.tls
    if tls is None:
        return
    if not any(one.url.is_tls for one in upstream.endpoints) and fragment.is_whole(("endpoints",)):
        fragment.warn(("tls",), "no endpoint speaks TLS", "write https:// for those that do")
    if tls.certificate is not None:
        fragment.references.append(Reference(("tls", "certificate"), "certificate", tls.certificate))
    if tls.ca is not None and fragment.is_whole(("tls", "ca")):
        for problem in catalogue.check_client_certificates(tls.ca, None):
            fragment.error(("tls", "ca"), problem.message, problem.hint)
    if tls.insecure:
        fragment.warn(("tls", "insecure"), "anybody between here and the endpoints can read and change all of it")


def tls_of(tls: UpstreamTls) -> plan_types.UpstreamTls:
    """What is asked of those that the gateway connects with."""
    return {
        "authorities": tls.ca,
        "certificate": None if tls.certificate is None else resource_key("Certificate", tls.certificate),
        "server_name": tls.server_name,
        "is_insecure": tls.insecure,
    }


def url_upstream(url: EndpointUrl) -> UpstreamBody:
    """The body of the upstream that a URL stands for; its name is the URL in canonical form."""
    upstream = Upstream(kind="Upstream", name="url", endpoints=(Endpoint(url=url),))
    return upstream_body(upstream, str(url))


def _retry(retry: Retry) -> plan_types.Retry:
    return {
        "attempts": retry.attempts,
        "on": [{"status": cause} if isinstance(cause, int) else cause for cause in retry.on],
        "budget_percent": retry.budget,
    }


def _endpoint(endpoint: Endpoint) -> plan_types.Endpoint:
    return {
        "address": endpoint.url.address,
        "is_tls": endpoint.url.is_tls,
        "host": endpoint.url.host,
        "path": endpoint.url.path,
        "weight": endpoint.weight,
        "tags": list(endpoint.tags),
    }
