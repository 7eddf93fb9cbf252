"""Python filters of a gateway inside the test's own process."""

import http.client
import subprocess
import sys
import threading
import time
from typing import Any

from penstock.runtime.embedded import Gateway
from tests.sdk.probing import PLUGIN


def resources(*actions: str) -> list[dict[str, Any]]:
    routes = [
        {
            "kind": "Route",
            "name": action,
            "path": f"/{action}",
            "steps": [{"kind": "Probe", "does": action}, {"kind": "Respond", "status": 200, "body": "passed"}],
        }
        for action in actions
    ]
    return [{"kind": "Plugin", "name": "probe", "python": str(PLUGIN)}, *routes]


def status(gateway: Gateway, path: str) -> int:
    connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_filters_run_beside_the_caller_and_endless_loops_are_stopped() -> None:
    with Gateway(resources("denied", "loop", "nothing")) as gateway:
        assert status(gateway, "/denied") == 403
        began = time.monotonic()
        assert status(gateway, "/loop") == 500
        assert time.monotonic() - began < 1.0
        assert status(gateway, "/nothing") == 200


def test_two_gateways_share_nothing_but_the_interpreter() -> None:
    with Gateway(resources("keep", "use_kept", "nothing")) as one, Gateway(resources("keep", "nothing")) as other:
        found: list[int] = []

        def use(gateway: Gateway) -> None:
            for _ in range(50):
                found.append(status(gateway, "/keep"))
                found.append(status(gateway, "/nothing"))

        threads = [threading.Thread(target=use, args=(gateway,)) for gateway in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [200] * 200
        assert status(one, "/use_kept") == 200


TRACED = """
import sys
from penstock.runtime.embedded import Gateway
from tests.sdk.test_embedded import resources, status
with Gateway(resources("loop", "nothing")) as gateway:
    print([status(gateway, path) for path in ("/loop", "/loop", "/nothing")])
    sys.settrace(lambda *_: None)
    (lambda: None)()
    sys.settrace(None)
print("traced")
"""


def test_a_loop_that_was_stopped_leaves_nothing_that_holds_up_a_debugger() -> None:
    """What tracks calls, as coverage does, hung in CPython 3.11 after an interrupt that was taken back."""
    traced = subprocess.run([sys.executable, "-c", TRACED], capture_output=True, text=True, timeout=60, check=False)
    assert traced.stdout == "[500, 500, 200]\ntraced\n", traced.stderr
