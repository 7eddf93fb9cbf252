"""Sessions outlive a restart and an upgrade, and end by another password of their user (I18)."""

from collections.abc import Iterator

import pytest

from tests.admin.access.test_login import CONFIGURATION, PASSWORD, Browser
from tests.admin.api import api_of
from tests.servers.gateway_process import GatewayProcess, wait_until


@pytest.fixture
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as started:
        assert (
            api_of(started).ask("PUT", "/api/v1/users/alice", {"role": "operator", "password": PASSWORD}).status == 201
        )
        yield started


def moved(browser: Browser, gateway: GatewayProcess) -> None:
    """The same browser, where the gateway has the admin port by now."""
    browser.port = int(gateway.said.rpartition("admin port on 127.0.0.1:")[2].partition("\n")[0])


def test_i18_sessions_outlive_a_restart(gateway: GatewayProcess) -> None:
    browser, gone = (Browser(api_of(gateway).port) for _ in range(2))
    assert gone.ask("DELETE", "/api/v1/session", x_csrf_token=gone.csrf).status == 200
    gateway.process_ends()
    gateway.start()
    moved(browser, gateway)
    moved(gone, gateway)
    assert browser.ask("GET", "/api/v1/whoami").data["name"] == "alice"
    # What a page of it has to send along is the same, and as needed.
    assert browser.ask("POST", "/-/reload").status == 403
    assert browser.ask("POST", "/-/reload", x_csrf_token=browser.csrf).status == 200
    assert gone.ask("GET", "/api/v1/whoami").status == 401


def test_i18_sessions_outlive_an_upgrade_and_end_after_it(gateway: GatewayProcess) -> None:
    browser = Browser(api_of(gateway).port)
    before = gateway.owner()
    assert gateway.command("upgrade", "--state-dir", str(gateway.state.path)).returncode == 0
    wait_until(lambda: gateway.owner() != before)
    assert browser.ask("GET", "/api/v1/whoami").data["name"] == "alice"
    changed = {"role": "operator", "password": f"another-{PASSWORD}"}
    assert api_of(gateway).ask("PUT", "/api/v1/users/alice", changed).status == 200
    assert browser.ask("GET", "/api/v1/whoami").status == 401
