"""libcurl, upon ngtcp2 and nghttp3, is served too: QUIC and HTTP/3 written by others than aioquic."""

from io import BytesIO

import pytest
from curl_cffi import Curl, CurlHttpVersion, CurlInfo, CurlOpt

from tests.http3.configurations import speaking
from tests.servers.gateway_process import GatewayProcess
from tests.servers.origin import Origin
from tests.servers.raw_origin import RawOrigin
from tests.servers.tls_client import AUTHORITY

HTTP3 = 30


def fetch(curl: Curl, port: int, path: str, body: bytes | None = None) -> tuple[int, int, bytes]:
    """Status, version of HTTP and body of an answer."""
    found = BytesIO()
    curl.setopt(CurlOpt.URL, f"https://shop.test:{port}{path}".encode())
    curl.setopt(CurlOpt.RESOLVE, [f"shop.test:{port}:127.0.0.1"])
    curl.setopt(CurlOpt.HTTP_VERSION, CurlHttpVersion.V3ONLY)
    curl.setopt(CurlOpt.CAINFO, str(AUTHORITY).encode())
    curl.setopt(CurlOpt.TIMEOUT_MS, 15_000)
    curl.setopt(CurlOpt.WRITEDATA, found)
    if body is not None:
        curl.setopt(CurlOpt.POSTFIELDS, body)
        curl.setopt(CurlOpt.POSTFIELDSIZE, len(body))
    curl.perform()
    status, version = (int(str(curl.getinfo(one))) for one in (CurlInfo.RESPONSE_CODE, CurlInfo.HTTP_VERSION))
    return status, version, found.getvalue()


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
