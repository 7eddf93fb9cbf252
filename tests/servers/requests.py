"""Requests for tests, many at once."""

import http.client
import threading
from collections import Counter

_AT_ONCE = 8


def ask_many(port: int, path: str, count: int) -> dict[int, int]:
    """How many of so many requests were answered with which status; several connections are used at once."""
    statuses: Counter[int] = Counter()
    lock = threading.Lock()

    def ask(share: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            for _ in range(share):
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                with lock:
                    statuses[answer.status] += 1
        finally:
            connection.close()

    shares = [count // _AT_ONCE + (number < count % _AT_ONCE) for number in range(_AT_ONCE)]
    threads = [threading.Thread(target=ask, args=(share,), daemon=True) for share in shares if share]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return dict(statuses)


def get(port: int, path: str) -> tuple[int, bytes]:
    """Status and body of one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
