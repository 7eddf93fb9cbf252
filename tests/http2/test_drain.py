"""Changes and ends of the gateway under open streams (R5)."""

import signal

from tests.http2.configurations import speaking
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.http2_client import Http2Client
from tests.servers.origin import Origin

NO_ERROR = 0
EVERY_STREAM = (1 << 31) - 1


def test_r5_an_ending_gateway_says_so_twice_and_answers_what_it_was_asked() -> None:
    with Origin() as origin, GatewayProcess(speaking(origin.url), "--grace", "10s", workers=1) as gateway:
        with Http2Client(gateway.port()) as client:
            slow = client.begin("/slow?sleep=1.5")
            wait_until(lambda: origin.counts.get("/slow") == 1)
            gateway.signal(signal.SIGTERM)
            while not client.farewells:
                client.receive()
            assert client.farewells == [(EVERY_STREAM, NO_ERROR)]
            assert client.answer(slow).body == b"/slow"
            client.finish()
            assert client.farewells[-1] == (slow, NO_ERROR)
        assert gateway.wait(10) == 0


def test_a_change_closes_no_connection_and_ends_no_stream() -> None:
    with (
        Origin() as origin,
        GatewayProcess(speaking(origin.url), workers=1) as gateway,
        Http2Client(gateway.port()) as client,
    ):
        slow = client.begin("/slow?sleep=1")
        wait_until(lambda: origin.counts.get("/slow") == 1)
        gateway.write(speaking(origin.url).replace("status: 404", "status: 410"))
        assert gateway.ask("POST", "/-/reload")[0] == 200
        assert client.get("/own").status == 410
        assert client.answer(slow).body == b"/slow"
        assert client.farewells == []
