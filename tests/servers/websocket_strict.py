"""A WebSocket endpoint that takes nothing for good that is not, and says so at the first byte that shows it."""

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Ping, Request, TextMessage
from wsproto.utilities import RemoteProtocolError

from tests.servers.raw_origin import Caller


def _answer(event: Event) -> Event | None:
    match event:
        case Request():
            return AcceptConnection()
        case CloseConnection() | Ping():
            return event.response()
        case TextMessage():
            return TextMessage(data=event.data, message_finished=event.message_finished)
        case BytesMessage():
            return BytesMessage(data=event.data, message_finished=event.message_finished)
    return None


def strict(caller: Caller) -> None:
    """The script of an endpoint that says back what comes, as it comes."""
    connection = WSConnection(ConnectionType.SERVER)
    while caller.read():
        data, caller.unread = caller.unread, b""
        connection.receive_data(data)
        try:
            for event in connection.events():
                if answer := _answer(event):
                    caller.send(connection.send(answer))
                if isinstance(event, CloseConnection):
                    return
        except RemoteProtocolError as error:
            caller.send(connection.send(error.event_hint or CloseConnection(code=1002)))
            return
