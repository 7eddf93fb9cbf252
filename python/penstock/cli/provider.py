"""`penstock provider`: the OpenID providers by which people come in."""

from penstock.cli.described_access import Described

COMMAND = Described("provider", ("issuer", "client_id", "url")).command
