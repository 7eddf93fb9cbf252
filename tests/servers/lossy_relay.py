"""A relay of datagrams that loses some of them, both ways, by chance that is the same each time (R38)."""

import random
import selectors
import socket
import threading
from typing import Self

MOST_DATAGRAM = 65536


class LossyRelay:
    """Stands before one port; each client has a socket of its own towards it."""

    def __init__(self, port: int, loss: float, seed: int) -> None:
        self._target = ("127.0.0.1", port)
        self._loss = loss
        self._chance = random.Random(seed)
        self._front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._front.bind(("127.0.0.1", 0))
        self.port = int(self._front.getsockname()[1])
        self.passed = self.lost = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(5)

    def _run(self) -> None:
        behind: dict[tuple[str, int], socket.socket] = {}
        with selectors.DefaultSelector() as selector, self._front:
            selector.register(self._front, selectors.EVENT_READ, None)
            while not self._ending.is_set():
                for key, _ in selector.select(0.1):
                    if key.data is None:
                        data, client = self._front.recvfrom(MOST_DATAGRAM)
                        if client not in behind:
                            behind[client] = self._towards()
                            selector.register(behind[client], selectors.EVENT_READ, client)
                        self._pass(behind[client].send, data)
                    else:
                        data = key.fileobj.recv(MOST_DATAGRAM)  # type: ignore[union-attr] # a socket
                        self._pass(lambda data, client=key.data: self._front.sendto(data, client), data)
        for one in behind.values():
            one.close()

    def _towards(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.connect(self._target)
        return made

    def _pass(self, send: object, data: bytes) -> None:
        if self._chance.random() < self._loss:
            self.lost += 1
        else:
            self.passed += 1
            send(data)  # type: ignore[operator] # one of the two above
