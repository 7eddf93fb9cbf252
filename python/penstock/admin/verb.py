"""What may be done over the admin API: the words that roles are made of."""

from enum import StrEnum


class Verb(StrEnum):
    """What somebody is allowed to do; every operation names the one it needs."""

    READ = "read"
    """Look: at resources, history, status, metrics."""
    WRITE = "write"
    """Create and replace resources."""
    DELETE = "delete"
    """Delete resources."""
    OPERATE = "operate"
    """Act on the gateway as it runs: reload, roll back, drain, change the level of the log."""
    ADMINISTER = "administer"
    """Manage who may do what: users, tokens, roles, namespaces; read the audit log."""
    UPLOAD = "upload"
    """Bring code along, and take it away: archives of plugins."""
    DEBUG = "debug"
    """Look into the processes: profiles, stacks."""
