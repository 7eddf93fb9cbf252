"""Where nodes join: a port that speaks TLS with the cluster's certificates, and opens to who has an invitation.

Who joins first asks for the authority's certificate, which it knows by its fingerprint, and sends the secret only to
who has a certificate of that. One line of JSON is asked and answered on each connection.
"""

import asyncio
import contextlib
import json
import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.base.names import check_name
from penstock.runtime.cluster.certificates import Pair, fingerprint, issue, make_key, public_of
from penstock.runtime.cluster.place import Address, ClusterPlace
from penstock.runtime.cluster.token import Invitation, Invitations
from penstock.store import Unavailable
from penstock.store.etcd.client import Client
from penstock.store.etcd.members import EtcdMember, add_learner

_log = logging.getLogger("penstock")
_SECONDS, _ASKING_SECONDS = 45.0, 10.0
_PATIENCE_SECONDS, _AGAIN_SECONDS = 30.0, 0.5
_MOST_BYTES = 64 * 1024
_MOST_AT_ONCE = 16


class CannotJoin(Exception):  # noqa: N818 - says what is the case
    """A node that is not let in, or that does not believe whom it asks; the text says why."""


@dataclass(slots=True)
class Door:
    """Lets nodes in."""

    place: ClusterPlace
    address: Address
    client: Client
    invitations: Invitations = field(default_factory=Invitations)
    _server: asyncio.Server | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _open: int = 0

    async def open(self) -> None:
        """Begin to answer.

        Raises: OSError.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(self.place.file("node.pem"), self.place.file("node.key"))
        host = self.address.host.strip("[]")
        self._server = await asyncio.start_server(
            self._answer, host, self.address.door, ssl=context, limit=_MOST_BYTES, ssl_handshake_timeout=_ASKING_SECONDS
        )

    def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()

    def invite(self) -> Invitation:
        """An invitation that opens once."""
        known = fingerprint(self.place.file("authority.pem").read_text())
        return Invitation(self.address.host, self.address.door, known, self.invitations.make())

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            async with asyncio.timeout(_SECONDS):
                if self._open <= _MOST_AT_ONCE:
                    async with asyncio.timeout(_ASKING_SECONDS):
                        line = await reader.readline()
                    answer = await self._answered(line)
                    writer.write(json.dumps(answer).encode() + b"\n")
                    await writer.drain()
        except (OSError, TimeoutError, ValueError) as problem:
            _log.warning("somebody could not join: %s", type(problem).__name__)
        finally:
            self._open -= 1
            writer.close()
            with contextlib.suppress(OSError, TimeoutError, ssl.SSLError):
                await writer.wait_closed()

    async def _answered(self, line: bytes) -> Mapping[str, Any]:
        try:
            asked = json.loads(line)
            if asked == {"want": "authority"}:
                return {"authority": self.place.authority.certificate}
            name, host = check_name(asked["name"]), str(asked["host"])
            where, secret, public = Address(host, int(asked["port"])), str(asked["secret"]), str(asked["key"])
        except (ValueError, TypeError, KeyError, RecursionError):
            return {"problem": "this is not how nodes ask"}
        if not self.invitations.take(secret):
            _log.warning("somebody asked to join with an invitation that is used, too old or none")
            return {"problem": "the invitation is used, too old or none; `penstock invite` makes another"}
        async with self._turn:
            return await self._let_in(name, where, public)

    async def _let_in(self, name: str, where: Address, public: str) -> Mapping[str, Any]:
        authority = self.place.authority
        try:
            certificate = issue(authority, public, name, where.host)
            members = await self._added(where.peer)
        except (ValueError, Unavailable) as problem:
            return {"problem": str(problem)}
        names = {one.name for one in members}
        if name in names:
            return {"problem": f"a node is called {name} already; give this one another --node"}
        _log.info("node %s joins at %s", name, where.client)
        initial = {one.name or name: one.peers[0] for one in members if one.name or where.peer in one.peers}
        endpoints = [url for one in members for url in one.clients]
        told = {"certificate": certificate, "authority_key": authority.key, "initial": initial}
        return {**told, "endpoints": endpoints or [self.address.client]}

    async def _added(self, peer: str) -> list[EtcdMember]:
        """The members with a new one. One joins at a time, and right after another etcd takes none for a moment.

        Raises: Unavailable.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return await add_learner(self.client, peer)
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(_AGAIN_SECONDS)


async def join(place: ClusterPlace, invitation: Invitation, name: str, own: Address) -> None:
    """Join the cluster that an invitation is from, and keep what it takes to be a part of it.

    Raises: CannotJoin, OSError.
    """
    # Nothing is believed of the first answer but what the fingerprint says.
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    stranger.check_hostname, stranger.verify_mode = False, ssl.CERT_NONE
    authority = str((await _ask(invitation, stranger, {"want": "authority"})).get("authority"))
    try:
        is_known = fingerprint(authority) == invitation.authority
    except ValueError:
        is_known = False
    if not is_known:
        raise CannotJoin("who answers there is not of the cluster that the invitation is from")
    context = ssl.create_default_context(cadata=authority)
    key = make_key()
    asked = {"name": name, "host": own.host, "port": own.port, "secret": invitation.secret, "key": public_of(key)}
    answer = await _ask(invitation, context, asked)
    if "problem" in answer:
        raise CannotJoin(str(answer["problem"]))
    try:
        pair = Pair(str(answer["certificate"]), key)
        place.keep(Pair(authority, str(answer["authority_key"])), pair)
        initial = {str(node): str(url) for node, url in answer["initial"].items()}
        place.know(initial, tuple(map(str, answer["endpoints"])))
    except (KeyError, AttributeError, TypeError) as problem:
        raise CannotJoin(f"the answer cannot be understood: {problem!r}") from None


async def _ask(invitation: Invitation, context: ssl.SSLContext, asked: Mapping[str, Any]) -> dict[str, Any]:
    host = invitation.host.strip("[]")
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(host, invitation.port, ssl=context, limit=_MOST_BYTES)
            try:
                writer.write(json.dumps(asked).encode() + b"\n")
                await writer.drain()
                found = json.loads(await reader.readline())
            finally:
                writer.close()
                with contextlib.suppress(OSError, ssl.SSLError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, ValueError) as problem:
        raise CannotJoin(f"{host}:{invitation.port}: {str(problem) or 'no answer in time'}") from None
    return found if isinstance(found, dict) else {}


def read_word(path: Path) -> str:
    """The invitation that lies in a file.

    Raises: ValueError.
    """
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as problem:
        raise ValueError(f"{path}: {getattr(problem, 'strerror', None) or problem}".lower()) from None
