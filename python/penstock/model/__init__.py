"""Resources as users write them: kinds, fields, defaults and the checks that need no other resource."""

from penstock.model.access_log import AccessLog
from penstock.model.consumer import Consumer
from penstock.model.kinds import KINDS, resource_key
from penstock.model.listener import Limits, Listener
from penstock.model.patterns import HostPattern, PathPattern, ValueTest
from penstock.model.pipeline import Pipeline
from penstock.model.plugin import Plugin
from penstock.model.resource import Resource
from penstock.model.route import Route
from penstock.model.step import Step
from penstock.model.stream_route import TcpRoute, TlsRoute, UdpRoute
from penstock.model.telemetry import Telemetry
from penstock.model.test import Test
from penstock.model.upstream import Endpoint, Retry, Timeouts, Upstream

__all__ = [
    "KINDS",
    "AccessLog",
    "Consumer",
    "Endpoint",
    "HostPattern",
    "Limits",
    "Listener",
    "PathPattern",
    "Pipeline",
    "Plugin",
    "Resource",
    "Retry",
    "Route",
    "Step",
    "TcpRoute",
    "Telemetry",
    "Test",
    "Timeouts",
    "TlsRoute",
    "UdpRoute",
    "Upstream",
    "ValueTest",
    "resource_key",
]
