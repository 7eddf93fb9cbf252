"""Addresses and networks in one canonical form; what can be read in two ways is refused."""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

_LOOKS_NUMERIC = re.compile(r"[0-9.]+|.*(^|\.)(0[xX][0-9a-fA-F]*|[0-9]+)\.?")
_LOOKS_LIKE_IPV6 = re.compile(r"[0-9a-f]{0,4}:[0-9a-f:.]{0,40}")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_MAPPED_BITS = 96
_LONGEST_HOST = 253
_LARGEST_PORT = 65_535
_PORT_DIGITS = 5
_HOSTS_ELSEWHERE = {"localhost": "127.0.0.1", "*": "0.0.0.0"}  # noqa: S104 - what is written for it
_LONGEST_SOCKET_PATH = 107
"""Linux keeps 108 bytes for the path of a unix socket, the final zero among them."""


def canonical_ip(text: str) -> str:
    """An address in canonical form.

    Raises: ValueError if it is none, has a zone, or an octet with a leading zero, which some read as octal.
    """
    if "%" in text:
        raise ValueError(f"an address with a zone: {text!r}; zones mean something else on every machine")
    try:
        address = ip_address(text)
    except ValueError:
        raise ValueError(f"not an IP address: {text!r}; write one as in 10.0.0.1 or 2001:db8::1") from None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def canonical_network(text: str) -> str:
    """A network in canonical CIDR form; a single address becomes a network of one.

    Raises: ValueError if it is none, has bits set behind its prefix, a netmask for a length, or a zone.
    """
    address, slash, length = text.partition("/")
    base = ip_address(canonical_ip(address))
    wide = isinstance(ip_address(address), IPv6Address)
    if not slash:
        return str(ip_network(base))
    if not re.fullmatch(r"0|[1-9][0-9]{0,2}", length):
        raise ValueError(f"not a network: {text!r}; write the length of the prefix as a number, as in 10.0.0.0/8")
    bits = int(length) - (_MAPPED_BITS if wide and isinstance(base, IPv4Address) else 0)
    if bits < 0:
        raise ValueError(f"not a network: {text!r} reaches beyond the mapped IPv4 addresses; write two networks")
    try:
        return str(ip_network((base, bits)))
    except ValueError:
        return _refuse_host_bits(text, base, bits)


def canonical_host(text: str) -> str:
    """A host name or address in canonical form: lower case, IPv6 without brackets.

    Raises: ValueError if it is neither, or a number that some resolvers read as an address.
    """
    host = text.removesuffix(".").lower()
    if host.startswith("[") and host.endswith("]"):
        return _bracketed(host[1:-1])
    if _LOOKS_NUMERIC.fullmatch(host):
        return canonical_ip(host)
    if _LOOKS_LIKE_IPV6.fullmatch(host):
        raise ValueError(f"not a host name: {text[:80]!r}; write an IPv6 address in brackets: [{host}]")
    if len(host) > _LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise ValueError(f"not a host name: {text[:80]!r}; write one as in shop.example.com")
    return host


def canonical_port(text: str) -> int:
    """A port from its digits.

    Raises: ValueError if it is none.
    """
    digits_only = text.isascii() and text.isdigit() and len(text) <= _PORT_DIGITS
    if not digits_only or int(text) > _LARGEST_PORT:
        raise ValueError(f"not a port: {text[:20]!r}; write a number from 1 to 65535")
    return int(text)


def split_authority(text: str) -> tuple[str, str]:
    """A host and a port from `host:port`; the port is empty where there is none."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        return text, ""
    return host, port


def listening_address(text: str) -> str:
    """An address to listen on, in canonical form.

    Shape: `127.0.0.1:8080`, `[::]:8080` or `unix:/path`.
    Raises: ValueError that says what to write.
    """
    if text.startswith("unix:"):
        return socket_address(text)
    host, port = split_authority(text)
    if not port or not host:
        digits = port or text
        instead = (
            f"0.0.0.0:{digits} or 127.0.0.1:{digits}"
            if digits.isdigit()
            else "one as in 0.0.0.0:8080, [::]:8080 or unix:/path"
        )
        raise ValueError(f"not an address: {text[:80]!r}; write {instead}")
    if ":" in host and not host.startswith("["):
        raise ValueError(f"not an address: {text!r}; write an IPv6 address in brackets, as in [::1]:8080")
    if host in _HOSTS_ELSEWHERE:
        raise ValueError(f"not an address: {text!r}; write {_HOSTS_ELSEWHERE[host]}:{port[:20]}")
    bare = _bracketed(host[1:-1]) if host.startswith("[") else canonical_ip(host)
    return f"{bracketed(bare)}:{canonical_port(port)}"


def socket_address(text: str) -> str:
    """The address of a unix socket, `unix:/path`.

    Raises: ValueError if the path is relative, too long for the system, or holds a zero byte.
    """
    path = text.removeprefix("unix:")
    if not path.startswith("/") or "\0" in path:
        raise ValueError(
            f"not the path of a socket: {path[:80]!r}; write an absolute one, as in unix:/run/penstock.sock"
        )
    if len(path.encode()) > _LONGEST_SOCKET_PATH:
        raise ValueError(f"a path of {len(path.encode())} bytes is too long for a socket; {_LONGEST_SOCKET_PATH} fit")
    return text


def bracketed(host: str) -> str:
    """A host as it stands before a port: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _bracketed(text: str) -> str:
    if ":" not in text:
        raise ValueError(f"not an IPv6 address: {text!r}; only these stand in brackets")
    return canonical_ip(text)


def _refuse_host_bits(text: str, base: IPv4Address | IPv6Address, bits: int) -> str:
    if bits > base.max_prefixlen:
        raise ValueError(f"not a network: {text!r}; the prefix has at most {base.max_prefixlen} bits")
    network = ip_network((base, bits), strict=False)
    single = IPv6Network(base) if isinstance(base, IPv6Address) else ip_network(base)
    raise ValueError(f"{text!r} has bits set behind its prefix; write {network} or {single}")
