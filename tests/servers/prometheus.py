"""Prometheus, which Debian has: installed or unpacked from its package, as a process with a folder of its own."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from tests.servers.debian_package import unpacked

START_SECONDS = 60.0


def prometheus_program(name: str) -> Path:
    """Where `prometheus` or `promtool` is; the test is skipped where neither is and no package can be had."""
    installed = shutil.which(name)
    if installed:
        return Path(installed)
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "penstock" / "tools"
    found = cache / name
    if found.exists():
        return found
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="prometheus-", dir=cache) as apart:
        if not unpacked("prometheus", Path(apart)):
            pytest.skip("Prometheus is not installed, and cannot be had here: apt-get fetches it")
        for program in ("prometheus", "promtool"):
            (Path(apart) / "usr/bin" / program).replace(cache / program)
    return found


@dataclass
class Prometheus:
    """One that scrapes a target every second; used in a `with`."""

    target: str
    rules: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="prometheus-")))

    def __enter__(self) -> Self:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        scraped = [{"job_name": "penstock", "static_configs": [{"targets": [self.target]}]}]
        told = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(self.rules)],
            "scrape_configs": scraped,
        }
        (self.folder / "prometheus.yml").write_text(json.dumps(told))
        command = [str(prometheus_program("prometheus")), f"--config.file={self.folder}/prometheus.yml"]
        command += [f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address=127.0.0.1:{self.port}"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            said = (self.folder / "log").read_text()
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What a query gives now."""
        found: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return found

    def get(self, path: str, **parameters: str) -> Any:
        """The data of an answer of its API."""
        with urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}?{urlencode(parameters)}", timeout=30) as answer:
            told = json.load(answer)
        assert told["status"] == "success", told
        return told["data"]

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=30) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False
