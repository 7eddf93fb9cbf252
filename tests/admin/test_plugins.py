"""Archives of plugins over the admin API: who may bring them, what is refused, and what keeps them (I16)."""

import http.client
import json
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.filters.plugin_archive import LARGEST_ARCHIVE, digest_of, pack
from tests.admin.api import Answer, Api, api_of
from tests.filters.test_plugin_archive import HOSTILE, zipped
from tests.filters.test_plugin_shelf import key
from tests.servers.asking import fetch
from tests.servers.gateway_process import GatewayProcess, wait_until

CONFIGURATION = '{kind: Listener, name: web, address: "127.0.0.1:0"}'
ZIP = "application/zip"
SAYING = '''"""`Say`: says what it is told."""

from penstock.sdk import Field, Filter, FilterConfig, Request, Response

VERSION = {version!r}


class Say(Filter):
    """Answers with a text."""

    class Config(FilterConfig):
        text: str = Field("", description="What to say.")

    def on_request(self, request: Request) -> Response:
        return Response(200, body=VERSION + self.config.text)
'''
ROUTE = {"kind": "Route", "name": "say", "path": "/say", "steps": [{"kind": "Say", "text": "!"}]}


def plugin(digest: str) -> dict[str, Any]:
    return {"kind": "Plugin", "name": "house", "archive": digest}


def saying(folder: Path, version: str) -> Path:
    """A folder whose filter answers with a version."""
    (folder / version).mkdir()
    (folder / version / "say.py").write_text(SAYING.format(version=version))
    return folder / version


def push(api: Api, content: bytes, digest: str | None = None, query: str = "", **headers: str) -> Answer:
    path = f"/api/v1/plugins/{digest or digest_of(content)}{query}"
    return api.ask("PUT", path, body=content, **{"content_type": ZIP, **headers})


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as started:
        yield started


@pytest.fixture(scope="module")
def api(gateway: GatewayProcess) -> Api:
    return api_of(gateway)


@pytest.fixture
def empty(gateway: GatewayProcess, api: Api) -> Iterator[None]:
    """Leaves nothing behind that is in the way of others."""
    yield
    api.ask("DELETE", "/api/v1/resources/plugin/house?cascade=true")
    for one in api.ask("GET", "/api/v1/plugins").data["items"]:
        assert api.ask("DELETE", f"/api/v1/plugins/{one['archive']}").status == 200
    assert gateway.status()["problems"] == []


@pytest.mark.parametrize("what", sorted(HOSTILE.keys() - {"too large"}))
def test_i16_a_hostile_archive_is_refused_and_nothing_of_it_stays(api: Api, gateway: GatewayProcess, what: str) -> None:
    content, problem = HOSTILE[what]
    before = gateway.status()["store_revision"]
    answer = push(api, content)
    assert answer.status == 422
    assert re.search(problem, answer.data["detail"])
    assert api.ask("GET", "/api/v1/plugins").data["items"] == []
    assert gateway.status()["store_revision"] == before
    assert not list(gateway.state.path.glob("archives/*"))


def test_i16_a_gigabyte_is_refused_while_it_comes(api: Api, gateway: GatewayProcess) -> None:
    head = f"PUT /api/v1/plugins/sha256:{0:064} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {api.token}\r\n"
    head += f"content-type: {ZIP}\r\n"
    # Told beforehand: not a byte of it is read.
    with socket.create_connection(("127.0.0.1", api.port), 30) as told:
        told.sendall(f"{head}content-length: {1024**3}\r\n\r\n".encode())
        assert told.recv(65536).startswith(b"HTTP/1.1 413 ")
    # Not told: what is more than an archive may have is not read, nor kept.
    with socket.create_connection(("127.0.0.1", api.port), 30) as endless:
        endless.sendall(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
        sent, chunk = 0, b"10000\r\n" + bytes(65536) + b"\r\n"
        try:
            while sent < 1024**3:
                endless.sendall(chunk)
                sent += 65536
        except OSError:
            pass
        assert sent < 4 * LARGEST_ARCHIVE
    [supervisor] = [gateway.process.pid] if gateway.process else []
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{supervisor}/status").read_text())
    assert peak is not None
    assert int(peak[1]) < 400 * 1024


def test_i16_what_is_not_what_its_path_says_is_refused(api: Api) -> None:
    content = zipped("a.py")
    wrong = push(api, content, digest_of(b"another"))
    assert (wrong.status, "what arrived is" in wrong.data["detail"]) == (422, True)
    for path in ("sha256:12", "sha512:" + "0" * 64, f"sha256:{'A' * 64}", "x"):
        assert push(api, content, path).status == 400
    assert push(api, content, content_type="application/json").status == 415
    assert push(api, content, query="?name=A%20B").status == 400
    assert api.ask("GET", "/api/v1/plugins").data["items"] == []


@pytest.mark.usefixtures("empty")
def test_i16_bringing_code_is_a_right_of_its_own(api: Api) -> None:
    rules = {"uploader": ["upload"], "reader": ["read"], "writer": ["read", "write", "delete", "operate"]}
    for role, verbs in rules.items():
        assert api.ask("PUT", f"/api/v1/roles/{role}", {"rules": [{"verbs": verbs}]}).status == 201
    content, path = zipped("a.py"), f"/api/v1/plugins/{digest_of(zipped('a.py'))}"
    may = {
        "uploader": (403, 201, 200),
        "reader": (200, 403, 403),
        "writer": (200, 403, 403),
        "viewer": (200, 403, 403),
        "operator": (200, 403, 403),
        "admin": (200, 201, 200),
    }
    for role, (looks, brings, takes) in may.items():
        token = api.ask("POST", "/api/v1/tokens", {"name": f"by-{role}", "role": role}).data["token"]
        own = Api(api.port, token)
        assert own.ask("GET", "/api/v1/plugins").status == looks, role
        assert push(own, content).status == brings, role
        assert own.ask("DELETE", path).status == takes if takes == 200 else 403, role
    acts = api.ask("GET", "/api/v1/audit").data["items"]
    told = [(one["actor"], one["method"], one["status"]) for one in acts if one["path"] == path]
    assert ("by-operator", "PUT", 403) in told
    assert ("by-admin", "PUT", 201) in told
    [brought] = [one for one in acts if (one["actor"], one["method"]) == ("by-admin", "PUT")]
    assert brought["revision"] > 0
    assert brought["result"] == "done"


@pytest.mark.usefixtures("empty")
def test_a_plugin_that_names_an_archive_filters_with_the_next_request_and_keeps_it(
    api: Api, gateway: GatewayProcess, tmp_path: Path
) -> None:
    one, two = (pack(saying(tmp_path, version)) for version in ("one", "two"))
    missing = api.ask("POST", "/api/v1/apply", [plugin(one.digest), ROUTE])
    assert missing.status == 422
    assert "`penstock plugin push` brings it to a gateway" in str(missing.data["problems"])
    first = push(api, one.content, query="?name=house")
    assert (first.status, first.data["name"], first.data["files"], first.data["used_by"]) == (201, "house", 1, [])
    # Again, it is no change.
    again = push(api, one.content, query="?name=house")
    assert (again.status, again.data["revision"]) == (200, first.data["revision"])
    assert api.ask("POST", "/api/v1/apply", [plugin(one.digest), ROUTE]).status == 200
    assert fetch(gateway, "/say") == (200, "one!")
    shown = api.ask("GET", f"/api/v1/plugins/{one.digest}").data
    assert [file["name"] for file in shown["contents"]] == ["say.py"]
    assert shown["used_by"] == ["plugin/house"]
    refused = api.ask("DELETE", f"/api/v1/plugins/{one.digest}")
    assert (refused.status, refused.data["detail"].partition(" ")[0]) == (409, "plugin/house")
    assert push(api, two.content).status == 201
    changed = api.ask("PUT", "/api/v1/resources/plugin/house", plugin(two.digest))
    assert changed.status == 200, changed.data
    assert fetch(gateway, "/say") == (200, "two!")
    before = changed.data["revision"] - 1
    # What nobody names may go; going back to when it was named brings it back out of history.
    assert api.ask("DELETE", f"/api/v1/plugins/{one.digest}").status == 200
    shutil.rmtree(gateway.state.path / "archives")
    assert api.ask("POST", f"/api/v1/history/{before}/rollback").status == 200
    assert fetch(gateway, "/say") == (200, "one!")
    names = {one["archive"]: one["used_by"] for one in api.ask("GET", "/api/v1/plugins").data["items"]}
    assert names == {one.digest: ["plugin/house"], two.digest: []}


@pytest.mark.usefixtures("empty")
def test_a_backup_and_an_export_carry_archives(api: Api, gateway: GatewayProcess, tmp_path: Path) -> None:
    packed = pack(saying(tmp_path, "kept"))
    push(api, packed.content)
    assert api.ask("POST", "/api/v1/apply", [plugin(packed.digest), ROUTE]).status == 200
    place = ("--state-dir", str(gateway.state.path))
    assert gateway.command("backup", str(tmp_path / "backup"), *place).returncode == 0
    exported = gateway.command("export", "--archives", str(tmp_path / "archives"), *place)
    assert packed.digest in exported.stdout
    [file] = (tmp_path / "archives").iterdir()
    assert file.read_bytes() == packed.content
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as other:
        other.process_ends()
        restored = other.command("restore", str(tmp_path / "backup"), "--replace", "--state-dir", str(other.state.path))
        assert restored.returncode == 0, restored.stderr
        other.start()
        assert fetch(other, "/say") == (200, "kept!")
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as third:
        place = ("--state-dir", str(third.state.path))
        pushed = third.command("plugin", "push", str(file), "--name", "house", *place)
        assert pushed.stdout == f"{packed.digest}\n", pushed.stderr
        third.write(exported.stdout)
        third.reload()
        wait_until(lambda: fetch(third, "/say") == (200, "kept!"))


def test_files_of_a_configuration_name_archives_too_and_a_start_has_them(tmp_path: Path) -> None:
    packed = pack(saying(tmp_path, "files"))
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as gateway:
        assert push(api_of(gateway), packed.content).status == 201
        whole = "\n---\n".join((CONFIGURATION, json.dumps(plugin(packed.digest)), json.dumps(ROUTE)))
        gateway.write(whole)
        assert gateway.reload().returncode == 0
        assert fetch(gateway, "/say") == (200, "files!")
        gateway.process_ends()
        shutil.rmtree(gateway.state.path / "archives")
        shutil.rmtree(gateway.state.path / "plugins")
        gateway.start()
        assert fetch(gateway, "/say") == (200, "files!")
        # A digest that nobody has brought changes nothing.
        gateway.write(whole.replace(packed.digest, digest_of(b"nothing")))
        refused = gateway.reload()
        assert "is not here: `penstock plugin push` brings it" in refused.stderr, refused.stderr
        assert fetch(gateway, "/say") == (200, "files!")


def test_i16_what_was_changed_on_disk_is_not_what_serves_after_a_start(tmp_path: Path) -> None:
    packed = pack(saying(tmp_path, "true"))
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as gateway:
        api = api_of(gateway)
        push(api, packed.content)
        assert api.ask("POST", "/api/v1/apply", [plugin(packed.digest), ROUTE]).status == 200
        gateway.process_ends()
        [archive] = gateway.state.path.glob("archives/*.zip")
        archive.chmod(0o600)
        archive.write_bytes(packed.content.replace(b"true", b"evil"))
        [code] = gateway.state.path.glob("plugins/*/say.py")
        code.chmod(0o600)
        code.write_text(SAYING.format(version="evil"))
        gateway.start()
        assert fetch(gateway, "/say") == (200, "true!")
        assert archive.read_bytes() == packed.content


def test_i16_where_keys_are_trusted_only_what_they_have_signed_is_taken_and_used(tmp_path: Path) -> None:
    ours, theirs = key(tmp_path, "ours"), key(tmp_path, "theirs")
    folder = saying(tmp_path, "signed")
    packed = pack(folder)
    trusted = ("--trusted-keys", str(ours.with_suffix(".pub")))
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", *trusted, workers=1) as gateway:
        place = ("--state-dir", str(gateway.state.path))
        unsigned = gateway.command("plugin", "push", str(folder), *place)
        assert (unsigned.returncode, "is not signed" in unsigned.stderr) == (1, True)
        wrongly = gateway.command("plugin", "push", str(folder), "--key", str(theirs), *place)
        assert (wrongly.returncode, "by no key that is trusted" in wrongly.stderr) == (1, True)
        signed = gateway.command("plugin", "sign", str(folder), "--key", str(ours))
        (tmp_path / "signature").write_text(signed.stdout)
        assert json.loads(gateway.command("plugin", "list", "-o", "json", *place).stdout)["items"] == []
        signature = ("--signature", str(tmp_path / "signature"))
        pushed = gateway.command("plugin", "push", str(folder), *signature, *place)
        assert pushed.stdout == f"{packed.digest}\n", pushed.stderr
        assert api_of(gateway).ask("POST", "/api/v1/apply", [plugin(packed.digest), ROUTE]).status == 200
        assert fetch(gateway, "/say") == (200, "signed!")
        # With other keys nothing that these have signed is loaded, and what was served before is told to be wrong.
        gateway.process_ends()
        ours.with_suffix(".pub").write_bytes(theirs.with_suffix(".pub").read_bytes())
        process = gateway.spawn()
        wait_until(lambda: "by no key that is trusted" in gateway.said or process.poll() is not None, 60)
        assert "signed by no key that is trusted here" in gateway.said


@pytest.mark.usefixtures("empty")
def test_the_command_tells_lists_and_takes_away(gateway: GatewayProcess, tmp_path: Path) -> None:
    place = ("--state-dir", str(gateway.state.path))

    def penstock(*words: str, code: int = 0) -> str:
        found = gateway.command("plugin", *words, *(place if words[0] != "sign" else ()))
        assert found.returncode == code, found.stdout + found.stderr
        return found.stderr if code else found.stdout

    folder = saying(tmp_path, "shown")
    digest = penstock("push", str(folder)).strip()
    assert digest == pack(folder).digest
    header, row = penstock("list").splitlines()
    assert header.split()[:3] == ["ARCHIVE", "NAME", "FILES"]
    assert row.split()[:3] == [digest[:19], "shown", "1"]
    assert "say.py" in penstock("show", digest[7:15])
    assert "write more of the digest" in penstock("show", "ab", code=1)
    assert "there is no archive" in penstock("delete", "0" * 64, code=1)
    assert json.loads(penstock("list", "-o", "json"))["items"][0]["archive"] == digest
    assert penstock("delete", digest) == f"{digest} is gone, but from history\n"
    assert "archive shown" in gateway.command("history", *place).stdout
    (tmp_path / "evil.zip").write_bytes(HOSTILE["zip slip"][0])
    assert "leads out of the archive" in penstock("push", str(tmp_path / "evil.zip"), code=1)
    assert "no such file" in penstock("push", str(tmp_path / "nowhere"), code=1).lower()


def test_a_connection_that_ends_in_the_middle_leaves_nothing(api: Api) -> None:
    content = zipped("a.py")
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)
    connection.putrequest("PUT", f"/api/v1/plugins/{digest_of(content)}")
    for name, text in (("authorization", f"Bearer {api.token}"), ("content-type", ZIP), ("content-length", "500")):
        connection.putheader(name, text)
    connection.endheaders(content[:50])
    connection.close()
    assert api.ask("GET", "/api/v1/plugins").data["items"] == []
