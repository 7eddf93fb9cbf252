"""`penstock role`: what users and tokens may do."""

from penstock.cli.described_access import Described

COMMAND = Described("role", ("description",)).command
