"""Autobahn's cases through the gateway, but for chapters 9 (sizes and times), 12 and 13 (compression).

They judge an endpoint; one that passes them all alone has to pass them all behind the gateway.
"""

import asyncio
from collections import Counter
from typing import Any

import pytest
from kosoku import FailureError, run_fuzzingclient

from penstock import Gateway
from tests.servers.raw_origin import RawOrigin
from tests.servers.websocket_strict import strict
from tests.websocket.configurations import port, resources

LEFT_OUT = ["9.*", "12.*", "13.*"]
EVERY = {("OK", "OK"): 244, ("INFORMATIONAL", "INFORMATIONAL"): 3}


def results(number: int) -> dict[str, tuple[str, str]]:
    """Of each case, what is said of the frames and of the end."""

    async def run() -> dict[str, tuple[str, str]]:
        try:
            cases = await run_fuzzingclient(f"ws://127.0.0.1:{number}", None, LEFT_OUT, concurrency=4)
        except FailureError as failure:
            cases = failure.results
        return {case.case_id: (case.behavior.value, case.behavior_close.value) for case in cases}

    return asyncio.run(run())


def limited(to: str, limit: str) -> list[dict[str, Any]]:
    settings: dict[str, Any] = {limit: "1MiB"}
    return resources(to, **settings)


def test_l6_every_case_is_passed() -> None:
    with RawOrigin(strict) as origin, Gateway(resources(origin.url)) as gateway:
        cases = results(port(gateway))
    assert Counter(cases.values()) == EVERY, cases


@pytest.mark.parametrize("limit", ["max_frame", "max_message"])
def test_with_limits_no_case_fails(limit: str) -> None:
    with RawOrigin(strict) as origin, Gateway(limited(origin.url, limit)) as gateway:
        cases = results(port(gateway))
    # The gateway's own close may overtake the endpoint's echo, which is not as strict as could be.
    failed = {case: found for case, found in cases.items() if found[0] not in {"OK", "NON-STRICT", "INFORMATIONAL"}}
    assert (len(cases), failed) == (247, {})
