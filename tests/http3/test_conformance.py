"""What each rule's breach is answered with, after the names that h3spec gives the cases (C6).

Source: RFC 9000, RFC 9001, RFC 9114, RFC 9204; sections stand with the cases.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from tests.http3.configurations import speaking
from tests.servers.gateway_process import GatewayProcess
from tests.servers.http3_client import Http3Client, headers, numbers
from tests.servers.origin import Origin
from tests.servers.quic_packets import INITIAL_SOURCE_CONNECTION_ID, frame, in_handshake, send, with_parameters

FLOW_CONTROL_ERROR, STREAM_LIMIT_ERROR, STREAM_STATE_ERROR, FINAL_SIZE_ERROR = 0x3, 0x4, 0x5, 0x6
FRAME_ENCODING_ERROR, TRANSPORT_PARAMETER_ERROR, PROTOCOL_VIOLATION = 0x7, 0x8, 0xA
UNEXPECTED_MESSAGE, MISSING_EXTENSION, NO_APPLICATION_PROTOCOL = 0x10A, 0x16D, 0x178
STREAM_CREATION, CLOSED_CRITICAL_STREAM, FRAME_UNEXPECTED, FRAME_ERROR = 0x103, 0x104, 0x105, 0x106
ID_ERROR, SETTINGS_ERROR, MISSING_SETTINGS, REQUEST_INCOMPLETE, MESSAGE_ERROR = 0x108, 0x109, 0x10A, 0x10D, 0x10E
DECOMPRESSION_FAILED, ENCODER_STREAM_ERROR, DECODER_STREAM_ERROR = 0x200, 0x201, 0x202

KEY_UPDATE = b"\x18\x00\x00\x01\x00"
END_OF_EARLY_DATA = b"\x05\x00\x00\x00"
BASE = [(":method", "GET"), (":scheme", "https"), (":authority", "shop.test"), (":path", "/own")]
CONTROL, PUSH, ENCODER, DECODER = 0, 1, 2, 3


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with Origin() as origin, GatewayProcess(speaking(origin.url), workers=1) as gateway:
        yield gateway.port()


@dataclass
class Case:
    """A breach, and the codes that may answer it."""

    name: str
    codes: set[int]
    breach: Any


def parameters(name: str, change: Callable[[dict[int, bytes]], Any]) -> Case:
    return Case(name, {TRANSPORT_PARAMETER_ERROR}, with_parameters(change))


PARAMETERS = [
    parameters("initial_source_connection_id is missing [7.3]", lambda told: told.pop(INITIAL_SOURCE_CONNECTION_ID)),
    parameters("original_destination_connection_id is received [18.2]", lambda told: told.update({0x00: b"12345678"})),
    parameters("preferred_address is received [18.2]", lambda told: told.update({0x0D: bytes(41)})),
    parameters("retry_source_connection_id is received [18.2]", lambda told: told.update({0x10: b"12345678"})),
    parameters("stateless_reset_token is received [18.2]", lambda told: told.update({0x02: bytes(16)})),
    parameters("max_udp_payload_size is below 1200 [18.2]", lambda told: told.update({0x03: numbers(1199)})),
    parameters("ack_delay_exponent is above 20 [18.2]", lambda told: told.update({0x0A: numbers(21)})),
    parameters("max_ack_delay is 2^14 or more [18.2]", lambda told: told.update({0x0B: numbers(1 << 14)})),
]


@pytest.mark.parametrize("case", PARAMETERS, ids=lambda case: case.name)
def test_c6_a_transport_parameter_error_where(port: int, case: Case) -> None:
    with Http3Client(port, http=False, before=case.breach, waits=False) as client:
        assert client.finish().error_code in case.codes


def offered_without(quic: QuicConnection) -> None:
    """Leaves the transport parameters out of what the client says."""
    original = quic._initialize

    def initialize(peer_cid: bytes) -> None:
        original(peer_cid)
        quic.tls.handshake_extensions = []

    quic._initialize = initialize  # type: ignore[method-assign] # past the library


def test_c6_missing_extension_without_transport_parameters_9001_8_2(port: int) -> None:
    with Http3Client(port, http=False, before=offered_without, waits=False) as client:
        assert client.finish().error_code == MISSING_EXTENSION


def test_c6_no_application_protocol_where_none_is_in_common_9001_8_1(port: int) -> None:
    for offered in (None, ["hq-interop"]):

        def offer(configuration: QuicConfiguration, offered: list[str] | None = offered) -> None:
            configuration.alpn_protocols = offered

        with Http3Client(port, http=False, tune=offer, waits=False) as client:
            assert client.finish().error_code == NO_APPLICATION_PROTOCOL


IN_HANDSHAKE = [
    Case("PATH_CHALLENGE in Handshake [17.2.4]", {PROTOCOL_VIOLATION}, (frame(0x1A, bytes(8)), 0)),
    Case("reserved bits in Handshake are not zero [17.2]", {PROTOCOL_VIOLATION}, (frame(0x01), 0x0C)),
    Case("KeyUpdate in Handshake [TLS 6]", {UNEXPECTED_MESSAGE}, (frame(0x06, 0, 5, KEY_UPDATE), 0)),
    Case("EndOfEarlyData [TLS 8.3]", {UNEXPECTED_MESSAGE}, (frame(0x06, 0, 4, END_OF_EARLY_DATA), 0)),
]


@pytest.mark.parametrize("case", IN_HANDSHAKE, ids=lambda case: case.name)
def test_c6_a_handshake_ends_where(port: int, case: Case) -> None:
    with Http3Client(port, http=False, waits=False) as client:
        frames, bits = case.breach
        in_handshake(client, frames, first_bits=bits)
        assert client.finish().error_code in case.codes


def one_rtt(name: str, codes: set[int], frames: bytes, bits: int = 0) -> Case:
    return Case(name, codes, (frames, bits))


LIMIT_OR_ENCODING = {STREAM_LIMIT_ERROR, FRAME_ENCODING_ERROR}
FRAMES = [
    one_rtt("a frame of unknown type [12.4]", {FRAME_ENCODING_ERROR}, frame(0x21)),
    one_rtt("no frames [12.4]", {PROTOCOL_VIOLATION}, b""),
    one_rtt("reserved bits in Short are not zero [17.2]", {PROTOCOL_VIOLATION}, frame(0x01), 0x18),
    one_rtt("RESET_STREAM for a send-only stream [19.4]", {STREAM_STATE_ERROR}, frame(0x04, 3, 0, 0)),
    one_rtt("STOP_SENDING for a stream that there is not [19.5]", {STREAM_STATE_ERROR}, frame(0x05, 101, 0)),
    one_rtt("NEW_TOKEN [19.7]", {PROTOCOL_VIOLATION}, frame(0x07, 4, b"none")),
    one_rtt("MAX_STREAM_DATA for a stream that there is not [19.10]", {STREAM_STATE_ERROR}, frame(0x11, 101, 100)),
    one_rtt("MAX_STREAM_DATA for a receive-only stream [19.10]", {STREAM_STATE_ERROR}, frame(0x11, 2, 100)),
    one_rtt("MAX_STREAMS is too large [19.11]", LIMIT_OR_ENCODING, frame(0x12, (1 << 60) + 1)),
    one_rtt("STREAMS_BLOCKED is too large [19.14]", LIMIT_OR_ENCODING, frame(0x16, (1 << 60) + 1)),
    one_rtt(
        "NEW_CONNECTION_ID with an invalid Retire_Prior_To [19.15]",
        {FRAME_ENCODING_ERROR},
        frame(0x18, 8, 9, b"\x08", bytes(8), bytes(16)),
    ),
    one_rtt(
        "NEW_CONNECTION_ID with a number of no bytes [19.15]",
        {FRAME_ENCODING_ERROR},
        frame(0x18, 8, 0, b"\x00", bytes(16)),
    ),
    one_rtt("HANDSHAKE_DONE [19.20]", {PROTOCOL_VIOLATION}, frame(0x1E)),
    one_rtt("KeyUpdate in 1-RTT [TLS 6]", {UNEXPECTED_MESSAGE}, frame(0x06, 0, 5, KEY_UPDATE)),
    one_rtt("C10: an ACK of what was not sent [13.1]", {PROTOCOL_VIOLATION}, frame(0x02, 100_000, 0, 0, 0)),
    one_rtt("a stream beyond the limit [4.6]", {STREAM_LIMIT_ERROR}, frame(0x0A, 4 * 100, 1, b"x")),
    one_rtt("data beyond the window of a stream [4.1]", {FLOW_CONTROL_ERROR}, frame(0x0E, 0, 1 << 20, 1, b"x")),
    one_rtt(
        "data behind the end of a stream [4.5]",
        {FINAL_SIZE_ERROR},
        frame(0x0B, 0, 1, b"x") + frame(0x0E, 0, 9, 1, b"x"),
    ),
]


@pytest.mark.parametrize("case", FRAMES, ids=lambda case: case.name)
def test_c6_a_connection_ends_where_it_gets(port: int, case: Case) -> None:
    with Http3Client(port) as client:
        frames, bits = case.breach
        send(client, frames, first_bits=bits)
        assert client.finish().error_code in case.codes


def on_stream(kind: int, *frames: bytes, ends: bool = False) -> Callable[[Http3Client], None]:
    """Begins a stream of one direction, of a kind."""

    def breach(client: Http3Client) -> None:
        stream = client.quic.get_next_available_stream_id(is_unidirectional=True)
        client.send_bytes(stream, numbers(kind) + b"".join(frames), ends=ends)

    return breach


def on_request(*frames: bytes, ends: bool = True) -> Callable[[Http3Client], None]:
    """Begins a stream of a request."""

    def breach(client: Http3Client) -> None:
        client.send_bytes(client.quic.get_next_available_stream_id(), b"".join(frames), ends=ends)

    return breach


def h3_frame(kind: int, payload: bytes = b"") -> bytes:
    return numbers(kind, len(payload)) + payload


SETTINGS = h3_frame(0x4)
ENDING = [
    Case("DATA before HEADERS [4.1]", {FRAME_UNEXPECTED}, on_request(h3_frame(0x0, b"x"))),
    Case(
        "the first control frame is not SETTINGS [6.2.1]",
        {MISSING_SETTINGS},
        on_stream(CONTROL, h3_frame(0x7, b"\x00")),
    ),
    Case("DATA on a control stream [7.2.1]", {FRAME_UNEXPECTED}, on_stream(CONTROL, SETTINGS, h3_frame(0x0, b"x"))),
    Case("HEADERS on a control stream [7.2.2]", {FRAME_UNEXPECTED}, on_stream(CONTROL, SETTINGS, h3_frame(0x1, b"x"))),
    Case("a second SETTINGS [7.2.4]", {FRAME_UNEXPECTED}, on_stream(CONTROL, SETTINGS, SETTINGS)),
    Case("settings of HTTP/2 [7.2.4.1]", {SETTINGS_ERROR}, on_stream(CONTROL, h3_frame(0x4, numbers(0x2, 0)))),
    Case("a setting twice [7.2.4]", {SETTINGS_ERROR}, on_stream(CONTROL, h3_frame(0x4, numbers(0x6, 1, 0x6, 1)))),
    Case("SETTINGS that break off [7.1]", {FRAME_ERROR}, on_stream(CONTROL, h3_frame(0x4, numbers(0x6)))),
    Case("CANCEL_PUSH in a request stream [7.2.5]", {FRAME_UNEXPECTED}, on_request(h3_frame(0x3, b"\x00"))),
    Case("a frame of HTTP/2 in a request stream [7.2.8]", {FRAME_UNEXPECTED}, on_request(h3_frame(0x6))),
    Case("PUSH_PROMISE of a client [7.2.5]", {FRAME_UNEXPECTED}, on_request(h3_frame(0x5, b"\x00"))),
    Case(
        "CANCEL_PUSH of what was not promised [7.2.3]", {ID_ERROR}, on_stream(CONTROL, SETTINGS, h3_frame(0x3, b"\x00"))
    ),
    Case(
        "MAX_PUSH_ID that falls [7.2.7]",
        {ID_ERROR},
        on_stream(CONTROL, SETTINGS, h3_frame(0xD, b"\x05"), h3_frame(0xD, b"\x04")),
    ),
    Case("a frame that breaks off [7.1]", {FRAME_ERROR}, on_request(h3_frame(0x1, headers(BASE)), numbers(0x0, 9))),
    Case("a push stream of a client [6.2.2]", {STREAM_CREATION}, on_stream(PUSH)),
    Case(
        "a third header block [4.1]",
        {FRAME_UNEXPECTED},
        on_request(h3_frame(0x1, headers(BASE)), *[h3_frame(0x1, headers([("a", "b")]))] * 2),
    ),
    Case(
        "an index that the static table has not [QPACK 3.1]",
        {DECOMPRESSION_FAILED},
        on_request(h3_frame(0x1, b"\x00\x00\xff\x24")),
    ),
    Case(
        "C5: a line of the dynamic table [QPACK 2.2.1]",
        {DECOMPRESSION_FAILED},
        on_request(h3_frame(0x1, b"\x02\x00\x80")),
    ),
    Case("C5: a capacity above the limit [QPACK 4.1.3]", {ENCODER_STREAM_ERROR}, on_stream(ENCODER, b"\x3f\xe1\x1f")),
    Case("C5: a line put into no table [QPACK 3.2.2]", {ENCODER_STREAM_ERROR}, on_stream(ENCODER, b"\x41a\x01b")),
    Case(
        "C5: a control stream is closed [QPACK 4.2]", {CLOSED_CRITICAL_STREAM}, on_stream(CONTROL, SETTINGS, ends=True)
    ),
    Case("C5: an encoder stream is closed [QPACK 4.2]", {CLOSED_CRITICAL_STREAM}, on_stream(ENCODER, ends=True)),
    Case("Insert Count Increment is 0 [QPACK 4.4.3]", {DECODER_STREAM_ERROR}, on_stream(DECODER, b"\x00")),
]


@pytest.mark.parametrize("case", ENDING, ids=lambda case: case.name)
def test_c6_http3_ends_a_connection_for(port: int, case: Case) -> None:
    with Http3Client(port, http=False) as client:
        case.breach(client)
        assert client.finish().error_code in case.codes


@pytest.mark.parametrize("kind", [CONTROL, ENCODER, DECODER])
def test_c6_a_second_critical_stream_of_a_kind_is_an_error_6_2_1(port: int, kind: int) -> None:
    with Http3Client(port, http=False) as client:
        on_stream(kind)(client)
        on_stream(kind)(client)
        assert client.finish().error_code == STREAM_CREATION


OF_A_STREAM = [
    Case("a pseudo-header twice [4.3]", {MESSAGE_ERROR}, [(":method", "GET"), *BASE]),
    Case("a mandatory pseudo-header is absent [4.3.1]", {MESSAGE_ERROR}, BASE[1:]),
    Case("a prohibited pseudo-header [4.3]", {MESSAGE_ERROR}, [*BASE, (":status", "200")]),
    Case("a pseudo-header after fields [4.3]", {MESSAGE_ERROR}, [*BASE[:3], ("a", "b"), BASE[3]]),
    Case("B14: a field of one connection [4.2]", {MESSAGE_ERROR}, [*BASE, ("connection", "close")]),
    Case("B14: te with anything but trailers [4.2]", {MESSAGE_ERROR}, [*BASE, ("te", "gzip")]),
    Case("B12: a capital letter in a name [4.2]", {MESSAGE_ERROR}, [*BASE, ("X-a", "b")]),
    Case("B13: a line end in a value [4.2]", {MESSAGE_ERROR}, [*BASE, ("a", "b\r\nc: d")]),
    Case(
        "B10: a method that is a request line", {MESSAGE_ERROR}, [(":method", "GET / HTTP/1.1\r\nhost: a"), *BASE[1:]]
    ),
    Case("B10: a path without a slash", {MESSAGE_ERROR}, [*BASE[:3], (":path", "own")]),
    Case("B10: a scheme with a path", {MESSAGE_ERROR}, [BASE[0], (":scheme", "https://a/?"), *BASE[2:]]),
    Case("B15: content-length twice", {MESSAGE_ERROR}, [*BASE, ("content-length", "0"), ("content-length", "0")]),
    Case("B15: a length and no body", {MESSAGE_ERROR}, [*BASE, ("content-length", "5")]),
    Case("B16: another host than the authority", {MESSAGE_ERROR}, [*BASE, ("host", "other.test")]),
    Case(
        "extended CONNECT without a path",
        {MESSAGE_ERROR},
        [(":method", "CONNECT"), *(field for field in BASE[1:] if field[0] != ":path"), (":protocol", "websocket")],
    ),
]


@pytest.mark.parametrize("case", OF_A_STREAM, ids=lambda case: case.name)
def test_c6_a_malformed_request_ends_its_stream_alone(port: int, case: Case) -> None:
    with Http3Client(port) as client:
        stream = client.quic.get_next_available_stream_id()
        client.send_frame(stream, 0x1, headers(case.breach), ends=True)
        assert client.answer(stream).reset in case.codes
        assert client.get("/own").status == 404


def test_c6_a_request_that_ends_before_its_head_is_incomplete_4_1(port: int) -> None:
    with Http3Client(port) as client:
        stream = client.quic.get_next_available_stream_id()
        client.send_bytes(stream, h3_frame(0x21, b"nothing"), ends=True)
        assert client.answer(stream).reset == REQUEST_INCOMPLETE
        assert client.get("/own").status == 404


def test_what_means_nothing_to_us_is_passed_over_9(port: int) -> None:
    with Http3Client(port) as client:
        on_stream(0x21, b"whatever" * 100)(client)
        on_stream(0x4040)(client)
        stream = client.quic.get_next_available_stream_id()
        client.send_bytes(stream, h3_frame(0x21, b"x" * 50) + h3_frame(0x1, headers(BASE)) + h3_frame(0xF0700, b"u=1"))
        client.send_bytes(stream, b"", ends=True)
        assert client.answer(stream).status == 404
