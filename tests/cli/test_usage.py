"""Wrong usage: one line that says what is wrong and, where it can be told, what was meant."""

from pathlib import Path

import pytest

from penstock.cli.main import main

WRONG = [
    (("get", "route", "orders"), "it does not take orders; did you mean `route/orders`?"),
    (("describe", "route", "orders"), "it does not take orders; did you mean `route/orders`?"),
    (("get", "--labls", "x"), "it does not take --labls; did you mean `--labels`?"),
    (("get", "--labls=x"), "it does not take --labls=x; did you mean `--labels`?"),
    (("run", "gateway.yaml"), "it does not take gateway.yaml; did you mean `-c gateway.yaml`?"),
    (("get", "routes", "gateway.yaml"), "did you mean `routes/gateway.yaml`?"),
    (("certs", "gateway.yaml"), "it does not take gateway.yaml; did you mean `-f gateway.yaml`?"),
    (("run", "nothing.yaml"), "it does not take nothing.yaml; `penstock run --help` tells what it takes"),
    (("show",), "missing: REVISION; `penstock show --help` tells what it takes"),
    (("scale", "x"), "N: 'x': write a number from 1 to 64; `penstock scale --help` tells what it takes"),
    (("token", "create"), "missing: NAME, --role; `penstock token create --help` tells what it takes"),
    (("--nothing",), "it does not take --nothing; `penstock --help` tells what it takes"),
]


@pytest.mark.parametrize(("words", "expected"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_wrong_usage_is_one_line(
    words: tuple[str, ...],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "gateway.yaml").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(words)
    told = capsys.readouterr()
    assert (ended.value.code, told.out, told.err.count("\n")) == (2, "", 1)
    assert told.err.startswith("penstock: ")
    assert told.err.endswith(f"{expected}\n")


def test_commands_and_their_help_are_on_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main([]) == 0
    listed = capsys.readouterr().out.partition("COMMAND\n")[2]
    assert all(len(line.split("  ")) >= 2 for line in listed.strip().splitlines())
    assert "    namespace   Say what teams may have\n" in listed
