"""Well-known programs as clients."""

import re
import shutil
import subprocess

import pytest

from tests.http2.configurations import speaking
from tests.servers import h2spec
from tests.servers.gateway_process import GatewayProcess
from tests.servers.origin import Origin


def test_h2spec_finds_no_fault() -> None:
    h2spec.program()
    with Origin() as origin, GatewayProcess(speaking(origin.url, "[h2c]"), workers=1) as gateway:
        cases, failed, said = h2spec.run(gateway.port(), "--path=/long-enough-for-windows")
    assert (cases, failed) == (146, 0), said


@pytest.mark.parametrize("path", ["/own", "/through"])
def test_h2load_gets_every_answer(path: str) -> None:
    if not shutil.which("h2load"):
        pytest.skip("h2load is not installed")
    with Origin() as origin, GatewayProcess(speaking(origin.url), workers=2) as gateway:
        target = f"http://127.0.0.1:{gateway.port()}{path}"
        command = ["h2load", "-n", "3000", "-c", "10", "-m", "20", target]
        said = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout
    assert re.search(r"3000 done, \d+ succeeded, \d+ failed, 0 errored, 0 timeout", said), said
    assert ("3000 2xx" in said) == (path == "/through"), said


def test_nghttp_gets_a_page_and_all_that_it_asks_for_beside_it() -> None:
    if not shutil.which("nghttp"):
        pytest.skip("nghttp is not installed")
    with Origin() as origin, GatewayProcess(speaking(origin.url), workers=1) as gateway:
        targets = [f"http://127.0.0.1:{gateway.port()}/through?{number}" for number in range(8)]
        command = ["nghttp", "--null-out", "--verbose", "--no-dep", *targets]
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert said.count(":status: 200") == 8, said
    assert "GOAWAY frame <" in said
    assert "error_code=NO_ERROR" in said
