"""Reloading a running gateway (R2); under load it is `test_reload_under_load.py`."""

import http.client
import signal
import time
from pathlib import Path

from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.load import Load
from tests.servers.origin import Origin


def mark(port: int) -> str | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/mark")
        answer = connection.getresponse()
        answer.read()
        return answer.getheader("x-mark")
    finally:
        connection.close()


def test_a_changed_file_is_noticed_whichever_way_it_was_written() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        port = gateway.port()
        gateway.write(forwarding(origin.url, mark="replaced"))
        wait_until(lambda: mark(port) == "replaced", 3)
        gateway.file.write_text(forwarding(origin.url, mark="overwritten"))
        wait_until(lambda: mark(port) == "overwritten", 3)
        gateway.file.unlink()
        time.sleep(0.2)
        gateway.file.write_text(forwarding(origin.url, mark="again"))
        wait_until(lambda: mark(port) == "again", 3)


def test_sighup_reloads_also_where_files_are_not_watched() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url), "--no-watch") as gateway:
        port = gateway.port()
        gateway.write(forwarding(origin.url, mark="later"))
        time.sleep(0.6)
        assert mark(port) == "1"
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: mark(port) == "later", 3)


def test_a_file_that_the_configuration_refers_to_is_watched_too() -> None:
    with Origin() as origin, GatewayProcess("") as gateway:
        Path(gateway.folder / "mark").write_text("first\n")
        gateway.write(forwarding(origin.url, mark="${file:mark}"))
        wait_until(lambda: gateway.status()["listeners"], 3)
        port = gateway.port()
        assert mark(port) == "first"
        Path(gateway.folder / "mark").write_text("second\n")
        wait_until(lambda: mark(port) == "second", 3)


def test_a_mistake_that_is_undone_is_told_as_well_as_the_mistake_and_a_new_warning_is() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        good, twin = forwarding(origin.url), forwarding(origin.url) + HIDDEN.format(to=origin.url)
        for count in (1, 2):
            gateway.write(good.replace("kind: Route", "kind: Rout"))
            wait_until(lambda count=count: gateway.said.count("the configuration is not applied") == count)
            gateway.write(good)
            again = "revision 1 stays as it is"
            wait_until(lambda count=count, again=again: gateway.said.count(again) == count)
        gateway.write(twin)
        wait_until(lambda: "WARNING" in gateway.said and "this route never serves" in gateway.said)
        gateway.write(twin.replace("name: hidden", "name: secret"))
        wait_until(lambda: "route/secret: this route never serves" in gateway.said)
        assert gateway.said.count("route/hidden: this route never serves") == 1


HIDDEN = """
---
kind: Route
name: hidden
path: /*
headers: {{x-beta: "1"}}
priority: -1
to: {to}
"""


def test_listeners_come_go_and_change_their_names_while_the_others_serve() -> None:
    def configuration(*listeners: tuple[str, str]) -> str:
        parts = [f"kind: Listener\nname: {name}\naddress: {address}\n" for name, address in listeners]
        return "---\n".join([*parts, f"kind: Route\nname: all\npath: /*\nto: {origin.url}\n"])

    with Origin() as origin, GatewayProcess(configuration(("web", "127.0.0.1:0"))) as gateway:
        path = gateway.folder / "unix.sock"
        port = gateway.port()
        with Load(port, fresh=2) as load:
            gateway.write(configuration(("web", "127.0.0.1:0"), ("side", f"unix:{path}")))
            assert gateway.reload().returncode == 0
            assert path.is_socket()
            gateway.write(configuration(("web", "127.0.0.1:0")))
            assert gateway.reload().returncode == 0
            assert not path.exists()
            time.sleep(0.1)
        assert load.losses.lost == []
        assert (load.losses.closed, load.losses.dropped) == (0, 0)
        gateway.write(configuration(("renamed", "127.0.0.1:0")))
        assert gateway.reload().returncode == 0
        assert gateway.port("renamed") == port
        wait_until(lambda: mark(port) is None, 3)


BROKEN = {
    "bad YAML": "kind: [Listener",
    "an unknown key": "kind: Listener\nname: web\naddress: 127.0.0.1:0\nadress: x\n",
    "a wrong value": "kind: Listener\nname: web\naddress: nowhere\n",
    "a dangling reference": "kind: Route\nname: all\nsteps: [{kind: Forward, to: nobody}]\n",
    "two of one name": "---\n".join(["kind: Listener\nname: web\naddress: 127.0.0.1:0\n"] * 2),
    "a bad condition": "kind: Route\nname: all\npath: /*\nto: http://127.0.0.1:1\nwhen: '1 +'\n",
    "an address that is taken": "kind: Listener\nname: web\naddress: 127.0.0.1:{taken}\n",
}


def test_r2_a_broken_configuration_is_refused_and_changes_nothing() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url, mark="good")) as gateway:
        port = gateway.port()
        taken = origin.url.rpartition(":")[2]
        revision = gateway.status()["revision"]
        with Load(port, kept=2) as load:
            for name, text in BROKEN.items():
                gateway.write(text.replace("{taken}", taken))
                ended = gateway.reload()
                assert (ended.returncode, bool(ended.stderr)) == (1, True), name
                assert mark(port) == "good", name
                assert gateway.status()["revision"] == revision, name
        assert load.losses.lost == []
        assert (load.losses.closed, load.losses.dropped) == (0, 0)
        changes = gateway.status()["changes"]
        assert [(one["source"], one["result"]) for one in changes[:3]] == [("files", "refused")] * 3
        assert all(one["problems"] for one in changes[:3])
        assert f'penstock_changes_total{{result="refused"}} {len(BROKEN)}\n' in gateway.ask("GET", "/metrics")[1]
        gateway.write(forwarding(origin.url, mark="better"))
        ended = gateway.reload()
        assert (ended.returncode, ended.stdout[:21]) == (0, f"revision {revision + 1} is applied")
        assert mark(port) == "better"
        latest = gateway.status()["changes"][0]
        assert (latest["result"], latest["revision"]) == ("applied", revision + 1)
        assert "route/all" in latest["put"]


def test_whoever_asks_or_mends_a_mistake_is_told_that_nothing_has_changed() -> None:
    def said(text: str) -> bool:
        return text in gateway.said

    with Origin() as origin, GatewayProcess(forwarding(origin.url), "--no-watch") as gateway:
        assert gateway.reload().stdout == "revision 1 is applied already\n"
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: said("the configuration was read again; revision 1 stays as it is"), 3)
        gateway.write("kind: [Listener")
        assert gateway.reload().stderr.endswith("nothing has changed\n")


def test_a_mended_configuration_is_told_of_where_files_are_watched() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        gateway.write("kind: [Listener")
        wait_until(lambda: "the configuration is not applied" in gateway.said, 3)
        gateway.write(forwarding(origin.url))
        wait_until(lambda: "revision 1 stays as it is" in gateway.said, 3)


def test_a_warning_that_a_change_brings_is_logged_once() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url), "--no-watch") as gateway:
        for mark in ("2", "3"):
            disabled = forwarding(origin.url, mark=mark).replace("name: web", "name: web\nenabled: false")
            gateway.write(disabled)
            assert gateway.reload().returncode == 0
        assert gateway.said.count("warning: no listener is enabled") == 1
