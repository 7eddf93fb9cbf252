"""Messages of Protocol Buffers come back as they were, and what is no message is told."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.store.etcd.messages import COMPARE, KEY_VALUE, TXN
from penstock.store.etcd.protobuf import Malformed, decode, encode

NUMBERS = st.integers(-(2**63), 2**63 - 1)


@given(key=st.binary(max_size=300), revision=NUMBERS, lease=NUMBERS)
def test_what_is_written_is_read(key: bytes, revision: int, lease: int) -> None:
    message = {"key": key, "create_revision": 1, "mod_revision": revision, "value": key[::-1], "lease": lease}
    assert decode(KEY_VALUE, encode(KEY_VALUE, message)) == message


@pytest.mark.parametrize(
    ("message", "written"),
    [
        ({"compare": []}, ""),
        ({"compare": [{"target": 2, "key": b"a", "mod_revision": 0}]}, "0a07 1002 1a0161 3000"),
        ({"success": [{"put": {"key": b"a", "value": b"\xff"}}]}, "1208 1206 0a0161 1201ff"),
        ({"success": [{"range": {"key": b"a", "keys_only": True, "limit": 300}}]}, "120a 0a08 0a0161 4001 18ac02"),
    ],
)
def test_messages_are_written_as_others_write_them(message: dict[str, Any], written: str) -> None:
    assert encode(TXN.request, message).hex() == written.replace(" ", "")


def test_fields_that_are_not_known_are_left_out() -> None:
    unknown = bytes.fromhex("f83f01 fa3f0161 f93f0102030405060708 fd3f01020304".replace(" ", ""))
    assert decode(COMPARE, unknown + encode(COMPARE, {"key": b"a"}))["key"] == b"a"


@pytest.mark.parametrize("data", ["0a", "0a05", "0a0561", "08", "ff" * 11, "0b", "0a80", "0800", "1a0161ff"])
def test_what_is_no_message_is_told(data: str) -> None:
    with pytest.raises(Malformed):
        decode(KEY_VALUE, bytes.fromhex(data))


@given(data=st.binary(max_size=60))
def test_any_bytes_are_a_message_or_told(data: bytes) -> None:
    try:
        decode(TXN.response, data)
    except Malformed:
        return
