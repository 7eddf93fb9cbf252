"""The count at the end of `make test` is what the runners said."""

import pytest

from tools.checks import STEPS, Count, main

LINES = {
    "test result: ok. 54 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.01s": "54 0 2",
    "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s": "3 1 0",
    "skipped test: strace is missing": "-1 0 1",
    "5 passed, 1 skipped in 0.30s": "5 0 1",
    "2 failed, 5 passed, 3 deselected, 1 error in 61.30s (0:01:01)": "5 3 0",
    "=== 1 xfailed, 1 xpassed in 1.00s ===": "0 1 1",
    "no tests ran in 0.01s": "0 0 0",
    "the 5 passed gates": "0 0 0",
}


@pytest.mark.parametrize("line", LINES)
def test_a_closing_line_is_counted(line: str) -> None:
    count = Count()
    count.read(line)
    assert f"{count.passed} {count.failed} {count.skipped}" == LINES[line]


def test_a_step_that_fails_without_naming_a_test_counts_as_one_failure() -> None:
    count = Count(passed=2)
    count.close(STEPS[0], failed_before=0)
    assert str(count) == "2 passed, 1 failed, 0 skipped"


def test_failures_that_the_runner_counted_are_not_counted_again() -> None:
    count = Count(failed=3)
    count.close(STEPS[0], failed_before=1)
    assert str(count) == "0 passed, 3 failed, 0 skipped"


def test_an_unknown_group_is_wrong_usage() -> None:
    assert main(["everything"]) == 2
