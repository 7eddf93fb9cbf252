"""Traces, as a real Zipkin server keeps them."""

import re
from collections.abc import Iterator

import pytest

from tests.servers.gateway_process import GatewayProcess
from tests.servers.zipkin import Zipkin
from tests.tracing.test_collector import SPAN, TRACE, ask, configuration
from tests.tracing.told_origin import ToldOrigin

# The first time, programs of others are built or fetched.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def zipkin() -> Iterator[Zipkin]:
    with Zipkin() as running:
        yield running


def sent_to(zipkin: Zipkin, to: str) -> str:
    """A gateway whose traces go there."""
    text = configuration(to, "null", tracing=f"zipkin: {{endpoint: '{zipkin.url}'}}, propagation: [b3, b3multi]")
    return re.sub("otlp: null\n", "", text)


@pytest.mark.parametrize("trace", [TRACE, TRACE[16:]], ids=["128 bits", "64 bits"])
def test_zipkin_keeps_an_exchange_with_a_retry_under_its_callers_span(zipkin: Zipkin, trace: str) -> None:
    with ToldOrigin() as origin, GatewayProcess(sent_to(zipkin, origin.url), workers=1) as gateway:
        headers = {"b3": f"{trace}-{SPAN}-1"} if trace == TRACE else {"x-b3-traceid": trace, "x-b3-spanid": SPAN}
        assert ask(gateway, f"/flaky/{trace}", {"x-b3-sampled": "1", **headers}) == 200
        spans = zipkin.trace(trace, 4)
    [own] = [span for span in spans if span.get("kind") == "SERVER"]
    first, second = sorted((span for span in spans if span.get("kind") == "CLIENT"), key=lambda one: one["timestamp"])
    [step] = [span for span in spans if "kind" not in span]
    assert (own["parentId"], own["name"]) == (SPAN, "get /*")
    assert (own["localEndpoint"]["serviceName"], own["tags"]["http.response.status_code"]) == ("edge", "200")
    assert step["parentId"] == own["id"]
    assert {first["parentId"], second["parentId"]} == {step["id"]}
    assert (first["tags"]["error"], "error" in second["tags"]) == ("503", False)
    assert own["timestamp"] <= step["timestamp"] <= first["timestamp"] <= second["timestamp"]
    assert all(span["duration"] > 0 for span in spans)
    assert [told["x-b3-spanid"] for told in origin.told] == [first["id"], second["id"]]
    assert [told["x-b3-traceid"] for told in origin.told] == [trace] * 2
