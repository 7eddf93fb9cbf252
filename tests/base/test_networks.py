"""Addresses have one canonical form; what can be read in two ways is refused (E5)."""

import pytest

from penstock.base.networks import canonical_host, canonical_network, listening_address

NETWORKS = [
    ("10.0.0.0/8", "10.0.0.0/8"),
    ("10.1.2.3", "10.1.2.3/32"),
    ("0.0.0.0/0", "0.0.0.0/0"),
    ("2001:DB8::/32", "2001:db8::/32"),
    ("2001:db8:0:0::1", "2001:db8::1/128"),
    ("::ffff:10.0.0.1", "10.0.0.1/32"),
    ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
]
AMBIGUOUS = [
    "010.0.0.0/8",
    "10.0.0.010",
    "0x0a.0.0.1",
    "10.1",
    "167772161",
    "10.0.0.1/8",
    "10.0.0.0/255.0.0.0",
    "10.0.0.0/08",
    "10.0.0.0/33",
    "10.0.0.0/",
    "fe80::1%eth0",
    "fe80::%1/64",
    "::ffff:10.0.0.0/64",
    "2001:db8::1/32",
    "example.com",
    " 10.0.0.0/8",
    "",
]
ADDRESSES = [
    ("0.0.0.0:8080", "0.0.0.0:8080"),
    ("[::]:8443", "[::]:8443"),
    ("[2001:DB8::0:1]:80", "[2001:db8::1]:80"),
    ("127.0.0.1:0", "127.0.0.1:0"),
    ("unix:/run/penstock.sock", "unix:/run/penstock.sock"),
]
NO_ADDRESSES = [
    ":8080", "8080", "localhost:8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:+1", "127.1:80",
    "::1:80", "[::1]", "[127.0.0.1]:80", "unix:relative", "unix:", "unix:/" + "x" * 120, "[fe80::1%eth0]:80", "",
]  # fmt: skip
HOSTS = [
    ("Shop.Example.COM.", "shop.example.com"),
    ("127.0.0.1", "127.0.0.1"),
    ("[::1]", "::1"),
    ("xn--caf-dma.example", "xn--caf-dma.example"),
    ("a_b", "a_b"),
]
NO_HOSTS = ["", "a..b", "-a", "0x7f.1", "127.1", "017700000001", "1", "2130706433", "a b", "a" * 64, "[127.0.0.1]", "é"]


@pytest.mark.parametrize(("text", "canonical"), NETWORKS)
def test_e5_a_network_has_one_form(text: str, canonical: str) -> None:
    assert canonical_network(text) == canonical
    assert canonical_network(canonical) == canonical


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_e5_an_ambiguous_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical_network(text)


@pytest.mark.parametrize(("text", "canonical"), ADDRESSES)
def test_an_address_to_listen_on_has_one_form(text: str, canonical: str) -> None:
    assert listening_address(text) == canonical


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_cannot_be_listened_on_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        listening_address(text)


@pytest.mark.parametrize(("text", "canonical"), HOSTS)
def test_a_host_has_one_form(text: str, canonical: str) -> None:
    assert canonical_host(text) == canonical


@pytest.mark.parametrize("text", NO_HOSTS)
def test_e5_a_host_that_some_read_as_a_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical_host(text)
