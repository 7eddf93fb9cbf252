"""The form in which a literal piece of a path is compared with requests."""

import re

_ESCAPE = re.compile(r"%(?:([0-9A-Fa-f]{2})|)")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PRINTABLE = re.compile(r"[!$&'()*+,;=:@/%A-Za-z0-9._~-]+")


def normal_path(text: str) -> str:
    """The text as requests bring it: unreserved characters plain, all others escaped in upper case.

    Raises: ValueError if an escape is broken.
    Source: RFC 3986, section 6.2.2.
    """
    if _PRINTABLE.fullmatch(text) and "%" not in text:
        return text
    escaped = "".join(_escaped(character) for character in text)
    return _ESCAPE.sub(_normal_escape, escaped)


def _escaped(character: str) -> str:
    if _PRINTABLE.fullmatch(character):
        return character
    if character < " " or character == "\x7f":
        raise ValueError("a control character in a path")
    return "".join(f"%{byte:02X}" for byte in character.encode())


def _normal_escape(found: re.Match[str]) -> str:
    if not found[1]:
        raise ValueError("`%` in a path stands before two hexadecimal digits; the character itself is %25")
    character = chr(int(found[1], 16))
    return character if character in _UNRESERVED else f"%{found[1].upper()}"
