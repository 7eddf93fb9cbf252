"""Every administrative act is noted, also those that were refused, and no entry can pretend to be another (I22)."""

import asyncio
import http.client
import json
import os
import stat
import threading
from pathlib import Path

import pytest

from penstock.admin.access import audit as audit_module
from penstock.admin.access.audit import ACTS, REFUSALS, Audit
from tests.admin.api import Api, api_of
from tests.servers.gateway_process import GatewayProcess, wait_until

CONFIGURATION = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Route, name: hello, path: /hello, steps: [{kind: Respond, status: 200, body: hi}]}
"""
ROUTE = {"kind": "Route", "name": "made", "path": "/made", "to": "http://127.0.0.1:1"}


def test_what_is_done_and_what_is_refused_are_noted_with_all_that_is_known() -> None:
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as gateway:
        admin = api_of(gateway)
        made = admin.ask("PUT", "/api/v1/resources/route/made?message=why%0Anot%1b", ROUTE)
        admin.ask("PUT", "/api/v1/resources/route/bad", {**ROUTE, "name": "bad", "pth": 1})
        admin.token, token = "wrong", admin.token
        admin.ask("GET", "/-/status")
        admin.ask("DELETE", "/api/v1/resources/route/%0d%0a%1b[2Jx")
        admin.token = token
        admin.ask("GET", "/api/v1/resources")
        assert gateway.command("reload", "--state-dir", str(gateway.state.path)).returncode == 0
        entries = admin.ask("GET", "/api/v1/audit").data["items"]
        told = [(one["actor"], one["method"], one["path"], one["status"], one["result"]) for one in entries]
        assert told == [
            ("owner", "POST", "/-/reload", 200, "done"),
            ("nobody", "DELETE", "/api/v1/resources/route/\r\n\x1b[2Jx", 401, "refused"),
            ("nobody", "GET", "/-/status", 401, "refused"),
            ("admin", "PUT", "/api/v1/resources/route/bad", 422, "failed"),
            ("admin", "PUT", "/api/v1/resources/route/made", 201, "done"),
        ]
        first = entries[-1]
        assert (first["id"], first["revision"]) == (made.headers["x-request-id"], made.data["revision"])
        assert (first["peer"], first["way"]) == ("127.0.0.1", "token")
        assert entries[0]["peer"].startswith("socket, user ")
        assert admin.ask("GET", "/api/v1/audit?limit=2").data["items"] == entries[:2]
        before = int(first["time"] * 1000) + 1
        assert admin.ask("GET", f"/api/v1/audit?before={before}").data["items"][-1] == first
        check_command(gateway, entries)


def check_command(gateway: GatewayProcess, entries: list[object]) -> None:
    """I22: what a terminal is given is one line an entry, of plain text."""
    shown = gateway.command("audit", "--state-dir", str(gateway.state.path))
    assert shown.returncode == 0
    lines = shown.stdout.splitlines()
    assert len(lines) == 1 + len(entries)
    assert all(line.isprintable() for line in lines)
    assert "\\r\\n\\x1b[2Jx" in shown.stdout
    exported = gateway.command("audit", "--state-dir", str(gateway.state.path), "-o", "json")
    assert json.loads(exported.stdout) == entries
    files = list(gateway.state.audit.iterdir())
    assert sorted(file.name for file in files) == ["acts.jsonl", "refusals.jsonl"]
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600
        assert all(line.isascii() and line.isprintable() for line in file.read_text().split("\n"))


def test_the_log_is_bounded_and_what_strangers_try_pushes_out_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_module, "_LARGEST", {ACTS: 2_000, REFUSALS: 2_000})
    monkeypatch.setattr(audit_module, "_MOST_REFUSALS", 10**9)
    audit = Audit(tmp_path / "audit")
    audit.write({"time": 0.5, "actor": "admin"})
    for number in range(2_000):
        audit.write({"time": 1.0 + number, "actor": "nobody"}, REFUSALS)
    assert sum(file.stat().st_size for file in audit.folder.iterdir()) < 5 * 2_000 + 100
    found = audit.read(10_000)
    assert found[-1] == {"time": 0.5, "actor": "admin"}
    assert found[0]["time"] == 2_000.0
    # Another life of the gateway goes on where this one was.
    again = Audit(tmp_path / "audit")
    again.write({"time": 9_999.0, "actor": "admin"})
    assert [one["time"] for one in again.read(1)] == [9_999.0]


def test_refusals_of_one_second_are_counted_rather_than_written(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit")
    for number in range(5_000):
        audit.write({"time": float(number)}, REFUSALS)
    assert len(audit.read(10_000)) < 1_000


def test_a_line_that_is_not_whole_is_left_out(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    audit.write({"time": 1.0})
    with (tmp_path / "acts.jsonl").open("a") as file:
        file.write('{"time": 2.0, "act')
    assert audit.read(10) == [{"time": 1.0}]
    # Nor does it spoil what a later life writes behind it.
    Audit(tmp_path).write({"time": 3.0})
    assert audit.read(10) == [{"time": 3.0}, {"time": 1.0}]


def test_files_that_another_process_has_filled_or_taken_away_are_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_module, "_LARGEST", {ACTS: 100, REFUSALS: 100})
    one, two = Audit(tmp_path), Audit(tmp_path)
    for number in range(10):
        (one, two)[number % 2].write({"time": float(number), "actor": "someone"})
    assert [entry["time"] for entry in one.every()] == [float(number) for number in range(10)]
    assert {file.stat().st_size <= 100 for file in tmp_path.iterdir()} == {True}
    (tmp_path / "acts.jsonl").rename(tmp_path / "elsewhere")
    one.write({"time": 10.0})
    assert one.read(1) == [{"time": 10.0}]


def test_acts_are_on_disk_when_that_is_said_and_many_share_one_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def counted(descriptor: int) -> None:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            synced.append(os.fstat(descriptor).st_size)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    audit = Audit(tmp_path)

    async def act(number: int) -> None:
        audit.write({"time": float(number)})
        written = (tmp_path / "acts.jsonl").stat().st_size
        await audit.synced()
        assert max(synced) >= written

    async def story() -> None:
        await asyncio.gather(*(act(number) for number in range(100)))
        assert len(synced) <= 2
        for number in range(3):
            before = len(synced)
            await act(number)
            assert len(synced) == before + 1
        # What strangers try brings no disk to work.
        before = len(synced)
        audit.write({"time": 1.0}, REFUSALS)
        assert len(synced) == before

    asyncio.run(story())


def test_what_was_answered_for_is_in_the_log_of_a_gateway_that_was_killed() -> None:
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as gateway:
        admin = api_of(gateway)
        answered: list[str] = []

        def write() -> None:
            for number in range(10_000):
                try:
                    made = admin.ask("PUT", "/api/v1/resources/route/made?wait=none", {**ROUTE, "path": f"/m{number}"})
                except (OSError, http.client.HTTPException):
                    return
                answered.append(made.headers["x-request-id"])

        writing = threading.Thread(target=write)
        writing.start()
        wait_until(lambda: len(answered) >= 20, 60)
        assert gateway.process is not None
        gateway.process.kill()
        writing.join(60)
        gateway.wait(10)
        gateway.start()
        # The first token is the same; the port is another.
        port = int(gateway.said.rpartition("admin port on 127.0.0.1:")[2].partition("\n")[0])
        exported = Api(port, admin.token).ask("GET", "/api/v1/audit/export")
        assert exported.headers["content-type"] == "application/x-ndjson"
        entries = [json.loads(line) for line in exported.text.splitlines()]
        assert set(answered) <= {entry["id"] for entry in entries}
        assert [entry["time"] for entry in entries] == sorted(entry["time"] for entry in entries)
        # Taking it along is an act, too.
        latest = Api(port, admin.token).ask("GET", "/api/v1/audit?limit=1").data["items"]
        assert latest[0]["path"] == "/api/v1/audit/export"
