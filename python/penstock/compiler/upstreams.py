"""Upstreams as the plan says them; a URL stands for one with a single endpoint."""

from penstock.compiler import plan_types
from penstock.compiler.plan_types import UpstreamBody
from penstock.model.endpoint_url import EndpointUrl
from penstock.model.upstream import Endpoint, Retry, Upstream


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
        "idle_connections": upstream.idle_connections,
        "retry": _retry(upstream.retry) if upstream.retry else None,
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
        "host": endpoint.url.host,
        "path": endpoint.url.path,
        "weight": endpoint.weight,
        "tags": list(endpoint.tags),
    }
