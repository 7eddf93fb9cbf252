"""Edits of a plugin's files while the gateway runs."""

import os
import signal
from pathlib import Path

from tests.sdk.probing import ask
from tests.servers.gateway_process import GatewayProcess, wait_until

PAGE = '''
from penstock.sdk import Filter, Request, Response

from .words import WORD


class Say(Filter):
    """Says a word."""

    def on_request(self, request: Request) -> Response:
        return Response(200, body=WORD)
'''
CONFIGURATION = """
kind: Listener
name: web
address: 127.0.0.1:0
---
kind: Plugin
name: words
python: {folder}
---
kind: Route
name: all
path: /*
steps: [{{kind: Say}}]
"""


def start(folder: Path) -> GatewayProcess:
    (folder / "say.py").write_text(PAGE)
    (folder / "words.py").write_text('WORD = "one"\n')
    return GatewayProcess(CONFIGURATION.format(folder=folder), workers=2)


def test_an_edit_is_live_without_a_reload(tmp_path: Path) -> None:
    with start(tmp_path) as gateway:
        assert ask(gateway, "/").text == "one"
        for word in ("two", "three"):
            (tmp_path / "words.py").write_text(f'WORD = "{word}"\n')
            wait_until(lambda word=word: ask(gateway, "/").text == word)


def test_a_broken_edit_leaves_the_old_code_running_and_names_its_line(tmp_path: Path) -> None:
    with start(tmp_path) as gateway:
        pids = gateway.worker_pids()
        (tmp_path / "say.py").write_text("\n\ndef broken(:\n")
        said = gateway.reload()
        assert said.returncode == 1
        assert "say.py:3:" in said.stdout + said.stderr
        assert ask(gateway, "/").text == "one"
        (tmp_path / "say.py").write_text(PAGE.replace("body=WORD", 'body="mended"'))
        wait_until(lambda: ask(gateway, "/").text == "mended")
        assert gateway.worker_pids() == pids


def test_a_worker_that_is_started_again_imports_the_accepted_copy(tmp_path: Path) -> None:
    with start(tmp_path) as gateway:
        (tmp_path / "say.py").unlink()
        (tmp_path / "words.py").write_text("raise SystemExit\n")
        gateway.reload()
        pids = gateway.worker_pids()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(gateway.worker_pids()) == 2 and not set(gateway.worker_pids()) & set(pids))
        wait_until(lambda: ask(gateway, "/").text == "one")


def test_a_worker_without_python_filters_imports_neither_pydantic_nor_the_sdk(tmp_path: Path) -> None:
    plain = (
        CONFIGURATION.partition("---")[0]
        + "---\n{kind: Route, name: a, path: /*, steps: [{kind: Respond, status: 204}]}"
    )
    with GatewayProcess(plain, workers=1) as gateway:
        assert "pydantic_core" not in maps(gateway)
    with start(tmp_path) as gateway:
        assert "pydantic_core" in maps(gateway)


def maps(gateway: GatewayProcess) -> str:
    return Path(f"/proc/{gateway.worker_pids()[0]}/maps").read_text()
