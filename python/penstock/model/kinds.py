"""The one list of the kinds of resources."""

from penstock.model.certificate import Certificate
from penstock.model.consumer import Consumer
from penstock.model.listener import Listener
from penstock.model.pipeline import Pipeline
from penstock.model.plugin import Plugin
from penstock.model.resource import Resource
from penstock.model.route import Route
from penstock.model.stream_route import TcpRoute, TlsRoute, UdpRoute
from penstock.model.telemetry import Telemetry
from penstock.model.test import Test
from penstock.model.upstream import Upstream

KINDS: dict[str, type[Resource]] = {
    model.__name__: model
    for model in (
        Listener,
        Route,
        Upstream,
        Pipeline,
        Telemetry,
        Plugin,
        Certificate,
        Consumer,
        TcpRoute,
        TlsRoute,
        UdpRoute,
        Test,
    )
}


def resource_key(kind: str, name: str) -> str:
    """What a resource is called in plans, stores and problems: `route/orders`."""
    return f"{kind.lower()}/{name}"
