"""Certificates when days go by in a moment: the clock of the gateway is moved, that of the authority is not (R10)."""

import http.client
import re
import ssl
import time
from functools import partial

import pytest

from tests.runtime.acme.test_ordering import DAY, SECONDS, configuration, moved, serial, told, trusting, wait_for
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.pebble import Pebble
from tests.servers.processes import free_ports
from tests.servers.tls_client import ask, connect


@pytest.mark.long
def test_r10_days_before_the_end_it_is_renewed_and_never_more_than_five_times_in_an_hour() -> None:
    [port] = free_ports(1)
    with Pebble(port) as pebble, moved(configuration(pebble)) as (gateway, clock):
        wait_for(gateway, "issued")
        assert left(gateway) > 89 * DAY
        with connect(gateway.port(), "shop.test", trusting(pebble)) as stream:
            assert ask(stream, is_last=False).endswith(b"hello")
            # The authority goes by the time as it is: what it issues is due again at once, and for ever.
            clock.move(65 * DAY)
            wait_until(lambda: pebble.orders >= 6, SECONDS)
            wait_for(gateway, "issued")
            assert ask(stream, is_last=False).endswith(b"hello")
        assert pebble.orders == 6, "one before the clock was moved, five after"
        assert told(gateway)["next_order"] - (time.time() + 65 * DAY) > 3_000
        assert left(gateway) < 26 * DAY
        serial(gateway, pebble)
        # An hour later it is ordered again, and not before.
        clock.move(65 * DAY + 3_700)
        wait_until(lambda: pebble.orders > 6, SECONDS)


@pytest.mark.long
def test_r10_an_old_certificate_serves_to_its_last_second_and_beyond() -> None:
    [port] = free_ports(1)
    with Pebble(port) as pebble, moved(configuration(pebble)) as (gateway, clock):
        wait_for(gateway, "issued")
        before = serial(gateway, pebble)
        context = trusting(pebble)
        pebble.kill()
        for days in (77, 89.99, 91):
            clock.move(days * DAY)
            wait_until(partial(has_come, gateway, days), SECONDS)
            wait_for(gateway, "failing")
            with connect(gateway.port(), "shop.test", context) as stream:
                assert (stream.getpeercert() or {})["serialNumber"] == before
                assert ask(stream).endswith(b"hello")
        assert left(gateway) < -0.9 * DAY
        wait_until(lambda: told(gateway)["failures"] >= 2, SECONDS)
        # Once the authority is there again, and the time for another try has come, there is a new one.
        pebble.start()
        clock.move(92 * DAY)
        wait_until(lambda: pebble.orders >= 2 and told(gateway)["state"] != "failing", SECONDS)
        wait_until(lambda: shown(gateway, pebble) not in {"", before}, SECONDS)


def has_come(gateway: GatewayProcess, days: float) -> bool:
    """Whether the gateway knows that so many days have gone by since it got its certificate."""
    return left(gateway) < (90.001 - days) * DAY


def left(gateway: GatewayProcess) -> float:
    """The time for which the certificate is good, as the metrics tell it: what alerts go by."""
    text = gateway.ask("GET", "/metrics")[1]
    found = re.search(r'^penstock_certificate_left_seconds\{certificate="shop"\} (\S+)$', text, re.MULTILINE)
    assert found, text
    return float(found[1])


def shown(gateway: GatewayProcess, pebble: Pebble) -> str:
    """The number of the certificate that a client is shown; empty where that does not trust it."""
    try:
        return serial(gateway, pebble)
    except (ssl.SSLError, http.client.HTTPException):
        return ""
