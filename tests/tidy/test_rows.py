"""Every class of attack and of fault that the project answers for has a test with its name."""

import re

from tools.repository import text, with_suffix

ROWS = {
    "a": range(1, 46),  # framing and syntax of HTTP/1
    "b": range(1, 24),  # HTTP/2
    "c": range(1, 12),  # HTTP/3 and QUIC
    "d": (*range(1, 11), 12, 13),  # paths, hosts, redirects
    "e": range(1, 5),  # what is believed of a client
    "f": (9, 12, 13, 18),  # keys, certificates of clients
    "g": (1, 2, 3, 4, 5, *range(9, 13)),  # who wears the gateway out
    "i": (*range(2, 12), 13, 14, 15, 18, *range(20, 25)),  # the admin API and the ports and store of a cluster
    "j": range(6, 10),  # filters
    "l": range(1, 11),  # gRPC, WebSocket, TLS
    # changes, endpoints, processes, stores
    "r": (*range(1, 10), *range(11, 14), *range(20, 33), 35, 36, *range(38, 58), 59, 60, 64, 69),
}
NAME = re.compile(r"^\s*(?:async )?(?:fn|def) (?:test_)?(?P<rows>(?:[a-z]\d+_)+)", re.MULTILINE)


def test_each_row_has_a_test_with_its_name() -> None:
    names = [found for path in with_suffix(".rs", ".py") for found in NAME.finditer(text(path))]
    tested = {row for found in names for row in found["rows"].split("_")}
    rows = [f"{letter}{number}" for letter, numbers in ROWS.items() for number in numbers]
    assert [row for row in rows if row not in tested] == []
