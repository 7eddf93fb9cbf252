"""People come in with passwords: sessions, their ends, and pages of others (I5, I7, I8, I15, I18)."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie

import pytest

from tests.admin.api import Answer, Api, api_of
from tests.servers.gateway_process import GatewayProcess

CONFIGURATION = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Route, name: hello, path: /hello, steps: [{kind: Respond, status: 200, body: hi}]}
"""
PASSWORD = "correct-horse-battery"
SESSION = "/api/v1/session"


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as started:
        yield started


@pytest.fixture(scope="module")
def admin(gateway: GatewayProcess) -> Api:
    api = api_of(gateway)
    made = api.ask("PUT", "/api/v1/users/alice", {"role": "operator", "password": PASSWORD})
    assert (made.status, made.data["password"]) == (201, "**********")
    return api


class Browser:
    """Somebody who has come in by a browser."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.origin = f"http://127.0.0.1:{port}"
        found = come_in(port, origin=self.origin)
        assert found.status == 201, found.text
        [self.cookie] = SimpleCookie(found.headers["set-cookie"]).values()
        self.csrf = found.data["csrf"]

    def ask(self, method: str, path: str, **headers: str) -> Answer:
        fields = {"cookie": f"{self.cookie.key}={self.cookie.value}", "host": f"127.0.0.1:{self.port}", **headers}
        return bare(self.port, method, path, None, **fields)


def bare(port: int, method: str, path: str, data: object, **headers: str) -> Answer:
    """A request without a token."""
    return Api(port, "").ask(method, path, data, None, authorization="", **headers)


def come_in(port: int, name: str = "alice", password: str = PASSWORD, form: str = "cookie", **headers: str) -> Answer:
    return bare(port, "POST", f"{SESSION}?form={form}", {"name": name, "password": password}, **headers)


def test_a_session_is_a_cookie_that_no_script_and_no_other_site_has(admin: Api) -> None:
    browser = Browser(admin.port)
    assert (browser.cookie["httponly"], browser.cookie["samesite"], browser.cookie["path"]) == (True, "strict", "/")
    assert browser.ask("GET", "/api/v1/whoami").data["name"] == "alice"
    assert browser.ask("POST", "/-/reload", x_csrf_token=browser.csrf, origin=browser.origin).status == 200


def test_i5_a_page_of_another_site_changes_nothing(admin: Api) -> None:
    browser = Browser(admin.port)
    refused = [
        {},
        {"x_csrf_token": "wrong"},
        {"x_csrf_token": browser.csrf, "origin": "https://evil.test"},
        {"x_csrf_token": browser.csrf, "origin": "null"},
        {"x_csrf_token": browser.csrf, "sec_fetch_site": "cross-site"},
        {"x_csrf_token": browser.csrf, "origin": f"https://127.0.0.1:{admin.port}"},
    ]
    for headers in refused:
        assert browser.ask("POST", "/-/reload", **headers).status == 403, headers
    assert browser.ask("GET", "/-/status", origin="https://evil.test").status == 403
    assert browser.ask("POST", "/-/reload", x_csrf_token=browser.csrf).status == 200
    # Nor does it let somebody in whom the user does not know.
    assert come_in(admin.port, origin="https://evil.test").status == 403


def test_i8_no_page_of_another_site_may_read_answers(admin: Api) -> None:
    for method, path in (("GET", "/-/ready"), ("OPTIONS", "/api/v1/resources"), ("GET", "/api/v1/resources")):
        found = admin.ask(method, path, origin="https://evil.test", access_control_request_method="GET")
        assert not [name for name in found.headers if name.startswith("access-control-")], (method, path)


def test_i18_a_session_ends_on_this_side(admin: Api) -> None:
    browser, other = Browser(admin.port), Browser(admin.port)
    assert browser.ask("DELETE", SESSION, x_csrf_token=browser.csrf).status == 200
    assert browser.ask("GET", "/api/v1/whoami").status == 401
    assert other.ask("GET", "/api/v1/whoami").status == 200
    # Another password ends all of them.
    changed = {"role": "operator", "password": "another-" + PASSWORD}
    assert admin.ask("PUT", "/api/v1/users/alice", changed).status == 200
    assert other.ask("GET", "/api/v1/whoami").status == 401
    assert admin.ask("PUT", "/api/v1/users/alice", {"role": "operator", "password": PASSWORD}).status == 200


def test_a_user_who_changes_or_goes_is_another_at_once(admin: Api) -> None:
    user = {"role": "operator", "password": PASSWORD}
    assert admin.ask("PUT", "/api/v1/users/bob", user).status == 201
    token = come_in(admin.port, "bob", form="token").data["token"]
    bob = Api(admin.port, token)
    assert bob.ask("POST", "/-/reload").status == 200
    # The password stays where it is not sent.
    assert admin.ask("PUT", "/api/v1/users/bob", {"role": "viewer"}).status == 200
    assert bob.ask("POST", "/-/reload").status == 403
    assert come_in(admin.port, "bob").status == 201
    assert admin.ask("PUT", "/api/v1/users/bob", {"role": "viewer", "enabled": False}).status == 200
    assert bob.ask("GET", "/api/v1/whoami").status == 401
    assert come_in(admin.port, "bob").status == 401
    assert admin.ask("DELETE", "/api/v1/users/bob").status == 200
    assert admin.ask("GET", "/api/v1/users/bob").status == 404


def test_what_makes_no_user_is_refused_and_not_repeated(admin: Api) -> None:
    for sent in ({"role": "viewer", "password": "short-one"}, {"role": "viewer", "password": ["a-list-of-it"]}):
        found = admin.ask("PUT", "/api/v1/users/eve", sent)
        assert found.status == 422
        assert "short-one" not in found.text
        assert "a-list-of-it" not in found.text
    assert admin.ask("PUT", "/api/v1/users/eve", {"role": "none"}).status == 422
    assert admin.ask("PUT", "/api/v1/users/owner", {"role": "viewer"}).status == 409


def test_i15_a_password_is_nowhere_to_be_read(admin: Api, gateway: GatewayProcess) -> None:
    for path in ("/api/v1/users", "/api/v1/users/alice", "/api/v1/history", "/api/v1/audit", "/-/status"):
        found = admin.ask("GET", path).text
        assert PASSWORD not in found
        assert "scrypt$" not in found
    assert PASSWORD not in gateway.said
    kept = [file.read_bytes() for file in gateway.state.path.rglob("*") if file.is_file()]
    assert all(PASSWORD.encode() not in content for content in kept)
    shown = gateway.command("show", "--state-dir", str(gateway.state.path), "r2")
    assert "scrypt$" not in shown.stdout


def test_i7_attempts_at_the_same_time_are_not_all_the_first() -> None:
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as gateway:
        admin = api_of(gateway)
        assert admin.ask("PUT", "/api/v1/users/alice", {"role": "viewer", "password": PASSWORD}).status == 201
        with ThreadPoolExecutor(30) as pool:
            found = list(pool.map(lambda _: come_in(admin.port, password="wrong-password").status, range(90)))
        assert set(found) == {401, 429}
        assert found.count(401) < 20
        assert admin.ask("GET", "/-/status").status == 200


def test_strangers_hold_few_places_and_send_little(admin: Api, gateway: GatewayProcess) -> None:
    head = (
        f"POST {SESSION} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n"
    )
    waiting = [socket.create_connection(("127.0.0.1", admin.port), 30) for _ in range(8)]
    for stream in waiting:
        stream.sendall(head.encode())
    # Those who have no place are told so at once, the others when their time is over.
    said = [stream.recv(65536).split()[1] for stream in waiting]
    assert sorted(said) == [b"408"] * 4 + [b"429"] * 4
    for stream in waiting:
        stream.close()
    assert come_in(admin.port, password="x" * 20_000).status == 413
    assert come_in(admin.port).status == 201
    assert "Traceback" not in gateway.said


def test_i7_a_hundred_wrong_attempts_are_slowed_down_and_noted() -> None:
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as gateway:
        admin = api_of(gateway)
        assert admin.ask("PUT", "/api/v1/users/alice", {"role": "viewer", "password": PASSWORD}).status == 201
        found = [come_in(admin.port, password="wrong-password") for _ in range(100)]
        assert [one.status for one in found[:5]] == [401] * 5
        slowed = [one for one in found if one.status == 429]
        assert len(slowed) > 80
        assert all(1 <= int(one.headers["retry-after"]) <= 900 for one in slowed)
        # Neither is the right one looked at meanwhile, nor does one learn whether there is such a user.
        assert come_in(admin.port).status == 429
        assert come_in(admin.port, "nobody-at-all").status == 429
        # Whoever has a token is not kept out by a neighbour.
        assert admin.ask("GET", "/api/v1/whoami").status == 200
        entries = admin.ask("GET", "/api/v1/audit?limit=1000").data["items"]
        wrong = [one for one in entries if one["path"] == SESSION and one["result"] == "refused"]
        assert "alice" in {one["actor"] for one in wrong} <= {"alice", "nobody-at-all"}
        assert len(wrong) + sum(one.get("skipped_before", 0) for one in wrong) >= 50
