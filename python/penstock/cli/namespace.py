"""`penstock namespace`: the resources of teams, and what they may touch."""

from penstock.cli.described_access import Described

COMMAND = Described("namespace", ("kinds", "hosts", "listeners", "shared")).command
