"""Connections outlive what happens to the gateway and on the way: changes, replacements, other ports (C9, R5)."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from tests.http3.configurations import speaking
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.http3_client import Closed, Http3Client
from tests.servers.origin import Origin

CONNECTION_REFUSED = 0x2
NO_ERROR = 0x100
EVERY_STREAM = (1 << 62) - 4
MANY = 100


@contextmanager
def clients(port: int, count: int) -> Iterator[list[Http3Client]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Http3Client(port)) for _ in range(count)]


def wait_for_reset(client: Http3Client) -> None:
    client.until(lambda: client.was_reset)


def test_r5_an_ending_gateway_says_so_twice_and_answers_what_it_was_asked() -> None:
    with Origin() as origin, GatewayProcess(speaking(origin.url), "--grace", "10s", workers=1) as gateway:
        with Http3Client(gateway.port()) as client:
            slow = client.begin("/slow?sleep=1.5")
            client.until(lambda: origin.counts.get("/slow") == 1)
            gateway.signal(signal.SIGTERM)
            client.until(lambda: bool(client.farewells))
            assert client.farewells == [EVERY_STREAM]
            assert client.answer(slow).body == b"/slow"
            end = client.finish()
            assert client.farewells[-1] == slow + 4
            assert (end.error_code, end.frame_type) == (NO_ERROR, None)
        assert gateway.wait(10) == 0


def test_a_change_closes_no_connection_and_ends_no_stream() -> None:
    with (
        Origin() as origin,
        GatewayProcess(speaking(origin.url), workers=2) as gateway,
        clients(gateway.port(), MANY) as all_of_them,
    ):
        slow = all_of_them[0].begin("/slow?sleep=1")
        wait_until(lambda: origin.counts.get("/slow") == 1)
        gateway.write(speaking(origin.url).replace("status: 404", "status: 410"))
        assert gateway.ask("POST", "/-/reload")[0] == 200
        assert [client.get("/own").status for client in all_of_them] == [410] * MANY
        assert all_of_them[0].answer(slow).body == b"/slow"
        assert not any(client.farewells for client in all_of_them)


def test_c9_connections_go_on_from_other_ports_whichever_worker_has_them() -> None:
    with (
        Origin() as origin,
        GatewayProcess(speaking(origin.url), workers=3) as gateway,
        clients(gateway.port(), MANY) as all_of_them,
    ):
        open_ones = [worker["connections"] for worker in gateway.status()["workers"]]
        assert sum(open_ones) == MANY
        assert min(open_ones) > 0
        for turn in range(3):
            for client in all_of_them:
                client.rebind()
            assert [client.get(f"/{turn}").body for client in all_of_them] == [f"/{turn}".encode()] * MANY
        assert [worker["connections"] for worker in gateway.status()["workers"]] == open_ones


def test_c9_a_client_that_moves_in_the_middle_of_an_answer_gets_all_of_it() -> None:
    with (
        Origin() as origin,
        GatewayProcess(speaking(origin.url), workers=2) as gateway,
        Http3Client(gateway.port()) as client,
    ):
        stream = client.begin("/up", method="POST", fields=[("content-length", "400000")], ends=False)
        client.send_body(stream, b"x" * 200_000, ends=False)
        client.rebind()
        client.send_body(stream, b"x" * 200_000)
        assert client.answer(stream).body == b"400000"


def test_c9_who_a_client_is_was_settled_by_its_handshake_wherever_it_goes_on() -> None:
    seen = """
---
kind: Route
name: seen
path: /seen
steps: [{kind: Respond, status: 200, body: "{{ request.client_ip }}"}]
---
kind: Route
name: inside
path: /inside
client_ip: [127.0.0.2]
steps: [{kind: Respond, status: 200, body: inside}]
"""
    with (
        Origin() as origin,
        GatewayProcess(speaking(origin.url) + seen, workers=2) as gateway,
        Http3Client(gateway.port()) as client,
    ):
        assert client.get("/inside").body == b"/inside"
        client.rebind("127.0.0.2")
        assert client.get("/seen").body == b"127.0.0.1"
        assert client.get("/inside").body == b"/inside"


def test_a_planned_replacement_loses_no_request_of_any_connection() -> None:
    with Origin() as origin, GatewayProcess(speaking(origin.url), "--grace", "15s", workers=2) as gateway:
        port, before = gateway.port(), gateway.worker_pids()
        with clients(port, MANY) as all_of_them:
            slow = [client.begin(f"/slow/{number}?sleep=3") for number, client in enumerate(all_of_them)]
            wait_until(lambda: sum(origin.counts.values()) == MANY, 20)
            gateway.signal(signal.SIGKILL)
            gateway.wait(10)
            gateway.start()
            assert not set(gateway.worker_pids()) & set(before)
            answers = [client.answer(stream) for client, stream in zip(all_of_them, slow, strict=True)]
            assert [answer.body for answer in answers] == [f"/slow/{number}".encode() for number in range(MANY)]
            with clients(port, 10) as fresh:
                assert [client.get("/own").status for client in fresh] == [404] * 10
            ends = [client.finish().error_code for client in all_of_them]
            assert ends == [NO_ERROR] * MANY
            assert all(client.farewells for client in all_of_them)


def test_connections_go_on_through_one_replacement_after_the_other() -> None:
    with Origin() as origin, GatewayProcess(speaking(origin.url), "--grace", "5s", workers=2) as gateway:
        port = gateway.port()
        for _ in range(3):
            with clients(port, 10) as all_of_them:
                assert [client.get("/own").status for client in all_of_them] == [404] * 10
            gateway.signal(signal.SIGKILL)
            gateway.wait(10)
            gateway.start()
        with clients(port, 10) as all_of_them:
            assert [client.get("/own").status for client in all_of_them] == [404] * 10
            assert sum(worker["connections"] for worker in gateway.status()["workers"]) == 10


def test_clients_of_a_killed_worker_are_told_at_once_that_their_connections_are_gone() -> None:
    with (
        Origin() as origin,
        GatewayProcess(speaking(origin.url), workers=1) as gateway,
        clients(gateway.port(), 5) as all_of_them,
    ):
        assert [client.get("/own").status for client in all_of_them] == [404] * 5
        victim = gateway.worker_pids()[0]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in gateway.worker_pids() and gateway.status()["workers"][0]["revision"])
        for client in all_of_them:
            client.begin("/own")
            wait_for_reset(client)
        with clients(gateway.port(), 5) as fresh:
            assert [client.get("/own").status for client in fresh] == [404] * 5


def test_a_listener_begins_and_ends_to_speak_it_while_the_gateway_runs() -> None:
    with Origin() as origin, GatewayProcess(speaking(origin.url, protocols="[h2, http1]"), workers=2) as gateway:
        port = gateway.port()
        gateway.write(speaking(origin.url))
        assert gateway.ask("POST", "/-/reload")[0] == 200
        with Http3Client(port) as client:
            assert client.get("/x").body == b"/x"
        gateway.write(speaking(origin.url, protocols="[h2, http1]"))
        assert gateway.ask("POST", "/-/reload")[0] == 200
        wait_until(lambda: not gateway.status()["connections"])
        with Http3Client(port, waits=False) as client:
            # The worker refuses while it waits for the earlier connection's last datagrams, and then the system does.
            with suppress(Closed):
                client.until(lambda: client.is_refused)
            assert client.is_refused or (client.end and client.end.error_code == CONNECTION_REFUSED)
