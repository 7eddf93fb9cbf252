"""The admin API does what its description says, whatever it is sent (I2, I11)."""

import subprocess
import sys

import pytest

from tests.admin.api import api_of
from tests.servers.gateway_process import GatewayProcess

CONFIGURATION = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Route, name: hello, path: /hello, steps: [{kind: Respond, status: 200, body: hi}]}
"""
# Streams that do not end are no case for it, nor what leads to other servers; and what a resource refers to no schema
# can say.
LEFT_OUT = (
    *("--exclude-path=/api/v1/watch", "--exclude-path=/api/v1/logs", "--exclude-path=/api/v1/login/{name}"),
    "--exclude-checks=positive_data_acceptance",
)


def test_what_is_sent_by_the_description_and_against_it_is_answered_as_it_says() -> None:
    check("coverage,fuzzing", 5)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_thousands_of_such_requests() -> None:
    check("coverage,fuzzing,stateful", 100)


def check(phases: str, examples: int) -> None:
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as gateway:
        api = api_of(gateway)
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{api.port}/openapi.json"),
            *("-H", f"Authorization: Bearer {api.token}", "--checks=all", *LEFT_OUT),
            *(f"--phases={phases}", f"--max-examples={examples}", "--seed=1", "--no-color"),
        ]
        outcome = subprocess.run(command, capture_output=True, text=True, timeout=800, check=False, cwd=gateway.folder)
        assert outcome.returncode == 0, outcome.stdout[-8_000:] + outcome.stderr[-2_000:]
        assert " passed" in outcome.stdout
        assert "Traceback" not in gateway.said
        # Whatever was asked for, what files hold serves on.
        assert [one["name"] for one in gateway.status()["listeners"]][:1] == ["web"]
        assert api.ask("GET", "/api/v1/resources/route/hello").status == 200
