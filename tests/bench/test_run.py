"""The bench compares like with like: ratios to the relay of the same scenario."""

from bench.load import Sample
from bench.run import Results, table
from bench.scenarios import number, strace_table


def samples(*values: float) -> list[Sample]:
    return [Sample(value, "", {}) for value in values]


def test_the_table_gives_least_and_median_and_their_ratios_to_the_relay() -> None:
    results: Results = {("h1", "relay"): samples(10, 14, 12), ("h1", "nginx"): samples(15, 18, 15.6)}
    rows = [line.split() for line in table(results)]
    assert rows[1:] == [
        ["h1", "relay", "10.00", "12.00", "1.000", "1.000", "us/request"],
        ["h1", "nginx", "15.00", "15.60", "1.500", "1.300", "us/request"],
    ]


def test_without_a_relay_there_is_no_ratio() -> None:
    rows = [line.split() for line in table({("sys", "nginx"): samples(4)})]
    assert rows[1:] == [["sys", "nginx", "4.00", "4.00", "-", "-", "calls/request"]]


def test_times_are_read_in_milliseconds() -> None:
    assert number(r"99%\s+([\d.]+)(us|ms|s)", "     99%  250.00us") == 0.25
    assert number(r"99%\s+([\d.]+)(us|ms|s)", "     99%    1.50s") == 1500


def test_calls_are_read_from_a_table_with_and_without_errors() -> None:
    table_of_strace = (
        "% time     seconds  usecs/call     calls    errors syscall\n"
        "------ ----------- ----------- --------- --------- ----------------\n"
        " 50.00    0.000100           1       200           sendto\n"
        " 50.00    0.000100           1       210        10 recvfrom\n"
        "100.00    0.000200           1       410        10 total\n"
    )
    assert strace_table(table_of_strace) == {"sendto": 200, "recvfrom": 210}
