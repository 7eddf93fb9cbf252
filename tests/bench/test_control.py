"""The figures of the control plane are measured on a real gateway, and told as a spread."""

import pytest

from bench import control


def test_a_spread_has_its_least_its_median_and_its_tail() -> None:
    told = control.spread("reads", [float(number) for number in range(1, 101)], "ms")
    assert told == "reads: least 1.0, median 50.5, p99 100.0, most 100.0 ms of 100"


def test_a_write_has_an_effect_that_is_measured() -> None:
    effect, answer = control.of_effect(routes=3, writes=2)
    assert effect.startswith("write to effect, 3 routes: least ")
    assert answer.endswith(" ms of 2")


def test_an_unknown_figure_is_told_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert control.main(["speed"]) == 2
    assert capsys.readouterr().err == "no figure speed: there are help, get-routes, reads, list, rest, effect\n"
