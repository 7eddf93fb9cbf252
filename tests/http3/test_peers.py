"""libcurl, upon BoringSSL, nghttp2, ngtcp2 and nghttp3, is served too, in its own name and in those of browsers."""

from collections.abc import Iterator
from io import BytesIO

import pytest
from curl_cffi import Curl, CurlHttpVersion, CurlInfo, CurlOpt

from tests.http3.configurations import speaking
from tests.servers.gateway_process import GatewayProcess
from tests.servers.origin import Origin
from tests.servers.raw_origin import RawOrigin
from tests.servers.tls_client import AUTHORITY

HTTP3 = 30
VERSIONS = {CurlHttpVersion.V1_1: 2, CurlHttpVersion.V2TLS: 3, CurlHttpVersion.V3ONLY: HTTP3}
"""What is asked for, and how the library calls what it got."""
BROWSERS = ("chrome150", "firefox147", "safari2601", "safari260_ios")


def fetch(
    curl: Curl, port: int, path: str, body: bytes | None = None, version: CurlHttpVersion = CurlHttpVersion.V3ONLY
) -> tuple[int, int, bytes]:
    """Status, version of HTTP and body of an answer."""
    found = BytesIO()
    curl.setopt(CurlOpt.URL, f"https://shop.test:{port}{path}".encode())
    curl.setopt(CurlOpt.RESOLVE, [f"shop.test:{port}:127.0.0.1"])
    curl.setopt(CurlOpt.HTTP_VERSION, version)
    curl.setopt(CurlOpt.CAINFO, str(AUTHORITY).encode())
    curl.setopt(CurlOpt.TIMEOUT_MS, 15_000)
    curl.setopt(CurlOpt.WRITEDATA, found)
    if body is not None:
        curl.setopt(CurlOpt.POSTFIELDS, body)
        curl.setopt(CurlOpt.POSTFIELDSIZE, len(body))
    curl.perform()
    status, spoken = (int(str(curl.getinfo(one))) for one in (CurlInfo.RESPONSE_CODE, CurlInfo.HTTP_VERSION))
    return status, spoken, found.getvalue()


def test_requests_and_bodies_both_ways() -> None:
    with Origin() as origin, GatewayProcess(speaking(origin.url), workers=2) as gateway:
        assert fetch(Curl(), gateway.port(), "/x") == (200, HTTP3, b"/x")
        assert fetch(Curl(), gateway.port(), "/up", b"x" * 300_000) == (200, HTTP3, b"300000")
        assert fetch(Curl(), gateway.port(), "/own") == (404, HTTP3, b"nothing here")


@pytest.mark.parametrize("size", [0, 1, 100_000, 5_000_000])
def test_answers_of_every_size(size: int) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size
    with RawOrigin.answering(answer) as origin, GatewayProcess(speaking(origin.url), workers=1) as gateway:
        assert fetch(Curl(), gateway.port(), "/") == (200, HTTP3, b"x" * size)


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    with Origin() as origin, GatewayProcess(speaking(origin.url), workers=2) as gateway:
        yield gateway.port()


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: str(version.name))
@pytest.mark.parametrize("browser", BROWSERS)
def test_handshakes_and_settings_of_browsers_are_understood(echo: int, browser: str, version: CurlHttpVersion) -> None:
    curl = Curl()
    assert curl.impersonate(browser) == 0
    for _ in range(2):
        assert fetch(curl, echo, "/x", version=version) == (200, VERSIONS[version], b"/x")
    assert fetch(curl, echo, "/up", b"x" * 100_000, version) == (200, VERSIONS[version], b"100000")
