"""What a browser does with the gateway: pages, files, uploads, events and WebSocket, over each version of HTTP."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.browser.site import BIG, Site
from tests.servers.chromium import Chromium
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.tls_client import CERTIFICATES
from tests.servers.websocket_origin import WebSocketOrigin

LISTENERS = {
    "http/1.1": ("127.0.0.1", "[http1]"),
    "h2": ("127.0.0.2", "[h2, http1]"),
    "h3": ("127.0.0.3", "[h3, h2, http1]"),
}
PROTOCOLS = pytest.mark.parametrize("protocol", LISTENERS)
LISTENER = """
kind: Listener
name: {name}
address: {address}:0
protocols: {protocols}
{tls}
---"""
REST = """
kind: Certificate
name: shop
certificate: ${{file:{folder}/shop.pem}}
key: ${{file:{folder}/shop.key}}
---
kind: Telemetry
name: default
access_log: {{path: {log}}}
---
kind: Route
name: talk
path: /talk
to: {talk}
---
kind: Route
name: marked
path: /marked
steps: [{{kind: Respond, status: 200, body: first}}]
---
kind: Route
name: all
path: /*
to: {site}
"""
DOWNLOAD = """fetch('/big').then(answer => answer.arrayBuffer()).then(async body => {
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
    return body.byteLength + ' ' + Array.from(hash, byte => byte.toString(16).padStart(2, '0')).join('');
})"""
UPLOAD = """(() => {
    const body = new Uint8Array(%d);
    body.forEach((_, index) => { body[index] = index %% 251; });
    return fetch('/upload', {method: 'POST', body}).then(answer => answer.text());
})()"""
EVENTS = """new Promise((done, failed) => {
    const source = new EventSource('/events'), seen = [];
    source.onerror = () => failed('the stream broke off after ' + seen.length);
    source.onmessage = event => {
        seen.push(event.lastEventId + ': ' + event.data);
        if (seen.length < 4) { fetch('/next'); return; }
        source.close();
        fetch('/next').then(() => done(seen));
    };
})"""
OPEN = """new Promise((done, failed) => {
    socket = new WebSocket(location.origin.replace('http', 'ws') + '/talk');
    socket.onopen = () => done('open');
    socket.onclose = end => failed('closed with ' + end.code);
})"""
SAY = """new Promise((done, failed) => {
    socket.onmessage = message => done(message.data.length);
    socket.onclose = end => failed('closed with ' + end.code);
    socket.send('x'.repeat(%d));
})"""
CLOSE = "new Promise(done => { socket.onclose = end => done(end.code); socket.close(1000); })"


@dataclass
class Stage:
    """A browser, and the gateway that it visits."""

    browser: Chromium
    gateway: GatewayProcess
    configuration: str

    def visit(self, protocol: str) -> None:
        """Go to the page over a version of HTTP."""
        self.browser.open(self.url(protocol))
        assert self.browser.run("performance.getEntriesByType('navigation')[0].nextHopProtocol") == protocol

    def url(self, protocol: str) -> str:
        port = self.gateway.port(name(protocol))
        return f"http://127.0.0.1:{port}/" if protocol == "http/1.1" else f"https://{protocol}.shop.test:{port}/"

    def logged(self, path: str) -> list[dict[str, Any]]:
        """What the access log says of a path."""
        lines = (self.gateway.folder / "access.log").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["path"] == path]


def name(protocol: str) -> str:
    return protocol.replace("/", "-")


def configuration(gateway: GatewayProcess, site: Site, talk: WebSocketOrigin) -> str:
    tls = "tls: {certificates: [shop]}"
    listeners = "".join(
        LISTENER.format(
            name=name(protocol), address=address, protocols=spoken, tls="" if protocol == "http/1.1" else tls
        )
        for protocol, (address, spoken) in LISTENERS.items()
    )
    log = gateway.folder / "access.log"
    return listeners + REST.format(folder=CERTIFICATES, log=log, talk=talk.url, site=site.url)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    gateway = GatewayProcess("", workers=2)
    with Site() as site, WebSocketOrigin() as talk:
        text = configuration(gateway, site, talk)
        gateway.write(text)
        with gateway:
            # An authority of its own is none that Chromium lets an Alt-Svc name HTTP/3 for.
            forced = f"--origin-to-force-quic-on=h3.shop.test:{gateway.port('h3')}"
            with Chromium(forced) as browser:
                yield Stage(browser, gateway, text)


@PROTOCOLS
def test_a_page_is_loaded_with_its_parts(stage: Stage, protocol: str) -> None:
    stage.visit(protocol)
    assert stage.browser.run("document.title") == "ran"
    assert stage.browser.run("getComputedStyle(document.querySelector('p')).color") == "rgb(1, 2, 3)"
    parts = "performance.getEntriesByType('resource').map(one => one.nextHopProtocol)"
    assert set(stage.browser.run(parts)) == {protocol}


@PROTOCOLS
def test_a_big_file_comes_whole(stage: Stage, protocol: str) -> None:
    stage.visit(protocol)
    assert stage.browser.run(DOWNLOAD) == f"{len(BIG)} {hashlib.sha256(BIG).hexdigest()}"


@PROTOCOLS
@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_an_upload_arrives_whole(stage: Stage, protocol: str, size: int) -> None:
    stage.visit(protocol)
    sent = bytes(index % 251 for index in range(size))
    assert stage.browser.run(UPLOAD % size) == f"{size} {hashlib.sha256(sent).hexdigest()}"


@PROTOCOLS
def test_each_event_is_seen_before_the_next_is_sent(stage: Stage, protocol: str) -> None:
    stage.visit(protocol)
    assert stage.browser.run(EVENTS) == [f"{number}: event {number}" for number in range(4)]


@pytest.mark.parametrize(("protocol", "spoken"), [("http/1.1", "HTTP/1.1"), ("h2", "HTTP/2")])
def test_a_websocket_lives_through_a_reload(stage: Stage, protocol: str, spoken: str) -> None:
    stage.visit(protocol)
    before = len(stage.logged("/talk"))
    assert stage.browser.run(OPEN) == "open"
    for size in (0, 125, 126, 65_536, 1 << 20):
        assert stage.browser.run(SAY % size) == size
    assert stage.browser.run("fetch('/marked').then(answer => answer.text())") == "first"
    stage.gateway.write(stage.configuration.replace("body: first", "body: second"))
    assert stage.gateway.reload().returncode == 0
    assert stage.browser.run("fetch('/marked').then(answer => answer.text())") == "second"
    assert stage.browser.run(SAY % 300) == 300
    assert stage.browser.run(CLOSE) == 1000
    stage.gateway.write(stage.configuration)
    assert stage.gateway.reload().returncode == 0
    wait_until(lambda: len(stage.logged("/talk")) > before)
    assert stage.logged("/talk")[-1]["protocol"] == spoken


def test_a_thousand_requests_at_once_share_one_connection_of_http3(stage: Stage) -> None:
    stage.visit("h3")
    every = "Promise.all(Array.from({length: 1000}, (_, index) => fetch('/style.css?' + index)))"
    assert stage.browser.run(f"{every}.then(all => all.filter(one => one.status === 200).length)") == 1000
