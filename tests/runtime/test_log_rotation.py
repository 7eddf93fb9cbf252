"""Log files that workers move away themselves, and that others move: no line is lost, doubled or torn."""

import gzip
import json
import re
import signal
import threading
from collections import Counter
from pathlib import Path

from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.origin import Origin
from tests.servers.requests import ask_many

MOVED = re.compile(r"access\.log\.[0-9]{8}T[0-9]{6}\.[0-9]{3}(\.gz)?")


def rotating(to: str, path: Path, rotation: str) -> str:
    log = f"{{path: {path}, keep: [path, id], rotate: {rotation}}}"
    return f"{forwarding(to)}---\nkind: Telemetry\nname: default\naccess_log: {log}\n"


def moved(folder: Path) -> list[Path]:
    """What was moved away, the oldest first."""
    return sorted(path for path in folder.iterdir() if MOVED.fullmatch(path.name))


def lines_of(path: Path) -> list[str]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    assert data.endswith(b"\n") or not data
    return data.decode().splitlines()


def all_lines(folder: Path) -> Counter[str]:
    """Ids of the requests in all files, whether compressed or not."""
    return Counter(str(json.loads(line)["id"]) for path in folder.iterdir() for line in lines_of(path))


def test_every_line_is_there_once_over_20_rotations_and_reopenings_by_three_workers() -> None:
    gateway = GatewayProcess("", workers=3)
    folder = gateway.folder / "logs"
    folder.mkdir()
    log = folder / "access.log"
    with Origin() as origin:
        gateway.write(rotating(origin.url, log, "{size: 64KiB, keep: null, compress: true}"))
        with gateway:
            port, path, asked = gateway.port(), "/" + "x" * 4000, 0
            while len(moved(folder)) < 20:
                assert ask_many(port, path, 100) == {200: 100}
                asked += 100
                assert asked < 20_000, "it is not rotated"
                if asked % 500 == 0:
                    # As others do who rotate logs: moved away by name, and the gateway told.
                    log.rename(folder / f"by-hand-{asked}")
                    gateway.signal(signal.SIGUSR1)
            wait_until(lambda: all(path.suffix == ".gz" for path in moved(folder)), 60)
            wait_until(lambda: sum(len(lines_of(path)) for path in folder.iterdir()) >= asked)
            found = all_lines(folder)
    assert (len(found), found.total()) == (asked, asked)


def test_what_was_moved_away_is_kept_in_number_and_files_of_others_stay() -> None:
    gateway = GatewayProcess("", workers=2)
    folder = gateway.folder / "logs"
    folder.mkdir()
    strangers = ("access.log.1", "access.log.20200101", "other.log.20200101T000000.000")
    for name in strangers:
        (folder / name).write_text("{}\n")
    oldest = folder / "access.log.20200101T000000.000"
    oldest.write_text("{}\n")
    with Origin() as origin:
        gateway.write(rotating(origin.url, folder / "access.log", "{size: 64KiB, keep: 2}"))
        with gateway:
            rounds = 0
            while len(moved(folder)) < 2 or oldest.exists() or rounds < 4:
                assert ask_many(gateway.port(), "/" + "x" * 4000, 60) == {200: 60}
                rounds += 1
                assert rounds < 200
            wait_until(lambda: len(moved(folder)) == 2)
            assert all((folder / name).exists() for name in strangers)


def test_a_file_of_an_earlier_period_is_moved_away_and_so_is_what_is_too_old_removed() -> None:
    gateway = GatewayProcess("", workers=2)
    folder = gateway.folder / "logs"
    folder.mkdir()
    with Origin() as origin:
        gateway.write(rotating(origin.url, folder / "access.log", "{every: 1s, age: 2s, keep: null}"))
        with gateway:
            assert ask_many(gateway.port(), "/first", 10) == {200: 10}
            wait_until(lambda: len(moved(folder)) >= 1)
            first = moved(folder)[0]
            assert {json.loads(line)["path"] for line in lines_of(first)} == {"/first"}
            # An empty file is of no period: without requests nothing is moved away, and nothing tidied.
            wait_until(lambda: ask_many(gateway.port(), "/later", 1) == {200: 1} and not first.exists(), 30, 0.2)


def test_logs_are_opened_again_by_all_workers_when_they_are_told() -> None:
    gateway = GatewayProcess("", workers=3)
    folder = gateway.folder / "logs"
    folder.mkdir()
    log = folder / "access.log"
    with Origin() as origin:
        gateway.write(rotating(origin.url, log, "{every: 7d}"))
        with gateway:
            stop = threading.Event()

            def ask() -> None:
                while not stop.is_set():
                    ask_many(gateway.port(), "/", 50)

            asking = threading.Thread(target=ask, daemon=True)
            asking.start()
            try:
                for number in range(5):
                    away = folder / f"away-{number}"
                    log.rename(away)
                    told = gateway.command("reload", "--logs", "--state-dir", str(gateway.state.path))
                    assert (told.returncode, told.stdout) == (0, "log files are opened again\n")
                    # Nobody writes to it any more, so it may be compressed or sent away.
                    whole = away.read_bytes()
                    wait_until(lambda: log.exists() and log.stat().st_size > 0)
                    assert away.read_bytes() == whole
            finally:
                stop.set()
                asking.join(60)
