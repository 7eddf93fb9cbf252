"""Requests with a client's first packet: off unless asked for, and never twice where that could do harm (C7)."""

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.tls import Epoch, SessionTicket

from tests.http3.configurations import speaking
from tests.servers.gateway_process import GatewayProcess
from tests.servers.http3_client import Http3Client
from tests.servers.quic_packets import frame, packet
from tests.servers.raw_origin import RawOrigin

EARLY = ", early_data: true"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
PROTOCOL_VIOLATION = 0xA


def ticket_of(port: int) -> SessionTicket:
    """What a first connection is given for the next one."""
    kept: list[SessionTicket] = []

    with Http3Client(port, on_ticket=kept.append) as client:
        client.get("/own")
        client.until(lambda: bool(kept))
    return kept[0]


def returning(port: int, ticket: SessionTicket, method: str) -> Http3Client:
    """A client that asks with its first packet."""

    def with_ticket(configuration: QuicConfiguration) -> None:
        configuration.session_ticket = ticket

    return Http3Client(port, tune=with_ticket, waits=False, first=lambda client: client.begin("/early", method=method))


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 200), ("POST", 425), ("DELETE", 425)])
def test_c7_what_a_copy_could_do_harm_with_is_asked_for_again(method: str, status: int) -> None:
    with RawOrigin.answering(OK) as origin, GatewayProcess(speaking(origin.url, tls=EARLY), workers=1) as gateway:
        ticket = ticket_of(gateway.port())
        with returning(gateway.port(), ticket, method) as client:
            answer = client.answer(0)
            assert client.quic.tls.early_data_accepted
            assert answer.status == status
            client.until(lambda: client.is_ready)
            again = client.answer(client.begin("/late", method=method))
            assert again.status == 200
        early, late = (text in origin.received for text in (b" /early ", b" /late "))
        assert (early, late) == (status == 200, True)
        heads = origin.received.split(b"\r\n\r\n")
        assert [b"early-data: 1" in head for head in heads if b" /early " in head] == [True] * early
        assert not any(b"early-data" in head for head in heads if b" /late " in head)


def test_c7_a_ticket_is_good_for_one_first_packet() -> None:
    with RawOrigin.answering(OK) as origin, GatewayProcess(speaking(origin.url, tls=EARLY), workers=1) as gateway:
        ticket = ticket_of(gateway.port())
        accepted = []
        for _ in range(2):
            with returning(gateway.port(), ticket, "GET") as client:
                client.until(lambda client=client: client.is_ready)  # type: ignore[misc] # bound in the loop
                accepted.append(client.quic.tls.early_data_accepted)
        assert accepted == [True, False]


def test_c7_it_is_off_unless_asked_for() -> None:
    with RawOrigin.answering(OK) as origin, GatewayProcess(speaking(origin.url), workers=1) as gateway:
        ticket = ticket_of(gateway.port())
        assert not ticket.max_early_data_size


def test_c6_crypto_in_0_rtt_is_a_violation_9001_8_3() -> None:
    with RawOrigin.answering(OK) as origin, GatewayProcess(speaking(origin.url, tls=EARLY), workers=1) as gateway:
        ticket = ticket_of(gateway.port())
        with returning(gateway.port(), ticket, "GET") as client:
            client.send_datagram(packet(client.quic, frame(0x06, 0, 1, b"x"), Epoch.ZERO_RTT))
            assert client.finish().error_code == PROTOCOL_VIOLATION
