"""People come in by a real OpenID provider, and programs with its tokens (I5, I18)."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from penstock.admin.access.oidc.provider import Right
from tests.admin.api import Api, api_of
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.openid_provider import Browser, OpenidProvider

# The first time, programs of others are built or fetched.
pytestmark = pytest.mark.timeout(900)

jwt = pytest.importorskip("jwt", reason="penstock[oidc] is not installed")
CONFIGURATION = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Route, name: hello, path: /hello, steps: [{kind: Respond, status: 200, body: hi}]}
"""
CALLBACK = "/api/v1/login/callback"
PROVIDERS = "/api/v1/providers"


@dataclass
class Setting:
    """A gateway with a provider that it knows."""

    gateway: GatewayProcess
    admin: Api
    provider: OpenidProvider

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.admin.port}"

    def described(self, **more: Any) -> dict[str, Any]:
        rights = [
            {"claim": "groups", "value": "ops", "role": "operator"},
            {"claim": "sub", "value": "eve", "role": "viewer"},
        ]
        return {
            "issuer": self.provider.issuer,
            "client_id": "gateway",
            "client_secret": "secret-of-gateway",
            "url": self.url,
            "rights": rights,
            **more,
        }

    def come_in(self, name: str) -> tuple[Browser, int, str]:
        """A browser, and how the gateway receives it."""
        browser = Browser(name)
        back = browser.come_in(f"{self.url}/api/v1/login/corp", f"{self.url}{CALLBACK}")
        status, _, text = browser.visit(back)
        return browser, status, text


@contextmanager
def begun() -> Iterator[Setting]:
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as gateway:
        admin = api_of(gateway)
        with OpenidProvider(f"http://127.0.0.1:{admin.port}{CALLBACK}") as provider:
            made = Setting(gateway, admin, provider)
            kept = admin.ask("PUT", f"{PROVIDERS}/corp", made.described())
            assert (kept.status, kept.data["client_secret"]) == (201, "**********")
            yield made


@pytest.fixture(scope="module")
def setting() -> Iterator[Setting]:
    with begun() as made:
        yield made


def test_somebody_comes_in_by_the_provider_and_goes_out(setting: Setting) -> None:
    browser, status, text = setting.come_in("ops-alice")
    assert (status, text) == (200, "ops-alice@example.com has come in\n")
    told = json.loads(browser.visit(f"{setting.url}/api/v1/whoami")[2])
    assert (told["name"], told["role"], told["way"]) == ("ops-alice@example.com", "operator", "session")
    [session] = [one for one in browser.cookies if one.name == "penstock_session"]
    assert session.has_nonstandard_attr("HttpOnly")
    assert session.get_nonstandard_attr("SameSite") == "strict"
    # I5: what changes something needs what only a page of the gateway can know.
    assert browser.visit(f"{setting.url}/-/reload", {"a": "b"})[0] == 403
    shown = {"authorization": "", "cookie": f"{session.name}={session.value}", "x_csrf_token": told["csrf"]}
    nobody = Api(setting.admin.port, "")
    assert nobody.ask("POST", "/-/reload", None, None, **shown).status == 200
    # I18: the gateway forgets the session.
    assert nobody.ask("DELETE", "/api/v1/session", None, None, **shown).status == 200
    assert browser.visit(f"{setting.url}/api/v1/whoami")[0] == 401
    acts = setting.admin.ask("GET", "/api/v1/audit").text
    assert "ops-alice@example.com" in acts
    assert "code=" not in acts


def test_a_command_waits_for_its_user_to_come_in_by_a_browser(setting: Setting, tmp_path: Path) -> None:
    variables = {"PENSTOCK_CONFIG": str(tmp_path / "contexts.yaml")}
    added = setting.gateway.command("context", "add", "near", "--server", setting.url, **variables)
    assert added.returncode == 0
    command = [sys.executable, "-m", "penstock", "login", "--provider", "corp"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **variables}) as waiting:
        assert waiting.stderr is not None
        url = next(line.strip() for line in waiting.stderr if line.startswith("http"))
        browser = Browser("ops-dave")
        _, place, _ = browser.visit(browser.come_in(url, f"{setting.url}{CALLBACK}"))
        assert place.startswith("http://127.0.0.1:")
        assert browser.visit(place)[0] == 200
        assert waiting.wait(30) == 0
    found = setting.gateway.command("whoami", **variables)
    assert found.stdout == "ops-dave@example.com, by session: operator\n"
    # The code was for once, and for the command that began.
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(place).query)["code"][0]
    nobody = Api(setting.admin.port, "")
    sent = {"code": code, "verifier": "x"}
    assert nobody.ask("POST", "/api/v1/session", sent, None, authorization="").status == 401
    assert browser.visit(f"{setting.url}/api/v1/login/corp?port=80&challenge={'a' * 43}")[0] == 400


def test_a_code_is_for_the_command_that_began(setting: Setting) -> None:
    browser, challenge = Browser("ops-dave"), "a" * 43
    start = f"{setting.url}/api/v1/login/corp?port=50000&challenge={challenge}"
    _, place, _ = browser.visit(browser.come_in(start, f"{setting.url}{CALLBACK}"))
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(place).query)["code"][0]
    nobody = Api(setting.admin.port, "")
    for verifier in ("guessed", challenge):
        sent = {"code": code, "verifier": verifier}
        assert nobody.ask("POST", "/api/v1/session", sent, None, authorization="").status == 401


def test_whom_nobody_has_given_a_role_does_not_come_in(setting: Setting) -> None:
    browser, status, text = setting.come_in("mallory")
    assert (status, "nobody here has said what you may do" in text) == (403, True)
    assert browser.visit(f"{setting.url}/api/v1/whoami")[0] == 401


def test_a_way_in_is_for_the_browser_that_began_it_and_for_once(setting: Setting) -> None:
    browser = Browser("ops-alice")
    back = browser.come_in(f"{setting.url}/api/v1/login/corp", f"{setting.url}{CALLBACK}")
    # Somebody else's link lets nobody in as somebody else.
    assert Browser("eve").visit(back)[0] == 403
    assert browser.visit(back)[0] == 403
    assert browser.visit(f"{setting.url}{CALLBACK}?state=made-up&code=x")[0] == 403
    assert browser.visit(f"{setting.url}/api/v1/login/nobody")[0] == 404


def test_an_answer_of_another_provider_is_shown_to_none(setting: Setting) -> None:
    """A code that somebody else's provider has led to here is not sent to this one (RFC 9207)."""
    for issuer in ("iss=https%3A%2F%2Fevil.test", "iss=", ""):
        browser = Browser("ops-alice")
        back = browser.come_in(f"{setting.url}/api/v1/login/corp", f"{setting.url}{CALLBACK}")
        named = urllib.parse.urlencode({"iss": setting.provider.issuer})
        assert named in back
        status, _, text = browser.visit(back.replace(named, issuer))
        assert (status, "another's answer" in text) == (403, True)


def test_a_cookie_that_is_no_text_is_no_fault(setting: Setting) -> None:
    browser = Browser("ops-alice")
    back = browser.come_in(f"{setting.url}/api/v1/login/corp", f"{setting.url}{CALLBACK}")
    nobody = Api(setting.admin.port, "")
    path = back.removeprefix(setting.url)
    assert nobody.ask("GET", path, None, None, authorization="", cookie="penstock_coming=\xff").status == 403


def test_what_is_known_of_the_provider_ends_with_it(setting: Setting) -> None:
    browser, status, _ = setting.come_in("ops-bob")
    assert status == 200
    changed = setting.described(rights=[], client_secret="**********")
    assert setting.admin.ask("PUT", f"{PROVIDERS}/corp", changed).status == 200
    assert browser.visit(f"{setting.url}/api/v1/whoami")[0] == 401
    assert setting.come_in("ops-bob")[1] == 403
    assert setting.admin.ask("PUT", f"{PROVIDERS}/corp", setting.described()).status == 200
    assert setting.come_in("ops-bob")[1] == 200


def test_i15_the_secret_of_the_client_is_not_read_back(setting: Setting) -> None:
    for path in (PROVIDERS, f"{PROVIDERS}/corp", "/api/v1/history", "/api/v1/audit", "/-/status"):
        assert "secret-of-gateway" not in setting.admin.ask("GET", path).text
    assert "secret-of-gateway" not in setting.gateway.said


def id_token(setting: Setting, name: str, client: str = "gateway") -> str:
    """A token that the provider gives to a program of a client."""
    verifier = "a" * 64
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    redirect = f"{setting.url}{CALLBACK}"
    query = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": redirect,
        "scope": "openid email",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    browser = Browser(name)
    back = browser.come_in(f"{setting.provider.issuer}/auth?{urllib.parse.urlencode(query)}", redirect)
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["code"][0]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect,
        "client_id": client,
        "client_secret": f"secret-of-{client}",
        "code_verifier": verifier,
    }
    answer = browser.visit(f"{setting.provider.issuer}/token", form)[2]
    return str(json.loads(answer)["id_token"])


def test_a_token_of_the_provider_is_good_for_whom_it_names(setting: Setting) -> None:
    api = Api(setting.admin.port, id_token(setting, "ops-carol"))
    told = api.ask("GET", "/api/v1/whoami").data
    assert (told["name"], told["way"], told["role"]) == ("ops-carol@example.com", "bearer", "operator")
    assert api.ask("POST", "/-/reload").status == 200
    assert api.ask("GET", "/api/v1/tokens").status == 403
    # Of whom no right says anything nothing is let in.
    assert Api(setting.admin.port, id_token(setting, "mallory")).ask("GET", "/api/v1/whoami").status == 401


def test_a_token_that_is_not_the_providers_or_not_for_us_is_refused(setting: Setting) -> None:
    assert Api(setting.admin.port, id_token(setting, "ops-carol", "another")).ask("GET", "/-/status").status == 401
    good = id_token(setting, "ops-carol")
    head, body, signature = good.split(".")
    now = int(time.time())
    claims = {
        "iss": setting.provider.issuer,
        "aud": "gateway",
        "sub": "ops-x",
        "groups": ["ops"],
        "iat": now,
        "exp": now + 60,
    }
    own = ec.generate_private_key(ec.SECP256R1())
    forged = [
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b'=').decode()}.{signature}",
        jwt.encode(claims, own, "ES256", {"kid": "first"}),
        jwt.encode(claims, own, "ES256", {"kid": "unknown"}),
        jwt.encode(claims, "x" * 64, "HS256", {"kid": "first"}),
        jwt.encode(claims, "", "none", {"kid": "first"}),
        jwt.encode({**claims, "iss": "https://evil.test"}, own, "ES256", {"kid": "first"}),
        "eyJ.eyJ.x",
        "eyJhbGciOiJub25lIn0.e30.",
    ]
    for token in forged:
        assert Api(setting.admin.port, token).ask("GET", "/-/status").status == 401, token
    assert Api(setting.admin.port, good).ask("GET", "/-/status").status == 200


def test_a_provider_that_is_away_keeps_nobody_else_out(setting: Setting) -> None:
    away = setting.described(issuer="http://127.0.0.1:1")
    assert setting.admin.ask("PUT", f"{PROVIDERS}/away", away).status == 201
    found = Browser("x").visit(f"{setting.url}/api/v1/login/away")
    assert found[0] == 503
    assert setting.admin.ask("GET", "/-/status").status == 200
    assert setting.admin.ask("DELETE", f"{PROVIDERS}/away").status == 200


def test_an_address_that_nobody_has_confirmed_gives_no_right() -> None:
    right = Right(claim="email", value="boss@example.com", role="admin")
    claims = {"sub": "x", "email": "boss@example.com"}
    assert [
        right.holds_for({**claims, **more}) for more in ({}, {"email_verified": False}, {"email_verified": True})
    ] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://provider.test"},
        {"issuer": "file:///etc/passwd"},
        {"url": "ftp://x"},
        {"client_id": ""},
        {"rights": [{"claim": "groups", "value": "ops", "role": "no-such-role"}]},
    ],
)
def test_what_is_no_provider_is_refused(setting: Setting, wrong: dict[str, Any]) -> None:
    assert setting.admin.ask("PUT", f"{PROVIDERS}/wrong", setting.described(**wrong)).status == 422


def test_i18_people_of_a_provider_stay_when_the_gateway_is_upgraded() -> None:
    with begun() as setting:
        browser, status, _ = setting.come_in("ops-alice")
        assert status == 200
        before = setting.gateway.owner()
        assert setting.gateway.command("upgrade", "--state-dir", str(setting.gateway.state.path)).returncode == 0
        wait_until(lambda: setting.gateway.owner() != before)
        told = json.loads(browser.visit(f"{setting.url}/api/v1/whoami")[2])
        assert (told["name"], told["role"], told["way"]) == ("ops-alice@example.com", "operator", "session")
        changed = setting.described(rights=[{"claim": "groups", "value": "ops", "role": "viewer"}])
        assert setting.admin.ask("PUT", f"{PROVIDERS}/corp", changed).status == 200
        assert browser.visit(f"{setting.url}/api/v1/whoami")[0] == 401
