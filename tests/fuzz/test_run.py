"""The fuzzer is started right: every target has its corpus, and what it says of itself is counted."""

import argparse
import sys
from pathlib import Path

import pytest

from fuzz.run import CORPUS, command, main, runs_of, targets


def test_every_target_has_inputs_and_all_are_small() -> None:
    sizes = {name: [path.stat().st_size for path in (CORPUS / name).iterdir()] for name in targets()}
    assert all(sizes.values())
    assert max(max(one) for one in sizes.values()) < 16 << 10


def test_what_is_new_goes_into_the_first_folder_and_the_corpus_is_read() -> None:
    options = argparse.Namespace(seconds=7, bytes=100)
    program, kept, corpus, *flags = command(Path("program"), "path", options)
    assert (program, corpus) == ("program", str(CORPUS / "path"))
    assert Path(kept).is_dir()
    assert CORPUS not in Path(kept).parents
    assert {"-max_total_time=7", "-max_len=100"} <= {*flags}


def test_the_inputs_that_were_tried_are_counted() -> None:
    assert runs_of("#2 INITED\nstat::number_of_executed_units: 1234\nstat::peak_rss_mb: 30\n") == "1234"
    assert runs_of("==1== ERROR: libFuzzer: deadly signal") == "0"


def test_an_unknown_target_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["fuzz", "everything"])
    assert main() == 2
